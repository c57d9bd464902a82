/** Sessions that still open and count no more, or not for everything: their tokens are refused, their provider ended them, settings have changed. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { sendLogout, providerSessionOf } from '../support/back-channel.js';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { authorize, redirectOf } from '../support/login.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

describe.each(ADAPTERS)('a session on %s', (adapter) => {
  let harness: Harness;
  let provider: TestProvider;

  beforeAll(async () => {
    harness = await startHarness({ adapter });
    provider = harness.provider;
  });
  afterEach(() => {
    provider.faults.clear();
    releaseTime();
  });
  afterAll(() => harness.close());

  const refreshes = (): number => provider.requests.count('token', { grant: 'refresh_token' });

  it('whose new tokens are refused here asks for others once in half a minute, not at every request', async () => {
    const browser = await harness.signedIn();
    provider.faults.rewrite({ kind: 'token', grant: 'refresh_token', times: Infinity }, (body) => ({
      ...body,
      access_token: withAnotherSignature(String(body['access_token'])),
    }));
    freezeTime();
    advance(3700);
    const before = refreshes();
    const ask = async (): Promise<number> => (await browser.fetch(`${harness.url}/api/profile`)).status;
    const statuses: number[] = [];
    for (let request = 0; request < 10; request += 1) statuses.push(await ask());
    expect({ statuses: new Set(statuses), asked: refreshes() - before }).toEqual({
      statuses: new Set([401]),
      asked: 1,
    });
    advance(30);
    statuses.push(await ask(), await ask());
    expect(refreshes() - before).toBe(2);
    provider.faults.clear();
    advance(30);
    expect(await ask()).toBe(200);
  });

  it('that its provider ended soon after the sign-in is no reason to say that the browser keeps none', async () => {
    const browser = await harness.signedIn();
    const token = await provider.signLogoutToken({ sid: await providerSessionOf(harness, browser) });
    expect((await sendLogout(harness, token)).status).toBe(200);
    const start = await browser.navigate(`${harness.url}/auth/login`, { follow: false });
    expect(redirectOf(start).location).toContain(`${provider.issuer}/auth?`);
  });

  it('of a time when tokens were kept uses them no more, and loses them at its next refresh', async () => {
    const browser = await harness.signedIn();
    const identityOnly = await startHarness({ adapter, provider, oidc: { reuseTokens: false } });
    const ask = async (path: string, method = 'GET'): Promise<unknown> =>
      (await browser.fetch(identityOnly.url + path, { method })).json();
    expect(await ask('/api/token')).toEqual({ token: null });
    expect(await ask('/auth/session')).toMatchObject({ authenticated: true, tokens: { id: expect.anything() } });
    expect(await ask('/auth/userinfo')).toMatchObject({ error: 'token_reuse_disabled' });
    const before = refreshes();
    expect(await ask('/auth/refresh', 'POST')).toMatchObject({ authenticated: true });
    expect(refreshes() - before).toBe(0);
    expect(await (await browser.fetch(`${harness.url}/api/token`)).json()).toEqual({ token: null });
    await identityOnly.close();
  });

  it('that is begun where another state was made up loses no attempt', async () => {
    const browser = harness.browser();
    const url = await authorize(harness, browser);
    for (let index = 0; index < 30; index += 1)
      await browser.fetch(`${harness.url}/auth/callback?code=x&state=made-up-${String(index)}`);
    expect((await browser.navigate(url, { follow: false, initiator: provider.issuer })).headers.get('location')).toBe(
      '/',
    );
  });
});

/** The same claims under a signature that is none. */
function withAnotherSignature(token: string): string {
  const [header = '', claims = '', signature = ''] = token.split('.');
  return [header, claims, (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)].join('.');
}
