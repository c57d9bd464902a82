/** The login route and the callback, as far as browsers decide: what passes, what is refused, and where it ends. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Coordinator, ERROR_CODES } from 'nestjs-oidc-token-reuse';
import { createTestProvider, type TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { OPEN_REDIRECTS } from '../../libs/oidc-token-reuse/test/login/open-redirects.js';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { attemptsOf, authorize, comeBack, redirectOf, withParameters } from '../support/login.js';
import { parsedAnswer, rawRequest } from '../support/raw-request.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const TRANSACTION_COOKIE = /^oidc\.txn\.\d{1,2}=[\w.-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/;
const MISSING = {
  error: 'transaction_missing',
  error_description: 'this sign-in was not started in this browser, or too long ago; start again',
};

describe.each(ADAPTERS)('login on %s', (adapter) => {
  let provider: TestProvider;
  let harness: Harness;

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
    harness = await startHarness({ adapter, provider, oidc: { maxAge: 3600, acrValues: 'urn:test:password' } });
  });
  afterAll(async () => {
    releaseTime();
    await harness.close();
    await provider.close();
  });

  const start = (browser: TestBrowser, query = ''): Promise<Response> =>
    browser.navigate(`${harness.url}/auth/login${query}`, { follow: false });
  const isSignedIn = async (browser: TestBrowser): Promise<boolean> => {
    const session = await (await browser.fetch(`${harness.url}/auth/session`)).json();
    return (session as { authenticated: boolean }).authenticated;
  };

  describe('the authorization request', () => {
    it('asks with state, nonce, PKCE and what the options say', async () => {
      const response = await start(harness.browser());
      const location = new URL(response.headers.get('location') ?? '');
      expect({ status: response.status, endpoint: location.origin + location.pathname }).toEqual({
        status: 302,
        endpoint: `${provider.issuer}/auth`,
      });
      expect(Object.fromEntries(location.searchParams)).toEqual({
        client_id: provider.client.clientId,
        response_type: 'code',
        redirect_uri: `${harness.url}/auth/callback`,
        scope: 'openid profile email offline_access',
        state: expect.stringMatching(/^[\w-]{22}$/),
        nonce: expect.stringMatching(/^[\w-]{22}$/),
        code_challenge: expect.stringMatching(/^[\w-]{43}$/),
        code_challenge_method: 'S256',
        audience: API_AUDIENCE,
        max_age: '3600',
        acr_values: 'urn:test:password',
      });
    });

    it('remembers the attempt in one short-lived cookie, on a response that nobody stores', async () => {
      const response = await start(harness.browser());
      expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(TRANSACTION_COOKIE)]);
      expect({ cache: response.headers.get('cache-control'), vary: response.headers.get('vary') }).toEqual({
        cache: 'no-store',
        vary: expect.stringMatching(/\bCookie$/),
      });
    });

    it('L9 lets five parameters of the page pass, max_age only if it is stricter', async () => {
      const query = new URLSearchParams({
        ...{
          prompt: 'consent',
          login_hint: 'a@b.example',
          ui_locales: 'fr',
          acr_values: 'urn:test:mfa',
          max_age: '99999',
        },
        ...{ redirect_uri: 'https://evil.example', scope: 'admin', state: 'mine', nonce: 'mine', client_id: 'mine' },
        ...{
          response_mode: 'fragment',
          response_type: 'token',
          request_uri: 'urn:x',
          resource: 'https://evil.example',
        },
      });
      const response = await start(harness.browser(), `?${query.toString()}`);
      const sent = Object.fromEntries(new URL(response.headers.get('location') ?? '').searchParams);
      expect(sent).toMatchObject({
        ...{
          prompt: 'consent',
          login_hint: 'a@b.example',
          ui_locales: 'fr',
          acr_values: 'urn:test:mfa',
          max_age: '3600',
        },
        ...{ redirect_uri: `${harness.url}/auth/callback`, scope: 'openid profile email offline_access' },
        ...{ client_id: provider.client.clientId, response_type: 'code' },
      });
      expect(Object.keys(sent).filter((name) => ['response_mode', 'request_uri', 'resource'].includes(name))).toEqual(
        [],
      );
      expect([sent['state'], sent['nonce']]).not.toContain('mine');
    });

    it('L10 takes the redirect URI from the configuration, whatever headers say', async () => {
      const answer = await rawRequest(`${harness.url}/auth/login`, [
        'X-Forwarded-Host: evil.example',
        'X-Forwarded-Proto: https',
        'X-Forwarded-Port: 444',
        'X-Original-URL: https://evil.example/',
        'Forwarded: host=evil.example;proto=https',
      ]);
      const location = new URL(/^location: (.+)\r$/im.exec(answer)?.[1] ?? '');
      expect(location.searchParams.get('redirect_uri')).toBe(`${harness.url}/auth/callback`);
      expect(answer).not.toContain('evil.example');
    });

    it.each(['prompt=a&prompt=b', 'returnTo=/a&returnTo=/b', 'max_age=1&max_age=2', 'max_age=-1', 'max_age=soon'])(
      'refuses the query %s',
      async (query) => {
        const browser = harness.browser();
        const script = await browser.fetch(`${harness.url}/auth/login?${query}`);
        const page = await start(browser, `?${query}`);
        expect({ script: (await answerOf(script)).body, status: script.status, page: redirectOf(page) }).toEqual({
          script: {
            error: 'invalid_request',
            error_description: expect.stringMatching(/^parameter '(prompt|returnTo|max_age)' /),
          },
          status: 400,
          page: { status: 302, location: '/auth/error?error=invalid_request' },
        });
      },
    );

    it('N6 leaves bad percent-encoding where it is', async () => {
      const browser = harness.browser();
      const response = await browser.fetch(`${harness.url}/auth/login?returnTo=%E0%A4%A&login_hint=%zz`, {
        headers: { cookie: 'a=%; oidc.txn.%zz=%; oidc.session.0=%E0%A4%A' },
      });
      expect(response.status).toBe(302);
    });

    it.each(['Sec-Purpose: prefetch', 'Sec-Purpose: prefetch;prerender', 'Purpose: prefetch', 'X-Moz: prefetch'])(
      'L7 begins nothing for %s',
      async (header) => {
        const [name = '', value = ''] = header.split(': ');
        const response = await harness.browser().navigate(`${harness.url}/auth/login`, { headers: { [name]: value } });
        expect({ ...(await answerOf(response)), cookies: response.headers.getSetCookie() }).toEqual({
          status: 401,
          body: { error: 'prefetch_refused', error_description: 'a sign-in is not started ahead of time' },
          challenge: 'Bearer',
          cookies: [],
        });
        expect(response.headers.get('cache-control')).toBe('no-store');
      },
    );

    it('L7 begins nothing for a prefetched page that leads to the login', async () => {
      const browser = harness.browser();
      const response = await browser.navigate(`${harness.url}/api/profile`, { headers: { 'sec-purpose': 'prefetch' } });
      expect({ status: response.status, attempts: attemptsOf(browser, harness.url) }).toEqual({
        status: 401,
        attempts: [],
      });
    });
  });

  describe('attempts side by side', () => {
    it('L11 leave nothing on the server, however many are begun', async () => {
      const coordinator = harness.application.get(Coordinator);
      const methods = ['put', 'putIfAbsent', 'replace', 'addMember', 'acquire'] as const;
      const writes = methods.map((name) => jest.spyOn(coordinator, name));
      const begun = await Promise.all(Array.from({ length: 300 }, () => start(harness.browser())));
      expect(new Set(begun.map(({ status }) => status))).toEqual(new Set([302]));
      expect(writes.map((write) => write.mock.calls.length)).toEqual([0, 0, 0, 0, 0]);
      writes.forEach((write) => {
        write.mockRestore();
      });
    });

    it('L7 holds twelve attempts of sixty begun at once, and keeps five after the next response whatever it is', async () => {
      const browser = harness.browser();
      const returnTo = encodeURIComponent(`/${'a'.repeat(298)}`);
      await Promise.all(Array.from({ length: 60 }, () => start(browser, `?returnTo=${returnTo}`)));
      expect(attemptsOf(browser, harness.url)).toHaveLength(12);
      const api = await browser.fetch(`${harness.url}/api/profile`);
      expect({ status: api.status, cleared: api.headers.getSetCookie().length }).toEqual({ status: 401, cleared: 7 });
      const left = attemptsOf(browser, harness.url);
      expect(left).toHaveLength(5);
      expect(left.map(({ name, value }) => `${name}=${value}`.length <= 600)).toEqual([true, true, true, true, true]);
    });

    it.each(['/api/public', '/api/optional', '/auth/session', '/auth/error', '/api/none'])(
      'L7 clears what is over five on the answer of %s',
      async (path) => {
        const browser = harness.browser();
        await Promise.all(Array.from({ length: 7 }, () => start(browser)));
        await browser.fetch(harness.url + path);
        expect(attemptsOf(browser, harness.url)).toHaveLength(path === '/api/none' ? 7 : 5);
      },
    );

    it('L7 never lets one begun after the other grow over five', async () => {
      const browser = harness.browser();
      const counts: number[] = [];
      for (let index = 0; index < 8; index += 1) {
        await start(browser);
        counts.push(attemptsOf(browser, harness.url).length);
      }
      expect(counts).toEqual([1, 2, 3, 4, 5, 5, 5, 5]);
    });

    it('L2 lets two tabs sign in at once', async () => {
      const browser = harness.browser();
      const [one, two] = [
        await authorize(harness, browser, { path: '/auth/login?returnTo=/one' }),
        await authorize(harness, browser, { path: '/auth/login?returnTo=/two' }),
      ];
      const ended = await Promise.all([comeBack(harness, browser, two), comeBack(harness, browser, one)]);
      expect(ended.map(redirectOf)).toEqual([
        { status: 302, location: '/two' },
        { status: 302, location: '/one' },
      ]);
      expect(await isSignedIn(browser)).toBe(true);
      expect(attemptsOf(browser, harness.url)).toEqual([]);
    });
  });

  describe('the callback', () => {
    it('leads back with a session, and takes the attempt away', async () => {
      const browser = harness.browser();
      const url = await authorize(harness, browser, { path: '/auth/login?returnTo=/api/profile%3Fa=b' });
      const [attempt] = attemptsOf(browser, harness.url);
      const response = await comeBack(harness, browser, url);
      expect(redirectOf(response)).toEqual({ status: 302, location: '/api/profile?a=b' });
      const cookies = response.headers.getSetCookie().map((line) => line.replace(/=[^;]+/, '=…'));
      expect(cookies).toContain('oidc.session.0=…; Max-Age=86400; Path=/; HttpOnly; SameSite=Lax');
      expect(cookies).toContain('oidc.completed=…; Max-Age=10; Path=/; HttpOnly; SameSite=Lax');
      expect(response.headers.getSetCookie()).toContain(
        `${attempt?.name ?? ''}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax`,
      );
      expect({ cache: response.headers.get('cache-control'), vary: response.headers.get('vary') }).toEqual({
        cache: 'no-store',
        vary: expect.stringMatching(/\bCookie$/),
      });
    });

    it('L1 gives no session to another browser than the one that began', async () => {
      const url = await authorize(harness, harness.browser());
      const victim = harness.browser();
      await start(victim);
      const response = await comeBack(harness, victim, url);
      expect({ ...redirectOf(response), cookies: response.headers.getSetCookie() }).toEqual({
        status: 302,
        location: '/auth/error?error=transaction_missing',
        cookies: [],
      });
      expect(await answerOf(await victim.fetch(url))).toEqual({ status: 400, body: MISSING, challenge: null });
      expect(await isSignedIn(victim)).toBe(false);
    });

    it('L5 refuses a second callback with the same cookie, and asks the provider nothing', async () => {
      const browser = harness.browser();
      const url = await authorize(harness, browser);
      const before = browser.jar.snapshot();
      await comeBack(harness, browser, url);
      browser.jar.restore(before);
      provider.requests.reset();
      expect(redirectOf(await comeBack(harness, browser, url))).toEqual({
        status: 302,
        location: '/auth/error?error=transaction_used',
      });
      expect({ asked: provider.requests.count('token'), signedIn: await isSignedIn(browser) }).toEqual({
        asked: 0,
        signedIn: false,
      });
    });

    it('L5 redeems a code once when the callback comes twice at once', async () => {
      const browser = harness.browser();
      const url = await authorize(harness, browser);
      provider.requests.reset();
      const ended = await Promise.all([comeBack(harness, browser, url), comeBack(harness, browser, url)]);
      expect(ended.map((response) => response.headers.get('location')).sort()).toEqual([
        '/',
        '/auth/error?error=transaction_used',
      ]);
      expect(provider.requests.count('token')).toBe(1);
    });

    it('L6 takes no cookie of one kind for another', async () => {
      const browser = harness.browser();
      const url = await authorize(harness, browser);
      const [attempt] = attemptsOf(browser, harness.url);
      const signedIn = await harness.signedIn();
      const [session] = signedIn.cookies(harness.url).filter(({ name }) => name === 'oidc.session.0');
      const asSession = await harness.browser().fetch(`${harness.url}/auth/session`, {
        headers: { cookie: `oidc.session.0=${attempt?.value ?? ''}` },
      });
      const asAttempt = await harness
        .browser()
        .fetch(url, { headers: { cookie: `${attempt?.name ?? ''}=${session?.value ?? ''}` } });
      expect(await asSession.json()).toEqual({ authenticated: false });
      // It does not even open there, and so it is taken out of the browser.
      expect(asSession.headers.getSetCookie()).toContain(
        'oidc.session.0=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax',
      );
      expect((await answerOf(asAttempt)).body).toEqual(MISSING);
    });

    it('forgets an attempt after ten minutes', async () => {
      const browser = harness.browser();
      const url = await authorize(harness, browser);
      const [attempt] = attemptsOf(browser, harness.url);
      freezeTime();
      advance(601);
      const kept = { cookie: `${attempt?.name ?? ''}=${attempt?.value ?? ''}` };
      const late = await browser.fetch(url, { headers: kept });
      releaseTime();
      expect((await answerOf(late)).body).toEqual(MISSING);
    });

    it('refuses an answer by form where none was asked for, and keeps the attempt', async () => {
      const browser = harness.browser();
      const url = await authorize(harness, browser);
      const form = Object.fromEntries(new URL(url).searchParams);
      const posted = await browser.navigate(`${harness.url}/auth/callback`, { form, follow: false });
      expect(redirectOf(posted)).toEqual({ status: 302, location: '/auth/error?error=invalid_request' });
      expect(redirectOf(await comeBack(harness, browser, url))).toEqual({ status: 302, location: '/' });
    });

    it('N7 looks at no Authorization header, however many there are', async () => {
      const answer = await rawRequest(`${harness.url}/auth/callback?state=s`, [
        'Authorization: Bearer a',
        'Authorization: Bearer b',
      ]);
      expect(parsedAnswer(answer)).toEqual({ status: 400, body: MISSING });
    });

    it('N5 takes no user from headers', async () => {
      const headers = { 'x-user': 'alice', x_user: 'alice', 'x-forwarded-user': 'alice', 'remote-user': 'alice' };
      const response = await harness.browser().fetch(`${harness.url}/auth/session`, { headers });
      expect(await response.json()).toEqual({ authenticated: false });
    });

    it('N5 takes a token from its own header only', async () => {
      const token = await provider.signAccessToken();
      const get = (headers: Record<string, string>) => fetch(`${harness.url}/api/subject`, { headers });
      expect((await get({ authorization: `Bearer ${token}` })).status).toBe(200);
      const names = [
        ...['x-authorization', 'x_authorization', 'authorization_', 'proxy-authorization', 'x-original-authorization'],
        ...['x-access-token', 'x-auth-token', 'x-forwarded-access-token', 'access_token', 'bearer'],
      ];
      for (const name of names)
        for (const value of [`Bearer ${token}`, token])
          expect([name, (await get({ [name]: value })).status]).toEqual([name, 401]);
      expect((await fetch(`${harness.url}/api/subject?access_token=${token}`)).status).toBe(401);
    });

    it('says what went wrong to the application, without a secret', async () => {
      const browser = harness.browser();
      const url = await authorize(harness, browser);
      harness.events.length = 0;
      await comeBack(harness, browser, withParameters(url, { code: undefined }));
      expect(harness.events).toEqual([
        {
          type: 'login.failed',
          issuer: provider.issuer,
          code: 'invalid_request',
          reason: "parameter 'code' is missing",
        },
      ]);
    });
  });

  describe('the way back', () => {
    it('L8 leads nobody away, whatever returnTo says', async () => {
      const quick = await createTestProvider({ alg: 'ES256' });
      /** In place of the token endpoint: the code is the nonce of the ID Token that it is redeemed for. */
      const redeem: typeof fetch = async (input, init) => {
        const nonce = new URLSearchParams(typeof init?.body === 'string' ? init.body : '').get('code');
        if (nonce === null) return fetch(input, init);
        const tokens = { access_token: 'opaque', token_type: 'Bearer', expires_in: 300 };
        return Response.json({ ...tokens, id_token: await quick.signIdToken({ nonce }) });
      };
      const application = await startHarness({ adapter, provider: quick, oidc: { fetch: redeem } });
      const endOf = async (returnTo: string): Promise<string | null> => {
        const browser = application.browser();
        const login = new URL('/auth/login', application.url);
        login.searchParams.set('returnTo', returnTo);
        const started = await browser.navigate(login.href, { follow: false });
        const { searchParams: sent } = new URL(started.headers.get('location') ?? '');
        const callback = new URL('/auth/callback', application.url);
        callback.search = String(
          new URLSearchParams({
            code: sent.get('nonce') ?? '',
            state: sent.get('state') ?? '',
            iss: quick.issuer,
          }),
        );
        return (await comeBack(application, browser, callback.href)).headers.get('location');
      };
      expect(await endOf('/a/path?a=b')).toBe('/a/path?a=b');
      const payloads = OPEN_REDIRECTS.filter((payload) => encodeURIComponent(payload).length < 15_000);
      const led = [];
      for (const payload of payloads) led.push([payload, await endOf(payload)]);
      await application.close();
      await quick.close();
      expect({ many: payloads.length > 500, away: led.filter(([, end]) => end !== '/') }).toEqual({
        many: true,
        away: [],
      });
    }, 120_000);

    it('L8 takes a path that is too long for the start page, with an attempt of 600 bytes at most', async () => {
      const browser = harness.browser();
      const lengths = [];
      for (const length of [300, 301, 9000]) {
        const path = `/auth/login?returnTo=/${'a'.repeat(length - 1)}`;
        const url = await authorize(harness, browser, { path });
        lengths.push(attemptsOf(browser, harness.url).every(({ name, value }) => `${name}=${value}`.length <= 600));
        lengths.push((await comeBack(harness, browser, url)).headers.get('location')?.length);
      }
      expect(lengths).toEqual([true, 300, true, 1, true, 1]);
    });

    it('keeps query, fragment and other scripts', async () => {
      const browser = harness.browser();
      const path = `/auth/login?returnTo=${encodeURIComponent('/straße?a=b&c=d#e')}`;
      const response = await comeBack(harness, browser, await authorize(harness, browser, { path }));
      expect(response.headers.get('location')).toBe('/stra%C3%9Fe?a=b&c=d#e');
    });
  });

  describe('a browser that keeps no session', () => {
    it('ends at session_not_stored instead of a loop, once', async () => {
      const browser = await harness.signedIn();
      const { value: completed } = browser.cookies(harness.url).find(({ name }) => name === 'oidc.completed') ?? {
        value: '',
      };
      const cookie = `oidc.completed=${completed}`;
      const page = await browser.navigate(`${harness.url}/auth/login`, { follow: false, headers: { cookie } });
      const script = await browser.fetch(`${harness.url}/auth/login`, { headers: { cookie } });
      expect(redirectOf(page)).toEqual({ status: 302, location: '/auth/error?error=session_not_stored' });
      expect(page.headers.getSetCookie()).toEqual([
        'oidc.completed=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax',
      ]);
      expect((await answerOf(script)).body).toEqual({
        error: 'session_not_stored',
        error_description:
          'the browser did not keep the session cookies; their size or the connection (https) forbids it',
      });
      expect(redirectOf(await start(browser)).location).toContain(`${provider.issuer}/auth?`);
    });

    it('is another matter than one that signs in again with its session', async () => {
      const browser = await harness.signedIn();
      expect(redirectOf(await start(browser)).location).toContain(`${provider.issuer}/auth?`);
    });

    it('is another matter than one that has just signed out', async () => {
      const browser = await harness.signedIn();
      await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
      expect(redirectOf(await start(browser)).location).toContain(`${provider.issuer}/auth?`);
    });

    it('is no matter after ten seconds', async () => {
      const browser = await harness.signedIn();
      browser.jar.clear('oidc.session.0');
      freezeTime();
      advance(11);
      const location = redirectOf(await start(browser)).location;
      releaseTime();
      expect(location).toContain(`${provider.issuer}/auth?`);
    });
  });

  describe('the error page', () => {
    const page = async (query: string) =>
      answerOf(await harness.browser().navigate(`${harness.url}/auth/error${query}`));

    it('shows each code of the list, and a way to try again', async () => {
      const shown = await Promise.all(ERROR_CODES.map(async (code) => String((await page(`?error=${code}`)).body)));
      expect(shown.every((html, index) => html.includes(`<code>${ERROR_CODES[index] ?? ''}</code>`))).toBe(true);
      expect(shown.every((html) => html.includes('<a href="/auth/login">'))).toBe(true);
    });

    it('L12 does not repeat an error that is no name, nor what is said about it', async () => {
      const browser = harness.browser();
      for (const error of ['<script>alert(1)</script>', 'a"b', 'Ähem', 'x'.repeat(65)]) {
        const changes = {
          code: undefined,
          error,
          error_description: `about ${error}`,
          error_uri: 'https://evil.example',
        };
        const url = withParameters(await authorize(harness, browser), changes);
        harness.events.length = 0;
        expect(await answerOf(await browser.fetch(url))).toEqual({
          status: 502,
          body: { error: 'provider_rejected', error_description: 'the OpenID Provider refused to sign anybody in' },
          challenge: null,
        });
        expect(JSON.stringify(harness.events)).not.toContain(error.slice(0, 3));
      }
    });

    it('L12 shows nothing that it does not know', async () => {
      const texts = [
        '<script>alert(1)</script>',
        '"><img src=x onerror=alert(1)>',
        'access_denied<b>',
        '{{7*7}}',
        '\u0000',
        '',
      ];
      const shown = await Promise.all(
        texts.map((text) => page(`?error=${encodeURIComponent(text)}&error_description=${encodeURIComponent(text)}`)),
      );
      expect(new Set(shown.map(({ body }) => body)).size).toBe(1);
      expect(shown[0]?.body).toContain('<code>unknown</code>');
    });

    it('forbids scripts and frames, and is not stored', async () => {
      const response = await harness.browser().navigate(`${harness.url}/auth/error`);
      expect(
        Object.fromEntries(
          [...response.headers].filter(([name]) => /^(content-|cache)/.test(name) && name !== 'content-length'),
        ),
      ).toEqual({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'cache-control': 'no-store',
      });
    });
  });

  describe('a request with a body and no session', () => {
    it('is answered 401 in JSON when a script sent it', async () => {
      const response = await harness.browser().fetch(`${harness.url}/api/items`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      expect(await answerOf(response)).toEqual({
        status: 401,
        body: { error: 'unauthorized', error_description: 'authentication is required' },
        challenge: 'Bearer',
      });
    });

    it('is never redirected, since its body would be lost', async () => {
      const options = { form: { a: 'b' }, initiator: `${harness.url}/`, follow: false };
      const response = await harness.browser().navigate(`${harness.url}/api/items`, options);
      expect({ status: response.status, location: response.headers.get('location') }).toEqual({
        status: 401,
        location: null,
      });
    });

    it('leaves the redirect to page loads, with the way back', async () => {
      const response = await harness.browser().navigate(`${harness.url}/api/profile?a=b&c=d`, { follow: false });
      expect(redirectOf(response)).toEqual({
        status: 302,
        location: `/auth/login?returnTo=${encodeURIComponent('/api/profile?a=b&c=d')}`,
      });
    });
  });
});
