/** What a logout over the back channel ends, and what it does not. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestBrowser, TokenClaims } from 'nestjs-oidc-token-reuse-testing';
import { isLetIn, providerSessionOf, sendLogout } from '../support/back-channel.js';
import { ADAPTERS_AND_CUSTODIES, startHarness, type Harness } from '../support/harness.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

describe.each(ADAPTERS_AND_CUSTODIES)('a back-channel logout on %s, custody %s', (adapter, custody) => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await startHarness({ adapter, oidc: { custody } });
  });
  afterEach(() => {
    harness.provider.faults.clear();
    releaseTime();
  });
  afterAll(() => harness.close());

  const logoutToken = (claims: TokenClaims): Promise<string> => harness.provider.signLogoutToken(claims);
  const send = (token: string): Promise<Response> => sendLogout(harness, token);
  const sidOf = (browser: TestBrowser): Promise<string> => providerSessionOf(harness, browser);
  const isSignedIn = (browser: TestBrowser): Promise<boolean> => isLetIn(harness, browser);

  it('ends exactly the session that the logout token names', async () => {
    const [one, other] = [await harness.signedIn(), await harness.signedIn()];
    const response = await send(await logoutToken({ sid: await sidOf(one) }));
    expect({
      status: response.status,
      store: response.headers.get('cache-control'),
      body: await response.text(),
    }).toEqual({
      status: 200,
      store: 'no-store',
      body: '',
    });
    expect({ one: await isSignedIn(one), other: await isSignedIn(other) }).toEqual({ one: false, other: true });
  });

  it('ends all sessions of a subject that began before, and none that began after', async () => {
    const [one, another, bob] = [await harness.signedIn(), await harness.signedIn(), await harness.signedIn('bob')];
    expect((await send(await logoutToken({ sub: 'user-alice', sid: undefined }))).status).toBe(200);
    freezeTime();
    advance(1);
    const after = await harness.signedIn();
    expect({
      before: [await isSignedIn(one), await isSignedIn(another)],
      after: await isSignedIn(after),
      bob: await isSignedIn(bob),
    }).toEqual({ before: [false, false], after: true, bob: true });
  });

  it('refuses a bearer token of the session that has ended', async () => {
    const browser = await harness.signedIn();
    const { token } = (await (await browser.fetch(`${harness.url}/api/token`)).json()) as { token: string };
    const call = (): Promise<Response> =>
      fetch(`${harness.url}/api/profile`, { headers: { authorization: `Bearer ${token}` } });
    expect((await call()).status).toBe(200);
    await send(await logoutToken({ sid: await sidOf(browser) }));
    const refused = await call();
    expect({ status: refused.status, challenge: refused.headers.get('www-authenticate') }).toEqual({
      status: 401,
      challenge: 'Bearer error="invalid_token", error_description="the session of the access token was signed out"',
    });
  });

  it('O4 keeps a login signed out that was under way when the logout came', async () => {
    const browser = harness.browser();
    const held = harness.provider.faults.hold({ kind: 'token', grant: 'authorization_code' }, 'after');
    const login = harness.signIn(browser);
    await held.arrived;
    await send(await logoutToken({ sub: 'user-alice', sid: undefined }));
    held.release();
    const response = await login;
    expect(new URL(response.url).searchParams.get('error')).toBe('login_required');
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('is told by the provider when the end-user signs out there', async () => {
    harness.provider.updateClient({
      backchannel_logout_uri: `${harness.url}/auth/backchannel-logout`,
      backchannel_logout_session_required: true,
    });
    const browser = await harness.signedIn();
    const received = harness.eventTypes().filter((type) => type === 'logout.received').length;
    await browser.navigate(`${harness.provider.issuer}/session/end`);
    expect(await isSignedIn(browser)).toBe(false);
    expect(harness.eventTypes().filter((type) => type === 'logout.received')).toHaveLength(received + 1);
  });
});
