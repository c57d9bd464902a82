/** Logout that the provider asks for: Back-Channel Logout 1.0 and Front-Channel Logout 1.0. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestBrowser, TokenClaims } from 'nestjs-oidc-token-reuse-testing';
import { isLetIn, providerSessionOf, sendLogout } from '../support/back-channel.js';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

describe.each(ADAPTERS)('logout channels on %s', (adapter) => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await startHarness({ adapter });
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

  describe('back channel', () => {
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

  describe('front channel', () => {
    const frame = (query: string): Promise<Response> => fetch(`${harness.url}/auth/frontchannel-logout${query}`);

    it('oidcc-client-test-frontchannel-rp-logout: marks the session that the issuer names, and may be framed by the issuer only', async () => {
      const browser = await harness.signedIn();
      const query = new URLSearchParams({ iss: harness.provider.issuer, sid: await sidOf(browser) });
      const response = await frame(`?${query.toString()}`);
      expect({
        status: response.status,
        store: response.headers.get('cache-control'),
        csp: response.headers.get('content-security-policy'),
      }).toEqual({
        status: 200,
        store: 'no-store',
        csp: `default-src 'none'; frame-ancestors ${harness.provider.issuer}`,
      });
      expect(await isSignedIn(browser)).toBe(false);
    });

    it('O3 revokes nothing', async () => {
      const browser = await harness.signedIn();
      const before = harness.provider.requests.count('revocation');
      await frame(`?${new URLSearchParams({ iss: harness.provider.issuer, sid: await sidOf(browser) }).toString()}`);
      expect(harness.provider.requests.count('revocation')).toBe(before);
    });

    it.each([
      ['without iss and sid', ''],
      ['without sid', '?iss=ISSUER'],
      ['without iss', '?sid=x'],
      ['with another issuer', '?iss=https%3A%2F%2Fissuer.invalid&sid=x'],
      ['with two sids', '?iss=ISSUER&sid=x&sid=y'],
      ['with a sid that is too long', `?iss=ISSUER&sid=${'x'.repeat(300)}`],
    ])('oidcc-client-test-frontchannel-rp-logout: answers 400 %s', async (_title, query) => {
      expect((await frame(query.replace('ISSUER', encodeURIComponent(harness.provider.issuer)))).status).toBe(400);
    });

    it('O3 takes the mark of a session that is there, however many of unknown ones come', async () => {
      const browser = await harness.signedIn();
      const sid = await sidOf(browser);
      const mark = (name: string): Promise<Response> =>
        frame(`?${new URLSearchParams({ iss: harness.provider.issuer, sid: name }).toString()}`);
      const unknown = await Promise.all(Array.from({ length: 120 }, (_, index) => mark(`unknown-${String(index)}`)));
      expect(unknown.some(({ status }) => status === 429)).toBe(true);
      expect((await mark(sid)).status).toBe(200);
      expect(await isSignedIn(browser)).toBe(false);
    });

    it('O3 remembers the mark of a session that nobody can know of for longer than a login may take', async () => {
      freezeTime();
      advance(100_000);
      const sid = 'of-no-session-here';
      const token = await harness.provider.signAccessToken({
        sub: 'user-alice',
        sid,
        exp: Math.floor(Date.now() / 1000) + 3600,
      });
      const call = async (): Promise<number> =>
        (await fetch(`${harness.url}/api/profile`, { headers: { authorization: `Bearer ${token}` } })).status;
      await frame(`?${new URLSearchParams({ iss: harness.provider.issuer, sid }).toString()}`);
      const marked = await call();
      advance(601);
      expect({ marked, after: await call() }).toEqual({ marked: 401, after: 401 });
    });

    it('lets through a hundred marks of unknown sessions in ten seconds', async () => {
      freezeTime();
      advance(200_000);
      const mark = (index: number): Promise<Response> =>
        frame(`?${new URLSearchParams({ iss: harness.provider.issuer, sid: `s${String(index)}` }).toString()}`);
      const answers = await Promise.all(Array.from({ length: 120 }, (_, index) => mark(index)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(100);
      const [refused] = answers.filter(({ status }) => status === 429);
      expect({ retryAfter: refused?.headers.get('retry-after'), body: await refused?.json() }).toEqual({
        retryAfter: '10',
        body: { error: 'too_many_requests', error_description: 'too many sessions are being ended through browsers' },
      });
    });
  });
});
