/** What is remembered for speed never outlives what it was remembered of: sessions that are held open, tokens that were verified. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { PrincipalFactory } from '../../libs/oidc-token-reuse/src/guard/principal.factory.js';
import { PresentedToken } from '../../libs/oidc-token-reuse/src/verification/presented-token.js';
import { ADAPTERS_AND_CUSTODIES, startHarness, type Harness } from '../support/harness.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

describe.each(ADAPTERS_AND_CUSTODIES)('what is remembered on %s, custody %s', (adapter, custody) => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await startHarness({ adapter, oidc: { custody } });
  });
  afterAll(() => harness.close());

  const isRemembered = (token: string): boolean =>
    harness.application.get(PrincipalFactory, { strict: false }).fromKnownBearer(new PresentedToken(token)) !==
    undefined;

  /** One that was used twice, and is remembered therefore. */
  async function hotToken(browser: TestBrowser): Promise<string> {
    await browser.fetch(`${harness.url}/api/token`);
    const response = await browser.fetch(`${harness.url}/api/token`);
    const { token } = (await response.json()) as { token: string };
    expect(isRemembered(token)).toBe(true);
    return token;
  }

  const claimOf = <Value>(token: string, name: string): Value =>
    (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, Value>)[
      name
    ] as Value;

  const profile = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${harness.url}/api/profile`, { headers });

  async function signOutAtProvider(token: string): Promise<void> {
    const { issuer, client } = harness.provider;
    const sid = claimOf<string>(token, 'sid');
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, aud: client.clientId, iat: now, exp: now + 120, jti: randomUUID(), sid };
    const logoutToken = await harness.provider.signLogoutToken({ ...claims, events: { [EVENT]: {} } }, {});
    const body = new URLSearchParams({ logout_token: logoutToken });
    const response = await fetch(`${harness.url}/auth/backchannel-logout`, { method: 'POST', body });
    expect(response.status).toBe(200);
  }

  const cookieOf = (browser: TestBrowser): string =>
    browser
      .cookies(harness.url)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');

  async function tokenFor(cookie: string): Promise<string> {
    const response = await fetch(`${harness.url}/api/token`, { headers: { cookie } });
    return ((await response.json()) as { token: string }).token;
  }

  it('of a session is forgotten at logout, and so is its access token', async () => {
    const browser = await harness.signedIn();
    const token = await hotToken(browser);
    const cookie = cookieOf(browser);
    expect((await profile({ cookie })).status).toBe(200);
    await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
    expect([isRemembered(token), (await profile({ cookie })).status]).toEqual([false, 401]);
  });

  it('of a session gives way to what replaced it', async () => {
    const browser = await harness.signedIn();
    const token = await hotToken(browser);
    const cookie = cookieOf(browser);
    expect((await browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' })).status).toBe(200);
    const newest = await hotToken(browser);
    expect(newest).not.toBe(token);
    expect(await tokenFor(cookie)).toBe(newest);
  });

  it('of a session is renewed when its access token has expired', async () => {
    freezeTime();
    try {
      const browser = await harness.signedIn();
      const token = await hotToken(browser);
      advance(claimOf<number>(token, 'exp') - Date.now() / 1000 + 1);
      expect(await hotToken(browser)).not.toBe(token);
    } finally {
      releaseTime();
    }
  });

  it('of a session ends at once when the provider signs it out', async () => {
    const browser = await harness.signedIn();
    const token = await hotToken(browser);
    await signOutAtProvider(token);
    expect((await browser.fetch(`${harness.url}/api/profile`)).status).toBe(401);
    expect(isRemembered(token)).toBe(false);
  });

  it('of a bearer token ends with its session at the provider', async () => {
    const token = await hotToken(await harness.signedIn());
    const authorization = `Bearer ${token}`;
    for (let count = 0; count < 3; count += 1) expect((await profile({ authorization })).status).toBe(200);
    await signOutAtProvider(token);
    for (let count = 0; count < 3; count += 1) expect((await profile({ authorization })).status).toBe(401);
  });
});
