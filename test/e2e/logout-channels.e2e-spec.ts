/** Logout that the provider asks for: Back-Channel Logout 1.0 and Front-Channel Logout 1.0. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SignOptions, TestBrowser, TokenClaims } from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

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

  const now = (): number => Math.floor(Date.now() / 1000);

  async function logoutToken(claims: TokenClaims, options: SignOptions = {}): Promise<string> {
    const { issuer, client } = harness.provider;
    const base = {
      iss: issuer,
      aud: client.clientId,
      iat: now(),
      exp: now() + 120,
      jti: randomUUID(),
      events: { [EVENT]: {} },
    };
    return harness.provider.signLogoutToken({ ...base, ...claims }, options);
  }

  function send(token: string | undefined): Promise<Response> {
    const body = new URLSearchParams(token === undefined ? {} : { logout_token: token });
    return fetch(`${harness.url}/auth/backchannel-logout`, { method: 'POST', body });
  }

  async function sidOf(browser: TestBrowser): Promise<string> {
    const token = (await (await browser.fetch(`${harness.url}/api/token`)).json()) as { token: string };
    const payload = JSON.parse(Buffer.from(token.token.split('.')[1] ?? '', 'base64url').toString()) as { sid: string };
    return payload.sid;
  }

  async function isSignedIn(browser: TestBrowser): Promise<boolean> {
    return (await browser.fetch(`${harness.url}/api/profile`)).status === 200;
  }

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

    it('O1 refuses a logout token that came before', async () => {
      const token = await logoutToken({ sid: 'some-session' });
      expect((await send(token)).status).toBe(200);
      const response = await send(token);
      expect({
        status: response.status,
        body: await response.json(),
        store: response.headers.get('cache-control'),
      }).toEqual({
        status: 400,
        body: { error: 'invalid_request', error_description: 'the logout token was used before' },
        store: 'no-store',
      });
    });

    const foreign: readonly [string, TokenClaims, SignOptions?][] = [
      ['without a signature', {}, { sign: 'none' }],
      ['signed with HS256 and the public key', {}, { sign: 'hs256-public' }],
      ['with a signature that is garbage', {}, { sign: 'garbage' }],
      ['of another type', {}, { header: { typ: 'at+jwt' } }],
      ['for another audience', { aud: 'another-client' }],
      ['without an audience', { aud: undefined }],
      ['of another issuer', { iss: 'https://issuer.invalid' }],
      ['without an issuer', { iss: undefined }],
      ['without the event', { events: undefined }],
      ['with another event', { events: { 'http://schemas.openid.net/event/other': {} } }],
      ['with an event that is no object', { events: { [EVENT]: true } }],
      ['with a nonce', { nonce: 'n' }],
      ['without iat', { iat: undefined }],
      ['without exp', { exp: undefined }],
      ['without jti', { jti: undefined }],
      ['without sid and sub', { sid: undefined, sub: undefined }],
    ];
    it.each(foreign)('O1 refuses a logout token %s', async (...[, claims, options]) => {
      const browser = await harness.signedIn();
      const sid = await sidOf(browser);
      const response = await send(await logoutToken({ sid, ...claims }, options));
      expect({ status: response.status, body: await response.json() }).toEqual({
        status: 400,
        body: { error: 'invalid_request', error_description: 'the logout token is not acceptable' },
      });
      expect(await isSignedIn(browser)).toBe(true);
    });

    it.each([
      ['expired', { iat: -600, exp: -400 }],
      ['made long ago', { iat: -600, exp: 60 }],
      ['from the future', { iat: 600, exp: 700 }],
    ])('O1 refuses a logout token that is %s', async (_title, { iat, exp }) => {
      expect((await send(await logoutToken({ sid: 'x', iat: now() + iat, exp: now() + exp }))).status).toBe(400);
    });

    it('O2 does not end the session of another issuer with the same sid', async () => {
      const browser = await harness.signedIn();
      await send(await logoutToken({ sid: await sidOf(browser), iss: 'https://issuer.invalid' }));
      expect(await isSignedIn(browser)).toBe(true);
    });

    it('refuses a request without a logout token, or with two', async () => {
      expect((await send(undefined)).status).toBe(400);
      const token = await logoutToken({ sid: 'x' });
      const body = `logout_token=${token}&logout_token=${token}`;
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      expect((await fetch(`${harness.url}/auth/backchannel-logout`, { method: 'POST', body, headers })).status).toBe(
        400,
      );
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

    it('marks the session that the issuer names, and may be framed by the issuer only', async () => {
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
    ])('answers 400 %s', async (_title, query) => {
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

    it('O3 remembers the mark of an unknown session for as long as a login may take, and no longer', async () => {
      freezeTime();
      advance(100_000);
      const sid = 'of-no-session-here';
      const token = await harness.provider.signAccessToken({ sub: 'user-alice', sid, exp: now() + 3600 });
      const call = async (): Promise<number> =>
        (await fetch(`${harness.url}/api/profile`, { headers: { authorization: `Bearer ${token}` } })).status;
      await frame(`?${new URLSearchParams({ iss: harness.provider.issuer, sid }).toString()}`);
      const marked = await call();
      advance(599);
      const before = await call();
      advance(1);
      expect({ marked, before, after: await call() }).toEqual({ marked: 401, before: 401, after: 200 });
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
