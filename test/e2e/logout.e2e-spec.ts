/** Signing out: here, in requests still under way, of the provider's tokens, and at the provider. */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createTestProvider, type TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness, type HarnessOptions } from '../support/harness.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const CLEARED = 'Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax';
const SIGNED_OUT = {
  status: 401,
  body: { error: 'login_required', error_description: 'the session was signed out' },
  challenge: 'Bearer',
};

describe.each(ADAPTERS)('logout on %s', (adapter) => {
  let provider: TestProvider;
  let shared: Harness;
  let recording: RecordingFetch;
  const running: { close(): Promise<void> }[] = [];

  /** The application that most tests share, or one of its own. */
  const start = async (options?: HarnessOptions): Promise<Harness> => {
    if (options === undefined) return shared;
    const harness = await startHarness({ adapter, provider, ...options });
    running.unshift(harness);
    return harness;
  };
  const signOut = (browser: TestBrowser, { url }: Harness, form: Record<string, string> = {}) =>
    browser.fetch(`${url}/auth/logout`, { method: 'POST', body: new URLSearchParams(form) });
  const redirectOf = async (response: Response) => {
    const { redirect } = (await response.json()) as { redirect: string | null };
    return redirect === null ? null : new URL(redirect);
  };
  const sessionCookies = (browser: TestBrowser, { url }: Harness) =>
    browser.cookies(url).filter(({ name }) => name.includes('oidc.session'));
  const get = async (browser: TestBrowser, { url }: Harness, path: string) => answerOf(await browser.fetch(url + path));
  const revocations = () =>
    recording.sent.filter(({ url }) => url.endsWith('/token/revocation')).map(({ form }) => form);
  /** Redeems a refresh token as a thief would. */
  const redeem = async (refreshToken: string) => {
    const { clientId, clientSecret } = provider.client;
    const credentials = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    const response = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${credentials}` },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }),
    });
    return ((await response.json()) as { error?: string }).error;
  };

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
    recording = new RecordingFetch();
    shared = await startHarness({ adapter, provider, oidc: { fetch: recording.fetch } });
  });
  afterEach(async () => {
    releaseTime();
    provider.faults.clear();
    provider.requests.reset();
    recording.sent.length = 0;
    shared.events.length = 0;
    for (const each of running.splice(0)) await each.close();
  });
  afterAll(async () => {
    await shared.close();
    await provider.close();
  });

  describe('here', () => {
    it('clears the cookies, revokes the refresh token and says where to go', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      harness.events.length = 0;
      const response = await signOut(browser, harness);
      expect({ status: response.status, cache: response.headers.get('cache-control') }).toEqual({
        status: 200,
        cache: 'no-store',
      });
      expect(sessionCookies(browser, harness)).toEqual([]);
      expect(revocations()).toEqual([{ token: expect.any(String), token_type_hint: 'refresh_token' }]);
      expect(harness.events).toEqual([
        {
          type: 'logout',
          issuer: provider.issuer,
          subject: 'user-alice',
          session: expect.stringMatching(/^[\w-]{12}$/),
          revoked: true,
        },
      ]);
      expect(await redeem(String(revocations()[0]?.['token']))).toBe('invalid_grant');
      expect(await get(browser, harness, '/auth/session')).toMatchObject({ body: { authenticated: false } });
    });

    it('S9 clears with the attributes that the cookies were set with', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      const response = await signOut(browser, harness);
      const lines = response.headers.getSetCookie();
      expect(lines[0]).toBe(`oidc.session.0=; ${CLEARED}`);
      expect(new Set(lines.map((line) => line.replace(/^[\w.]+=; /, '')))).toEqual(new Set([CLEARED]));
    });

    it('S9 clears every chunk of a large session, and what is left over from a larger one', async () => {
      const groups = Array.from({ length: 60 }, (_, index) => `group-${index}-0123456789012345678901234567`);
      const own = await createTestProvider({
        audience: API_AUDIENCE,
        alg: 'ES256',
        users: [{ login: 'alice', password: 'alice', sub: 'a', name: 'A', email: 'a@b.test', claims: { groups } }],
      });
      running.push(own);
      const harness = await start({ provider: own });
      const browser = await harness.signedIn();
      const names = sessionCookies(browser, harness).map(({ name }) => name);
      expect(names).toEqual(['oidc.session.0', 'oidc.session.1']);
      const cookie = `${browser.jar.header(new URL(harness.url)) ?? ''}; oidc.session.5=left-over`;
      const response = await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST', headers: { cookie } });
      const cleared = response.headers.getSetCookie().map((line) => line.split('=')[0]);
      expect(cleared).toEqual(expect.arrayContaining([...names, 'oidc.session.5']));
      expect(sessionCookies(browser, harness)).toEqual([]);
    });

    it('S9 mirrors prefix and Secure over https', async () => {
      const harness = await start({ oidc: { publicUrl: 'https://app.example.com' } });
      const response = await fetch(`${harness.url}/auth/logout`, {
        method: 'POST',
        headers: { cookie: '__Host-oidc.session.0=broken; oidc.session.0=tossed', origin: 'https://app.example.com' },
      });
      expect(response.status).toBe(200);
      expect(response.headers.getSetCookie()[0]).toBe(`__Host-oidc.session.0=; ${CLEARED}; Secure`);
    });

    it('S8 old cookies are worth nothing afterwards', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      const before = browser.jar.snapshot();
      await signOut(browser, harness);
      browser.jar.restore(before);
      expect(await get(browser, harness, '/api/profile')).toEqual(SIGNED_OUT);
      expect(sessionCookies(browser, harness)).toEqual([]);
      browser.jar.restore(before);
      const refresh = await browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' });
      expect(await answerOf(refresh)).toEqual(SIGNED_OUT);
      browser.jar.restore(before);
      expect(await get(browser, harness, '/auth/session')).toMatchObject({ body: { authenticated: false } });
      expect(provider.requests.count('token', { grant: 'refresh_token' })).toBe(0);
    });

    it.each(['cookie', 'store'] as const)(
      'S8 a request still under way never brings the session back, and its new tokens are revoked: custody %s',
      async (custody) => {
        const harness = await start({ oidc: { custody, fetch: recording.fetch } });
        const browser = await harness.signedIn();
        freezeTime();
        advance(301);
        const hold = provider.faults.hold({ kind: 'token', grant: 'refresh_token' }, 'after');
        const pending = get(browser, harness, '/api/profile');
        await hold.arrived;
        const leaving = signOut(browser, harness);
        await untilSignedOut(browser.jar.snapshot(), harness);
        hold.release();
        const answers = await Promise.all([pending, leaving]);
        expect(answers[0]).toEqual(SIGNED_OUT);
        expect(answers[1].status).toBe(200);
        expect(sessionCookies(browser, harness)).toEqual([]);
        expect((await get(browser, harness, '/api/profile')).status).toBe(401);
        const [spent] = recording.forms('refresh_token');
        const [revoked] = revocations();
        expect(revoked?.['token']).not.toBe(spent?.['refresh_token']);
        expect(await redeem(String(revoked?.['token']))).toBe('invalid_grant');
      },
    );

    it('ends one session, not the others of the same end-user', async () => {
      const harness = await start();
      const [here, elsewhere] = [await harness.signedIn(), await harness.signedIn()];
      await signOut(here, harness);
      expect((await get(elsewhere, harness, '/api/profile')).status).toBe(200);
    });

    it('works with an expired access token, without renewing it', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      freezeTime();
      advance(301);
      expect((await signOut(browser, harness)).status).toBe(200);
      expect(provider.requests.count('token', { grant: 'refresh_token' })).toBe(0);
      expect(revocations()).toHaveLength(1);
    });

    it('works with an expired session, while its cookies are still there', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      const cookie = browser.jar.header(new URL(harness.url)) ?? null;
      freezeTime();
      advance(90_000);
      const response = await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST', headers: { cookie } });
      expect(response.status).toBe(200);
      expect((await redirectOf(response))?.searchParams.has('id_token_hint')).toBe(true);
      expect(revocations()).toHaveLength(1);
    });

    it('works twice, and without a session, saying the same', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      await signOut(browser, harness);
      harness.events.length = 0;
      for (const again of [browser, harness.browser()]) {
        const response = await signOut(again, harness);
        const redirect = await redirectOf(response);
        expect({ status: response.status, parameters: Object.fromEntries(redirect?.searchParams ?? []) }).toEqual({
          status: 200,
          parameters: { post_logout_redirect_uri: harness.url, client_id: provider.client.clientId },
        });
      }
      expect(harness.events).toEqual([]);
    });

    it('works with cookies that do not open', async () => {
      const harness = await start();
      const browser = harness.browser();
      const cookie = 'oidc.session.0=broken; oidc.session.3=pieces';
      const response = await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST', headers: { cookie } });
      expect(response.status).toBe(200);
      const cleared = response.headers.getSetCookie().map((line) => line.split('=')[0]);
      expect(cleared).toEqual(expect.arrayContaining(['oidc.session.0', 'oidc.session.3']));
    });
  });

  describe('at the provider', () => {
    it('names the session by its ID Token, and comes back with the state', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      const redirect = await redirectOf(await signOut(browser, harness, { state: 'where I was' }));
      expect(`${redirect?.origin ?? ''}${redirect?.pathname ?? ''}`).toBe(`${provider.issuer}/session/end`);
      expect(Object.fromEntries(redirect?.searchParams ?? [])).toEqual({
        id_token_hint: expect.stringMatching(/^eyJ/),
        client_id: provider.client.clientId,
        post_logout_redirect_uri: harness.url,
        state: 'where I was',
      });
      const landed = await browser.navigate(String(redirect));
      expect(landed.url).toBe(`${harness.url}/?state=where+I+was`);
      // The provider's own session has ended too: it asks for the password again.
      const login = await browser.navigate(`${harness.url}/auth/login`);
      expect(await login.text()).toContain('name="password"');
    });

    it.each([
      [2000, ['client_id', 'id_token_hint', 'post_logout_redirect_uri']],
      [300, ['client_id', 'logout_hint', 'post_logout_redirect_uri']],
      [100, ['client_id', 'post_logout_redirect_uri']],
    ])('uses the best hint that fits into %i characters', async (maxLogoutUrlLength, names) => {
      const harness = await start({ oidc: { maxLogoutUrlLength } });
      const browser = await harness.signedIn();
      const redirect = await redirectOf(await signOut(browser, harness));
      expect([...(redirect?.searchParams.keys() ?? [])].sort()).toEqual(names);
      expect(redirect?.searchParams.get('logout_hint') ?? 'alice').toBe('alice');
      expect((await browser.navigate(String(redirect))).url).toBe(`${harness.url}/`);
    });

    it('hints at the subject when the end-user has no other name', async () => {
      const harness = await start({ oidc: { scope: 'openid', maxLogoutUrlLength: 300 } });
      const browser = await harness.signedIn();
      const redirect = await redirectOf(await signOut(browser, harness));
      expect(redirect?.searchParams.get('logout_hint')).toBe('user-alice');
    });

    it('is left alone where that is configured', async () => {
      const harness = await start({ oidc: { useEndSessionEndpoint: false } });
      const browser = await harness.signedIn();
      expect(await redirectOf(await signOut(browser, harness))).toBeNull();
    });

    it('cannot be asked for while the provider is not known', async () => {
      provider.faults.status({ kind: 'discovery', times: Infinity }, 503);
      const harness = await start({});
      expect(await redirectOf(await signOut(harness.browser(), harness))).toBeNull();
    });

    it('cannot be asked for when the provider has no such endpoint', async () => {
      provider.faults.omit({ kind: 'discovery', times: Infinity }, 'end_session_endpoint', 'revocation_endpoint');
      const harness = await start({});
      const browser = await harness.signedIn();
      expect(await redirectOf(await signOut(browser, harness))).toBeNull();
      expect(harness.events.at(-1)).toMatchObject({ type: 'logout', revoked: false });
    });
  });

  describe('of a page load', () => {
    const submit = (browser: TestBrowser, { url }: Harness, headers = {}) =>
      browser.navigate(`${url}/auth/logout`, {
        method: 'POST',
        form: { state: 's' },
        initiator: `${url}/`,
        follow: false,
        headers,
      });

    it('is 303 to the provider, and by it back', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      const response = await submit(browser, harness);
      const location = response.headers.get('location') ?? '';
      expect({ status: response.status, body: await response.text() }).toEqual({ status: 303, body: '' });
      expect(location).toMatch(new RegExp(`^${provider.issuer}/session/end\\?`));
      expect((await browser.navigate(location)).url).toBe(`${harness.url}/?state=s`);
    });

    it('is 303 to the place after the logout when the provider is left alone', async () => {
      const harness = await start({
        oidc: { useEndSessionEndpoint: false, postLogoutRedirectUri: 'https://www.example.com/bye' },
      });
      const browser = await harness.signedIn();
      const response = await submit(browser, harness);
      expect({ status: response.status, location: response.headers.get('location') }).toEqual({
        status: 303,
        location: 'https://www.example.com/bye',
      });
    });

    it('is known by Accept when the browser is too old to say so', async () => {
      const harness = await start();
      const old = { 'sec-fetch-mode': null, 'sec-fetch-site': null, origin: harness.url };
      expect((await submit(harness.browser(), harness, old)).status).toBe(303);
      const script = await harness.browser().fetch(`${harness.url}/auth/logout`, {
        method: 'POST',
        headers: { 'sec-fetch-mode': null, accept: 'application/json' },
      });
      expect(script.status).toBe(200);
    });
  });

  describe('parameters', () => {
    it('O5 accepts the configured place after the logout', async () => {
      const harness = await start({ oidc: { postLogoutRedirectUri: 'https://www.example.com/bye' } });
      const form = { post_logout_redirect_uri: 'https://www.example.com/bye' };
      const redirect = await redirectOf(await signOut(harness.browser(), harness, form));
      expect(redirect?.searchParams.get('post_logout_redirect_uri')).toBe('https://www.example.com/bye');
    });

    it('O5 refuses every other place, and the session lives on', async () => {
      const harness = await start({ oidc: { postLogoutRedirectUri: 'https://www.example.com/bye' } });
      const browser = await harness.signedIn();
      const places = [
        'https://www.example.com/bye/',
        'https://www.example.com/bye?a=b',
        'https://www.example.com/bye#a',
        'https://www.example.com/BYE',
        'https://www.example.com:443/bye',
        'https://www.example.com/',
        'https://www.example.com.evil.example/bye',
        'https://www.example.com@evil.example/bye',
        'https://evil.example/https://www.example.com/bye',
        'http://www.example.com/bye',
        '//www.example.com/bye',
        '/bye',
        'javascript:alert(1)',
        ' https://www.example.com/bye',
        'https://www.example.com/bye\r\nSet-Cookie: a=b',
        '',
      ];
      for (const place of places) {
        const response = await signOut(browser, harness, { post_logout_redirect_uri: place });
        expect(await answerOf(response)).toEqual({
          status: 400,
          body: {
            error: 'invalid_request',
            error_description: "parameter 'post_logout_redirect_uri' is not the configured one",
          },
          challenge: expect.stringMatching(/^Bearer error="invalid_request"/),
        });
      }
      expect((await get(browser, harness, '/api/profile')).status).toBe(200);
    });

    it.each(['state=a&state=b', 'state[a]=b', `state=${'x'.repeat(8193)}`])('are one string each: %#', async (body) => {
      const harness = await start();
      const response = await harness.browser().fetch(`${harness.url}/auth/logout`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body,
      });
      // What one adapter reads as a nested value the other reads as another name.
      expect(body.startsWith('state[') ? [200, 400] : [400]).toContain(response.status);
    });

    it('carries a state that holds anything, as it is', async () => {
      const harness = await start();
      const state = '&redirect_uri=https://evil.example/#<script>"\u00e9';
      const redirect = await redirectOf(await signOut(harness.browser(), harness, { state }));
      expect(redirect?.searchParams.get('state')).toBe(state);
      expect([...(redirect?.searchParams.keys() ?? [])].sort()).toEqual([
        'client_id',
        'post_logout_redirect_uri',
        'state',
      ]);
    });

    it('a GET signs nobody out', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      expect((await get(browser, harness, '/auth/logout')).status).toBe(404);
      expect((await get(browser, harness, '/api/profile')).status).toBe(200);
    });
  });

  describe('revocation', () => {
    it('is waited for 2 s, then goes on behind the answer', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      const hold = provider.faults.hold('revocation');
      holdTimers();
      let answered = false;
      const leaving = signOut(browser, harness).finally(() => {
        answered = true;
      });
      await hold.arrived;
      jest.advanceTimersByTime(1999);
      await new Promise(setImmediate);
      expect(answered).toBe(false);
      jest.advanceTimersByTime(1);
      expect((await leaving).status).toBe(200);
      expect(harness.events.at(-1)).toMatchObject({ type: 'logout', revoked: false });
      expect(harness.eventTypes()).not.toContain('revocation.failed');
      const token = String(revocations()[0]?.['token']);
      hold.release();
      jest.useRealTimers();
      while (provider.requests.list().every(({ kind, status }) => kind !== 'revocation' || status === 0))
        await new Promise(setImmediate);
      expect(await redeem(token)).toBe('invalid_grant');
    });

    it('does not wait for a renewal that takes longer either, and revokes what came of it', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      freezeTime();
      advance(301);
      const hold = provider.faults.hold({ kind: 'token', grant: 'refresh_token' }, 'after');
      const pending = get(browser, harness, '/api/profile');
      await hold.arrived;
      releaseTime();
      holdTimers();
      const leaving = signOut(browser, harness);
      // The logout waits for the renewal now.
      while (jest.getTimerCount() === 0) await new Promise(setImmediate);
      jest.advanceTimersByTime(2000);
      expect((await leaving).status).toBe(200);
      jest.useRealTimers();
      hold.release();
      expect(await pending).toEqual(SIGNED_OUT);
      while (revocations().length === 0) await new Promise(setImmediate);
      expect(revocations()[0]?.['token']).not.toBe(recording.forms('refresh_token')[0]?.['refresh_token']);
    });

    it('of a kind of token that the provider does not revoke is no failure', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      provider.faults.status('revocation', 400, { body: { error: 'unsupported_token_type' } });
      expect((await signOut(browser, harness)).status).toBe(200);
      expect(harness.eventTypes()).not.toContain('revocation.failed');
      expect(harness.events.at(-1)).toMatchObject({ type: 'logout', revoked: false });
    });

    it.each([
      ['is down', () => provider.faults.drop('revocation'), /^the OpenID Provider did not answer/],
      ['fails', () => provider.faults.status('revocation', 500), /^the OpenID Provider answered 500$/],
      [
        'refuses',
        () => provider.faults.status('revocation', 400, { body: { error: 'invalid_client' } }),
        /^the OpenID Provider refused with "invalid_client"/,
      ],
    ])('that %s ends nothing: the end-user is signed out here', async (_how, fail, reason) => {
      const harness = await start();
      const browser = await harness.signedIn();
      harness.events.length = 0;
      fail();
      const response = await signOut(browser, harness);
      expect(response.status).toBe(200);
      expect((await redirectOf(response))?.pathname).toBe('/session/end');
      expect(sessionCookies(browser, harness)).toEqual([]);
      expect(harness.events.filter(({ type }) => type === 'revocation.failed' || type === 'logout')).toEqual([
        {
          type: 'revocation.failed',
          issuer: provider.issuer,
          subject: 'user-alice',
          reason: expect.stringMatching(reason),
        },
        { type: 'logout', issuer: provider.issuer, subject: 'user-alice', session: expect.any(String), revoked: false },
      ]);
    });

    it('is of the access token when there is no refresh token', async () => {
      const own = new RecordingFetch();
      const harness = await start({ oidc: { scope: 'openid profile', fetch: own.fetch } });
      const browser = await harness.signedIn();
      await signOut(browser, harness);
      const sent = own.sent.filter(({ url }) => url.endsWith('/token/revocation')).map(({ form }) => form);
      expect(sent).toEqual([{ token: expect.stringMatching(/^eyJ/), token_type_hint: 'access_token' }]);
    });

    it('is of nothing when tokens are not reused; the ID Token is still there for the provider', async () => {
      const harness = await start({ oidc: { reuseTokens: false } });
      const browser = await harness.signedIn();
      const redirect = await redirectOf(await signOut(browser, harness));
      expect(redirect?.searchParams.get('id_token_hint')).toMatch(/^eyJ/);
      expect(provider.requests.count('revocation')).toBe(0);
      expect(harness.events.at(-1)).toMatchObject({ type: 'logout', revoked: false });
    });
  });

  /** Looks at the session, as another request of the same browser would, until it has ended. */
  async function untilSignedOut(cookies: ReturnType<TestBrowser['jar']['snapshot']>, harness: Harness): Promise<void> {
    const watcher = harness.browser();
    for (let isSignedIn = true; isSignedIn;) {
      watcher.jar.restore(cookies);
      const { body } = await get(watcher, harness, '/auth/session');
      isSignedIn = (body as { authenticated: boolean }).authenticated;
    }
  }

  /** Timers of this process stand still; I/O, immediates and clocks go on. */
  function holdTimers(): void {
    jest.useFakeTimers({
      doNotFake: [
        'Date',
        'hrtime',
        'nextTick',
        'performance',
        'queueMicrotask',
        'setImmediate',
        'clearImmediate',
        'setInterval',
        'clearInterval',
      ],
    });
  }
});
