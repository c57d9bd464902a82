/** Nobody is signed out by accident: parallel requests, lost responses, old cookies, and a provider that fails. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

/** The request and its replay, which a lenient provider allows. */
const TWICE = { kind: 'token', grant: 'refresh_token', times: 2 } as const;

describe.each(ADAPTERS)('staying signed in on %s', (adapter) => {
  let harness: Harness;
  let lenient: Harness;

  beforeAll(async () => {
    harness = await startHarness({ adapter });
    lenient = await startHarness({ adapter, oidc: { replayWindow: 30 }, providerOptions: { mode: { lenient: 60 } } });
  });
  afterEach(() => {
    releaseTime();
    for (const { provider } of [harness, lenient]) {
      provider.faults.clear();
      provider.requests.reset();
    }
  });
  afterAll(async () => {
    await harness.close();
    await lenient.close();
  });

  function parallel({ url }: Harness, browser: TestBrowser, count: number): Promise<number[]> {
    return Promise.all(Array.from({ length: count }, async () => (await browser.fetch(`${url}/api/profile`)).status));
  }

  function refreshes({ provider }: Harness): number {
    return provider.requests.count('token', { grant: 'refresh_token' });
  }

  async function isSignedIn({ url }: Harness, browser: TestBrowser): Promise<boolean> {
    return (await browser.fetch(`${url}/api/profile`)).status === 200;
  }

  it('R1 renews once for a hundred requests with an expired access token, and the session lives on', async () => {
    const browser = await harness.signedIn();
    freezeTime();
    advance(3700);
    expect(new Set(await parallel(harness, browser, 100))).toEqual(new Set([200]));
    expect(refreshes(harness)).toBe(1);
    advance(3700);
    expect(await isSignedIn(harness, browser)).toBe(true);
    expect({ replays: harness.provider.replays, revoked: harness.provider.revokedFamilies }).toEqual({
      replays: 0,
      revoked: 0,
    });
  });

  it('asks again with the same token when the answer was lost and the provider allows that', async () => {
    const browser = await lenient.signedIn();
    freezeTime();
    advance(3700);
    lenient.provider.faults.dropResponse({ kind: 'token', grant: 'refresh_token' });
    expect(new Set(await parallel(lenient, browser, 100))).toEqual(new Set([200]));
    expect(refreshes(lenient)).toBe(2);
    expect(lenient.events.filter(({ type }) => type === 'refresh.lost_response')).toMatchObject([{ replayed: true }]);
    expect(await isSignedIn(lenient, browser)).toBe(true);
  });

  it('leads an older cookie that was put back to the newest token set, after five rotations in a row', async () => {
    const browser = await harness.signedIn();
    const old = browser.jar.snapshot();
    for (let rotation = 0; rotation < 5; rotation += 1) {
      expect((await browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' })).status).toBe(200);
    }
    browser.jar.restore(old);
    expect(await isSignedIn(harness, browser)).toBe(true);
    freezeTime();
    advance(3700);
    expect(await isSignedIn(harness, browser)).toBe(true);
    expect({ replays: harness.provider.replays, revoked: harness.provider.revokedFamilies }).toEqual({
      replays: 0,
      revoked: 0,
    });
  });

  it('never sends a refresh token that it knows to be spent, and ends nobody else’s session over one', async () => {
    const browser = await harness.signedIn();
    const old = browser.jar.snapshot();
    await browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' });
    const current = browser.jar.snapshot();
    freezeTime();
    advance(3700);
    browser.jar.restore(old);
    harness.provider.requests.reset();
    const refused = await browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' });
    expect({ status: refused.status, body: await refused.json() }).toEqual({
      status: 401,
      body: { error: 'login_required', error_description: 'the session was renewed elsewhere; sign in again' },
    });
    expect(refreshes(harness)).toBe(0);
    expect(harness.eventTypes()).toContain('refresh.replay_detected');
    browser.jar.restore(current);
    expect(await isSignedIn(harness, browser)).toBe(true);
  });

  it.each([
    ['answers 500', (h: Harness) => void h.provider.faults.status(TWICE, 500)],
    ['answers 429', (h: Harness) => void h.provider.faults.status(TWICE, 429, { retryAfter: 7 })],
    ['answers with a page', (h: Harness) => void h.provider.faults.html(TWICE)],
    ['closes the connection', (h: Harness) => void h.provider.faults.drop(TWICE)],
  ])('keeps the session while the provider %s, and goes on when it is back', async (_title, fail) => {
    const browser = await lenient.signedIn();
    freezeTime();
    advance(3700);
    fail(lenient);
    const refused = await browser.fetch(`${lenient.url}/api/profile`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(refused.headers.getSetCookie()).toEqual([]);
    lenient.provider.faults.clear();
    expect(await isSignedIn(lenient, browser)).toBe(true);
  });

  it('ends the session once when the provider really refuses its refresh token', async () => {
    const browser = await harness.signedIn();
    harness.provider.faults.status({ kind: 'token', grant: 'refresh_token' }, 400, {
      body: { error: 'invalid_grant' },
    });
    const refused = await browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' });
    expect({ status: refused.status, body: await refused.json() }).toMatchObject({
      status: 401,
      body: { error: 'login_required' },
    });
    expect(await (await browser.fetch(`${harness.url}/auth/session`)).json()).toEqual({ authenticated: false });
  });

  it('S8 stays signed out when the logout comes while the tokens are being renewed', async () => {
    const browser = await harness.signedIn();
    const held = harness.provider.faults.hold({ kind: 'token', grant: 'refresh_token' }, 'after');
    const renewal = browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' });
    await held.arrived;
    const logout = browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
    held.release();
    await Promise.all([renewal, logout]);
    expect(await isSignedIn(harness, browser)).toBe(false);
  });

  it('renews in the last stretch behind the request that still uses the old token', async () => {
    const browser = await harness.signedIn();
    freezeTime();
    advance(3600 - 10);
    expect(await isSignedIn(harness, browser)).toBe(true);
    await harness.close();
    expect(refreshes(harness)).toBe(1);
    harness = await startHarness({ adapter });
  });
});
