/** Who gets in, and what everybody else is told: credentials, challenges, page loads, proof of origin. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { All, Controller, Get } from '@nestjs/common';
import { OptionalAuth, Public, RequireRoles, RequireScopes } from 'nestjs-oidc-token-reuse';
import { createTestProvider, TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { parsedAnswer, rawRequest } from '../support/raw-request.js';
import { SampleController } from '../support/sample.controller.js';

const MISSING = {
  status: 401,
  body: { error: 'unauthorized', error_description: 'authentication is required' },
  challenge: 'Bearer',
};
const INVALID = {
  status: 401,
  body: { error: 'invalid_token', error_description: 'the access token is not valid' },
  challenge: 'Bearer error="invalid_token", error_description="the access token is not valid"',
};
const MALFORMED = {
  status: 400,
  body: { error: 'invalid_request', error_description: 'the Authorization header holds no bearer token' },
  challenge: 'Bearer error="invalid_request", error_description="the Authorization header holds no bearer token"',
};
const CSRF = {
  status: 403,
  body: { error: 'csrf', error_description: 'this request has to come from a page of this origin' },
  challenge: null,
};
const FOR_GRAPH =
  'the access token is for Microsoft Graph, which alone can verify it; request a scope of this API, and exchange the token on behalf of the end-user';

const NO_FETCH_METADATA = { 'sec-fetch-site': null, 'sec-fetch-mode': null, 'sec-fetch-dest': null, origin: null };

@Controller('writable')
class WritableController {
  @All() write() {
    return { ok: true };
  }
}

@Controller('open')
@Public()
class OpenController {
  @Get() open() {
    return { ok: true };
  }
  @Get('scoped') @RequireScopes('reports.read') scoped() {
    return { ok: true };
  }
  @Get('optional') @OptionalAuth() optional() {
    return { ok: true };
  }
}

@Controller('scoped')
@RequireScopes('reports.read')
class ScopedController {
  @Get() scoped() {
    return { ok: true };
  }
  @Get('public') @Public() open() {
    return { ok: true };
  }
  @Get('other') @RequireScopes('access_user') other() {
    return { ok: true };
  }
  @Get('role') @RequireRoles('admin') role() {
    return { ok: true };
  }
}

@Controller('optional')
@OptionalAuth()
class OptionalController {
  @Get() optional() {
    return { ok: true };
  }
  @Get('scoped') @RequireScopes('reports.read') scoped() {
    return { ok: true };
  }
}

describe.each(ADAPTERS)('the guard on %s', (adapter) => {
  let provider: TestProvider;
  let harness: Harness;
  /** A browser in which alice is signed in. */
  let alice: TestBrowser;

  /** Without cookies, and with no header but these. */
  const request = (path: string, headers: Record<string, string>, method = 'GET') =>
    new TestBrowser().fetch(harness.url + path, { method, headers: { ...NO_FETCH_METADATA, ...headers } });
  const get = async (path: string, headers: Record<string, string> = {}) => answerOf(await request(path, headers));
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
    const controllers = [SampleController, WritableController, OpenController, ScopedController, OptionalController];
    harness = await startHarness({ adapter, provider, controllers });
    alice = await harness.signedIn('alice');
  });
  afterAll(async () => {
    await harness.close();
    await provider.close();
  });

  describe('credentials', () => {
    it('answers a request without a credential with a bare challenge', async () => {
      expect(await get('/api/profile')).toEqual(MISSING);
    });

    it.each(['Bearer', 'Bearer  ', 'Bearer a b', 'Bearer %', 'Bearer "abc"', 'bearer,abc'])(
      'N11 answers the malformed header %j with 400',
      async (authorization) => {
        expect(await get('/api/profile', { authorization })).toEqual(MALFORMED);
      },
    );

    it.each(['Authorization: Bearer caf\u00e9', 'Authorization: Bearer \u00ff', 'Authorization:Bearer'])(
      'N11 answers %j with 400, byte by byte',
      async (header) => {
        const { status, body } = parsedAnswer(await rawRequest(`${harness.url}/api/profile`, [header]));
        expect({ status, body }).toEqual({ status: 400, body: MALFORMED.body });
      },
    );

    it('N7 answers two Authorization headers with 400, even when one of them is good', async () => {
      const good = `Authorization: Bearer ${await provider.signAccessToken()}`;
      const answer = await rawRequest(`${harness.url}/api/profile`, [good, 'Authorization: Basic YTpi']);
      expect(parsedAnswer(answer)).toEqual({
        status: 400,
        body: { error: 'invalid_request', error_description: 'the Authorization header was sent more than once' },
      });
    });

    it('N7 does not let a second Authorization header through with a session either', async () => {
      const response = await alice.fetch(`${harness.url}/api/profile`);
      expect(response.status).toBe(200);
      const cookie = `Cookie: ${alice.jar.header(new URL(harness.url))}`;
      const headers = [cookie, 'Authorization: Basic YTpi', 'Authorization: Basic YTpi'];
      expect(parsedAnswer(await rawRequest(`${harness.url}/api/profile`, headers)).status).toBe(400);
    });

    it('accepts a verified access token', async () => {
      const { status, body } = await get('/api/profile', bearer(await provider.signAccessToken()));
      expect({ status, body }).toMatchObject({
        status: 200,
        body: { kind: 'bearer', issuer: provider.issuer, subject: 'user-alice', scopes: ['access_user'] },
      });
    });

    it('takes the scheme in any case', async () => {
      const token = await provider.signAccessToken();
      expect((await get('/api/profile', { authorization: `bEARER   ${token}` })).status).toBe(200);
    });

    it('answers garbage, a wrong signature and an unknown key alike', async () => {
      const tokens = [
        'abc',
        'a.b.c',
        await provider.signAccessToken({}, { sign: 'garbage' }),
        await provider.signAccessToken({}, { sign: 'garbage', header: { kid: 'nobody-knows' } }),
      ];
      for (const token of tokens) expect(await get('/api/profile', bearer(token))).toEqual(INVALID);
    });

    it('says that a token has expired, so that clients refresh', async () => {
      const exp = Math.floor(Date.now() / 1000) - 31;
      expect(await get('/api/profile', bearer(await provider.signAccessToken({ exp })))).toEqual({
        status: 401,
        body: { error: 'invalid_token', error_description: 'the access token has expired' },
        challenge: 'Bearer error="invalid_token", error_description="the access token has expired"',
      });
    });

    it.each([
      ['its nonce header', {}, { header: { nonce: 'abc' }, sign: 'garbage' }],
      ['its nonce header, whatever its signature', {}, { header: { nonce: 'abc' } }],
      ['its audience', { aud: '00000003-0000-0000-c000-000000000000' }, {}],
      ['its audience by name', { aud: 'https://graph.microsoft.com' }, {}],
    ] as const)('T13 recognises a token for Microsoft Graph by %s, and says so', async (_by, claims, options) => {
      const token = await provider.signAccessToken(claims, options);
      expect(await get('/api/profile', bearer(token))).toEqual({
        status: 401,
        body: { error: 'invalid_token', error_description: FOR_GRAPH },
        challenge: `Bearer error="invalid_token", error_description="${FOR_GRAPH}"`,
      });
      expect(harness.events.at(-1)).toEqual({ type: 'token.rejected', issuer: provider.issuer, reason: FOR_GRAPH });
    });

    it('N10 never takes the presence of a bearer token for authentication', async () => {
      expect(await get('/api/optional', bearer('abc'))).toEqual(INVALID);
      expect(await get('/api/optional', { authorization: 'Bearer' })).toEqual(MALFORMED);
    });

    it('lets the bearer token win over the session cookie', async () => {
      const bob = await provider.signAccessToken({ sub: 'user-bob' });
      const both = await alice.fetch(`${harness.url}/api/subject`, { headers: bearer(bob) });
      expect(await both.json()).toEqual({ subject: 'user-bob' });
    });

    it('does not fall back to the session when the bearer token is no good', async () => {
      expect(await answerOf(await alice.fetch(`${harness.url}/api/profile`, { headers: bearer('abc') }))).toEqual(
        INVALID,
      );
      const malformed = await alice.fetch(`${harness.url}/api/profile`, { headers: { authorization: 'Bearer' } });
      expect(await answerOf(malformed)).toEqual(MALFORMED);
    });

    it.each(['Basic YTpi', 'DPoP abc', 'Negotiate abc', 'BearerX abc'])('ignores %j', async (authorization) => {
      expect(await get('/api/profile', { authorization })).toEqual(MISSING);
      const response = await alice.fetch(`${harness.url}/api/subject`, { headers: { authorization } });
      expect(await response.json()).toEqual({ subject: 'user-alice' });
    });
  });

  describe('permissions', () => {
    it('names the scopes that are missing', async () => {
      expect(await get('/api/reports', bearer(await provider.signAccessToken()))).toEqual({
        status: 403,
        body: {
          error: 'insufficient_scope',
          error_description: 'the access token lacks a required scope',
          scope: 'reports.read',
        },
        challenge:
          'Bearer error="insufficient_scope", error_description="the access token lacks a required scope", scope="reports.read"',
      });
    });

    it('lets in who has the scope, the role, the authentication context', async () => {
      const token = await provider.signAccessToken({ scope: 'access_user reports.read', acr: 'urn:strong' });
      const paths = ['/api/reports', '/api/admin', '/api/strong'];
      const statuses = await Promise.all(paths.map(async (path) => (await get(path, bearer(token))).status));
      expect(statuses).toEqual([200, 200, 200]);
    });

    it('refuses who lacks the role, by bearer token and by session', async () => {
      const expected = {
        status: 403,
        body: { error: 'insufficient_scope', error_description: 'a role of the end-user is missing' },
        challenge: 'Bearer error="insufficient_scope", error_description="a role of the end-user is missing"',
      };
      expect(await get('/api/admin', bearer(await provider.signAccessToken({ roles: [] })))).toEqual(expected);
      const bob = await harness.signedIn('bob');
      expect(await answerOf(await bob.fetch(`${harness.url}/api/admin`))).toEqual(expected);
      expect((await alice.fetch(`${harness.url}/api/admin`)).status).toBe(200);
    });

    it('asks for the authentication context, page loads too, so that none loads for ever', async () => {
      const expected = {
        status: 401,
        body: {
          error: 'insufficient_user_authentication',
          error_description: 'a different authentication level is required',
        },
        challenge:
          'Bearer error="insufficient_user_authentication", error_description="a different authentication level is required", acr_values="urn:strong"',
      };
      expect(await answerOf(await alice.fetch(`${harness.url}/api/strong`))).toEqual(expected);
      expect(await answerOf(await alice.navigate(`${harness.url}/api/strong`))).toEqual(expected);
    });

    it.each([
      ['/open', 200, 200],
      ['/open/scoped', 401, 403],
      ['/open/optional', 200, 200],
      ['/scoped', 401, 403],
      ['/scoped/public', 200, 200],
      ['/scoped/other', 401, 200],
      ['/scoped/role', 401, 403],
      ['/optional', 200, 200],
      ['/optional/scoped', 401, 403],
    ])('%s: %i without a credential, %i without the scope reports.read', async (path, anonymous, authenticated) => {
      expect((await get(path)).status).toBe(anonymous);
      expect((await get(path, bearer(await provider.signAccessToken()))).status).toBe(authenticated);
    });

    it('gives no principal to a public route, and one to an optional route with a credential', async () => {
      expect((await get('/api/public', bearer('abc'))).status).toBe(200);
      expect((await get('/api/optional')).body).toEqual({ subject: null });
      expect(await (await alice.fetch(`${harness.url}/api/optional`)).json()).toEqual({ subject: 'user-alice' });
    });

    it('hands the live access token to a handler', async () => {
      const token = await provider.signAccessToken();
      expect((await get('/api/token', bearer(token))).body).toEqual({ token });
    });
  });

  describe('page loads', () => {
    const NAVIGATE = { 'sec-fetch-mode': 'navigate', accept: 'text/html' };

    const send = async (method: string, headers: Record<string, string>, path = '/api/profile?a=b%20c') => {
      const response = await request(path, headers, method);
      return { status: response.status, location: response.headers.get('location') };
    };
    const LOGIN = { status: 302, location: '/auth/login?returnTo=%2Fapi%2Fprofile%3Fa%3Db%2520c' };
    const REFUSED = { status: 401, location: null };

    it.each([
      ['GET', NAVIGATE, LOGIN],
      ['HEAD', NAVIGATE, LOGIN],
      ['GET', { accept: 'text/html,*/*' }, LOGIN],
      ['GET', { accept: 'application/json' }, REFUSED],
      ['GET', { 'sec-fetch-mode': 'cors', accept: 'text/html' }, REFUSED],
      ['GET', { 'sec-fetch-mode': 'no-cors', accept: 'text/html' }, REFUSED],
      ['GET', { 'sec-fetch-mode': 'navigate', accept: '*/*' }, LOGIN],
      ['POST', NAVIGATE, REFUSED],
      ['GET', { ...NAVIGATE, authorization: 'Basic YTpi' }, REFUSED],
      ['GET', { ...NAVIGATE, authorization: 'Bearer abc' }, REFUSED],
    ] as const)('%s with %j', async (method, headers, expected) => {
      expect(await send(method, headers, method === 'POST' ? '/api/items' : undefined)).toEqual(expected);
    });

    it('leads to the login in JSON too, for whoever reads it, and uncacheably', async () => {
      const response = await request('/api/profile', NAVIGATE);
      expect(await response.json()).toEqual({
        error: 'login_required',
        error_description: 'sign in to see this page',
      });
      expect(response.headers.get('cache-control')).toBe('no-store');
    });

    it('does not ask to be led back to a path that is too long to be kept', async () => {
      const long = `/api/profile?${'a'.repeat(290)}`;
      expect((await send('GET', NAVIGATE, long)).location).toBe('/auth/login');
      expect((await send('GET', NAVIGATE, long.slice(0, 300))).location).toMatch(/^\/auth\/login\?returnTo=/);
    });

    it('ends where the page load began', async () => {
      const browser = new TestBrowser();
      const response = await browser.signIn(`${harness.url}/api/subject`, { login: 'bob', password: 'bob' });
      expect(await response.json()).toEqual({ subject: 'user-bob' });
    });

    it('is answered with the reason when a sign-in would not help', async () => {
      const response = await alice.navigate(`${harness.url}/api/reports`);
      expect(response.status).toBe(403);
    });
  });

  describe('proof of origin', () => {
    const post = async (headers: Record<string, string | null>) => {
      const response = await alice.fetch(`${harness.url}/api/items`, {
        method: 'POST',
        headers: { 'sec-fetch-site': null, origin: null, ...headers },
      });
      return answerOf(response);
    };
    const CREATED = { status: 201, body: { created: true }, challenge: null };

    it('S6 accepts an unsafe request from a page of this origin', async () => {
      expect(await post({ 'sec-fetch-site': 'same-origin' })).toEqual(CREATED);
      expect(await post({ origin: harness.url })).toEqual(CREATED);
    });

    it.each([
      ['another site', { 'sec-fetch-site': 'cross-site' }],
      ['a sibling sub-domain', { 'sec-fetch-site': 'same-site' }],
      ['no page at all', { 'sec-fetch-site': 'none' }],
      ['a repeated header', { 'sec-fetch-site': 'same-origin, same-origin' }],
      ['another site in an older browser', { origin: 'https://evil.example' }],
      ['an opaque origin', { origin: 'null' }],
      ['a client that says nothing of its origin', {}],
    ])('S6 refuses an unsafe request from %s', async (_from, headers) => {
      expect(await post(headers)).toEqual(CSRF);
    });

    it('S6 does not believe an Origin against Sec-Fetch-Site', async () => {
      expect(await post({ 'sec-fetch-site': 'cross-site', origin: harness.url })).toEqual(CSRF);
    });

    it.each(['PUT', 'PATCH', 'DELETE'])('S6 asks for the proof at %s', async (method) => {
      const write = async (site: string) =>
        answerOf(
          await alice.fetch(`${harness.url}/writable`, { method, headers: { 'sec-fetch-site': site, origin: null } }),
        );
      expect(await write('cross-site')).toEqual(CSRF);
      expect((await write('same-origin')).status).toBe(200);
    });

    it('S6 asks no proof of a request that changes nothing, nor without a session', async () => {
      const read = await alice.fetch(`${harness.url}/api/subject`, { headers: { 'sec-fetch-site': 'cross-site' } });
      expect(read.status).toBe(200);
      expect(await answerOf(await request('/api/items', { 'sec-fetch-site': 'cross-site' }, 'POST'))).toEqual(MISSING);
    });

    it('S6 asks no proof of a bearer token, which no other site can send', async () => {
      expect(await post({ 'sec-fetch-site': 'cross-site', ...bearer(await provider.signAccessToken()) })).toEqual(
        CREATED,
      );
    });

    it("S6 sees no session in another site's form, and refuses a sibling's", async () => {
      const submit = (initiator: string, headers = {}) =>
        alice.navigate(`${harness.url}/api/items`, { method: 'POST', form: { a: 'b' }, initiator, headers });
      expect((await submit('http://evil.example/')).status).toBe(401);
      // The cookie comes with it, since a sub-domain is the same site.
      const fromSibling = { 'sec-fetch-site': 'same-site', origin: 'http://sibling.localhost' };
      expect(await answerOf(await submit(`${harness.url}/`, fromSibling))).toEqual(CSRF);
      expect((await submit(`${harness.url}/`)).status).toBe(201);
    });

    it.each(['/auth/refresh', '/auth/logout'])('S6 protects %s, and the session lives on', async (path) => {
      provider.requests.reset();
      const response = await alice.fetch(harness.url + path, {
        method: 'POST',
        headers: { 'sec-fetch-site': 'same-site' },
      });
      expect(await answerOf(response)).toEqual(CSRF);
      expect(provider.requests.list()).toEqual([]);
      expect((await alice.fetch(`${harness.url}/api/profile`)).status).toBe(200);
    });
  });

  it('answers 503 when the keys cannot be had, never 401', async () => {
    const other = await startHarness({ adapter, provider });
    const outage = provider.faults.status({ kind: 'jwks', times: Infinity }, 503, { retryAfter: 7 });
    const headers = { ...bearer(await provider.signAccessToken()), accept: 'text/html' };
    const response = await fetch(`${other.url}/api/profile`, { headers, redirect: 'manual' });
    expect({ ...(await answerOf(response)), retryAfter: response.headers.get('retry-after') }).toEqual({
      status: 503,
      body: { error: 'provider_unavailable', error_description: 'the OpenID Provider answered 503' },
      challenge: null,
      retryAfter: '7',
    });
    outage.clear();
    await other.close();
  });

  it('L9 passes nothing on to the provider but what is allowed', async () => {
    const asked = new URLSearchParams({
      redirect_uri: 'https://evil.example/',
      client_id: 'evil',
      scope: 'everything',
      response_type: 'token',
      response_mode: 'fragment',
      state: 'evil',
      nonce: 'evil',
      code_challenge: 'evil',
      code_challenge_method: 'plain',
      claims: '{}',
      request: 'evil',
      request_uri: 'https://evil.example/',
      resource: 'urn:evil',
      audience: 'evil',
      prompt: 'none',
      login_hint: 'alice',
      ui_locales: 'de',
      acr_values: 'urn:strong',
      max_age: '60',
      returnTo: '/api/profile?redirect_uri=https://evil.example/',
    });
    const response = await fetch(`${harness.url}/auth/login?${asked.toString()}`, { redirect: 'manual' });
    const location = new URL(response.headers.get('location') ?? '');
    expect(location.origin + location.pathname).toBe(`${provider.issuer}/auth`);
    expect(Object.fromEntries(location.searchParams)).toEqual({
      response_type: 'code',
      client_id: provider.client.clientId,
      redirect_uri: `${harness.url}/auth/callback`,
      scope: 'openid profile email offline_access',
      audience: API_AUDIENCE,
      state: expect.stringMatching(/^[\w-]{8,}$/),
      nonce: expect.stringMatching(/^[\w-]{16,}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      prompt: 'none',
      login_hint: 'alice',
      ui_locales: 'de',
      acr_values: 'urn:strong',
      max_age: '60',
    });
    expect(location.href).not.toContain('evil');
  });
});
