/** What a provider may answer at login, and what becomes of it: token responses, outages, mix-ups, pushed requests. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestProvider, type TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { failureOf, refused } from '../support/failed-login.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { attemptsOf, authorize, comeBack, redirectOf, withParameters } from '../support/login.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

type Claims = Record<string, unknown>;

const CODE_GRANT = { kind: 'token', grant: 'authorization_code' } as const;
const NO_ANSWER = 'the OpenID Provider did not answer';
const NO_JSON = 'the OpenID Provider answered with something else than JSON';
const UNUSABLE = 'the OpenID Provider gave an answer that cannot be used';

describe.each(ADAPTERS)('the provider at login on %s', (adapter) => {
  let provider: TestProvider;
  let harness: Harness;
  let browser: TestBrowser;

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
    harness = await startHarness({ adapter, provider });
    browser = harness.browser();
    await authorize(harness, browser);
  });
  afterEach(() => {
    provider.faults.clear();
    releaseTime();
  });
  afterAll(async () => {
    await harness.close();
    await provider.close();
  });

  const failure = async (url?: string) => failureOf(browser, url ?? (await authorize(harness, browser)));
  const unavailable = (description: string, retry = '5') => refused(503, 'provider_unavailable', description, retry);
  const success = async (url?: string) =>
    redirectOf(await comeBack(harness, browser, url ?? (await authorize(harness, browser))));
  const SIGNED_IN = { status: 302, location: '/' };

  describe('when the end-user signed in', () => {
    const path = (query: string) => ({ path: `/auth/login?${query}` });

    it('has to be said where max_age was sent', async () => {
      const url = await authorize(harness, browser, path('max_age=600'));
      provider.faults.idToken(({ auth_time: _, ...claims }) => ({ claims }));
      expect(await failure(url)).toEqual(
        refused(502, 'id_token_invalid', 'the ID Token is not acceptable: missing "auth_time" claim value'),
      );
    });

    it('has to be recent where max_age was sent', async () => {
      const url = await authorize(harness, browser, path('max_age=600'));
      provider.faults.idToken((claims) => ({ claims: { ...claims, auth_time: now() - 640 } }));
      expect(await failure(url)).toEqual(
        refused(502, 'id_token_invalid', 'the ID Token is not acceptable: too old "auth_time" claim value'),
      );
    });

    it('counts back from when the sign-in began, since consent takes time', async () => {
      freezeTime();
      const slow = harness.browser();
      const late = await authorize(harness, slow, path('max_age=0'));
      advance(50);
      expect(redirectOf(await comeBack(harness, slow, late))).toEqual(SIGNED_IN);
    });

    it('has to be later than the start where prompt=login was sent', async () => {
      const url = await authorize(harness, browser, path('prompt=login'));
      provider.faults.idToken((claims) => ({ claims: { ...claims, auth_time: now() - 40 } }));
      expect(await failure(url)).toEqual(
        refused(
          502,
          'id_token_invalid',
          'the ID Token is not acceptable: the end-user was to sign in anew and did not',
        ),
      );
    });

    it('is not asked where the provider does not say it and only prompt=login was sent', async () => {
      const url = await authorize(harness, browser, path('prompt=login'));
      provider.faults.idToken(({ auth_time: _, ...claims }) => ({ claims }));
      expect(await success(url)).toEqual(SIGNED_IN);
    });

    it('is a moment ago after prompt=login', async () => {
      expect(await success(await authorize(harness, browser, path('prompt=login')))).toEqual(SIGNED_IN);
    });

    it('is in the way asked for', async () => {
      const stepped = harness.browser();
      await comeBack(harness, stepped, await authorize(harness, stepped, path('acr_values=urn:test:mfa')));
      const session = await (await stepped.fetch(`${harness.url}/auth/session`)).json();
      expect(session).toMatchObject({ claims: { acr: 'urn:test:mfa' } });
    });
  });

  describe('a token response', () => {
    const cases: readonly (readonly [string, (provider: TestProvider) => unknown, ReturnType<typeof refused>])[] = [
      ['that is HTML', ({ faults }) => faults.html(CODE_GRANT), unavailable(NO_JSON)],
      [
        'that is not JSON by its type',
        ({ faults }) => faults.contentType(CODE_GRANT, 'text/plain'),
        unavailable(NO_JSON),
      ],
      ['that is cut off', ({ faults }) => faults.truncate(CODE_GRANT), unavailable(UNUSABLE)],
      ['that is empty', ({ faults }) => faults.reply(CODE_GRANT, json('')), unavailable(UNUSABLE)],
      ['that is null', ({ faults }) => faults.reply(CODE_GRANT, json('null')), unavailable(UNUSABLE)],
      ['that is a list', ({ faults }) => faults.reply(CODE_GRANT, json('[]')), unavailable(UNUSABLE)],
      ['that is text', ({ faults }) => faults.reply(CODE_GRANT, json('"tokens"')), unavailable(UNUSABLE)],
      ['without an access token', ({ faults }) => faults.omit(CODE_GRANT, 'access_token'), unavailable(UNUSABLE)],
      [
        'with an access token of another type',
        ({ faults }) => faults.rewrite(CODE_GRANT, (body) => ({ ...body, access_token: 42 })),
        unavailable(UNUSABLE),
      ],
      [
        'of a megabyte',
        ({ faults }) => faults.oversize(CODE_GRANT, 1_000_000),
        unavailable('the answer of the OpenID Provider is too large'),
      ],
      [
        'with a redirect',
        ({ faults }) => faults.redirect(CODE_GRANT, 'https://evil.example/'),
        unavailable('the OpenID Provider answered with a redirect, which is refused'),
      ],
      [
        'with status 500',
        ({ faults }) => faults.status(CODE_GRANT, 500),
        unavailable('the OpenID Provider answered 500'),
      ],
      [
        'with status 503 and Retry-After',
        ({ faults }) => faults.status(CODE_GRANT, 503, { retryAfter: 7 }),
        unavailable('the OpenID Provider answered 503', '7'),
      ],
      [
        'with status 429',
        ({ faults }) => faults.status(CODE_GRANT, 429, { retryAfter: 9 }),
        unavailable('the OpenID Provider asks for fewer requests', '9'),
      ],
      ['that never comes', ({ faults }) => faults.drop(CODE_GRANT), unavailable(NO_ANSWER)],
      ['that is lost', ({ faults }) => faults.dropResponse(CODE_GRANT), unavailable(NO_ANSWER)],
    ];

    it.each(cases)('%s is an outage, and nobody is signed in', async (_what, arrange, expected) => {
      await success();
      const url = await authorize(harness, browser);
      arrange(provider);
      expect(await failure(url)).toEqual(expected);
    });

    it('that takes too long is an outage, and what comes later changes nothing', async () => {
      const hasty = await startHarness({ adapter, provider, oidc: { tokenRequestTimeout: 50 } });
      const patient = harness.browser();
      const url = await authorize(hasty, patient);
      const hold = provider.faults.hold(CODE_GRANT);
      const answer = await patient.fetch(url);
      hold.release();
      expect({
        status: answer.status,
        retry: answer.headers.get('retry-after'),
        ...((await answer.json()) as object),
      }).toEqual({
        status: 503,
        retry: '5',
        error: 'provider_unavailable',
        error_description: NO_ANSWER,
      });
      expect(await (await patient.fetch(`${hasty.url}/auth/session`)).json()).toEqual({ authenticated: false });
      await hasty.close();
    });

    it.each(['invalid_grant', 'invalid_client', 'unauthorized_client'])(
      'that refuses with %s is named',
      async (error) => {
        const url = await authorize(harness, browser);
        provider.faults.status(CODE_GRANT, 400, { body: { error, error_description: '<b>alice</b> AADSTS1' } });
        expect(await failure(url)).toEqual(
          refused(502, 'provider_rejected', `the OpenID Provider refused the code with "${error}"; start again`),
        );
      },
    );

    it('that refuses with something else is not repeated', async () => {
      const url = await authorize(harness, browser);
      provider.faults.status(CODE_GRANT, 400, { body: { error: '<script>' } });
      expect(await failure(url)).toEqual(
        refused(502, 'provider_rejected', 'the OpenID Provider refused the code with "unknown_error"; start again'),
      );
    });

    it('leads a page to the error page', async () => {
      const url = await authorize(harness, browser);
      provider.faults.status(CODE_GRANT, 500);
      const response = await comeBack(harness, browser, url);
      expect(redirectOf(response)).toEqual({ status: 302, location: '/auth/error?error=provider_unavailable' });
    });

    it('with a code that was changed on its way is refused by the provider', async () => {
      const url = withParameters(await authorize(harness, browser), { code: 'made-up' });
      expect(await failure(url)).toEqual(
        refused(502, 'provider_rejected', 'the OpenID Provider refused the code with "invalid_grant"; start again'),
      );
    });

    it('with tokens that no cookie can carry ends with the remedy', async () => {
      const url = await authorize(harness, browser);
      provider.faults.rewrite(CODE_GRANT, (body) => ({ ...body, refresh_token: 'r'.repeat(100_000) }));
      expect(await failure(url)).toMatchObject({ status: 502, error: 'session_too_large', signedIn: [] });
    });

    it('L5 of a code that was caught on its way is of no use in another attempt', async () => {
      const code = new URL(await authorize(harness, browser)).searchParams.get('code') ?? '';
      const url = withParameters(await authorize(harness, browser), { code });
      expect(await failure(url)).toMatchObject({ status: 502, error: 'provider_rejected' });
    });

    const json = (body: string) => ({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(body),
    });
  });

  describe('an error response', () => {
    const cases = [
      ['access_denied', 'access_denied', 403],
      ['login_required', 'login_required', 403],
      ['interaction_required', 'interaction_required', 403],
      ['consent_required', 'consent_required', 403],
      ['account_selection_required', 'account_selection_required', 403],
      ['temporarily_unavailable', 'provider_unavailable', 503],
      ['server_error', 'provider_unavailable', 503],
      ['invalid_scope', 'provider_rejected', 502],
    ] as const;

    it.each(cases)('%s ends as %s', async (error, code, status) => {
      const changes = { code: undefined, error, error_description: '<script>alert(1)</script>' };
      const page = withParameters(await authorize(harness, browser), changes);
      const script = withParameters(await authorize(harness, browser), changes);
      provider.requests.reset();
      const answer = await browser.fetch(script);
      const text = await answer.text();
      expect({ status: answer.status, error: (JSON.parse(text) as Claims)['error'] }).toEqual({ status, error: code });
      expect(text).not.toContain('alert');
      expect(redirectOf(await comeBack(harness, browser, page))).toEqual({
        status: 302,
        location: `/auth/error?error=${code}`,
      });
      expect(provider.requests.count('token')).toBe(0);
    });

    it('of prompt=none ends as the provider says', async () => {
      const unknown = harness.browser();
      const response = await unknown.navigate(`${harness.url}/auth/login?prompt=none`, {
        stopAt: `${harness.url}/auth/callback`,
      });
      const location = response.headers.get('location') ?? '';
      expect(redirectOf(await comeBack(harness, unknown, location)).location).toBe('/auth/error?error=login_required');
    });

    it('ends its attempt: a code that comes after it is too late', async () => {
      const url = await authorize(harness, browser);
      const snapshot = browser.jar.snapshot();
      await browser.fetch(withParameters(url, { code: undefined, error: 'access_denied' }));
      browser.jar.restore(snapshot);
      expect(await failure(url)).toMatchObject({ status: 400, error: 'transaction_used' });
    });
  });

  describe('another provider', () => {
    it('L4 of an application with the same secret is told apart by the attempt', async () => {
      const evil = await createTestProvider({ audience: API_AUDIENCE });
      const other = await startHarness({ adapter, provider: evil });
      const shared = harness.browser();
      const url = new URL(await authorize(other, shared));
      const swapped = new URL(`${harness.url}/auth/callback${url.search}`);
      swapped.searchParams.set('iss', provider.issuer);
      provider.requests.reset();
      const answer = await answerOf(await shared.fetch(swapped.href));
      await other.close();
      await evil.close();
      expect({ ...answer, asked: provider.requests.count('token') }).toEqual({
        status: 400,
        body: { error: 'issuer_mismatch', error_description: 'this sign-in was started with another OpenID Provider' },
        challenge: null,
        asked: 0,
      });
    });
  });

  describe('an outage', () => {
    it('before the provider is known is 503 with Retry-After, also for a page, and begins nothing', async () => {
      const lost = await startHarness({ adapter, provider, oidc: { issuer: 'http://127.0.0.1:9' } });
      const page = await lost.browser().navigate(`${lost.url}/auth/login`, { follow: false });
      const script = await lost.browser().fetch(`${lost.url}/auth/login`);
      await lost.close();
      expect(
        [page, script].map(({ status, headers }) => ({
          status,
          retry: /^\d+$/.test(headers.get('retry-after') ?? ''),
          cookies: headers.getSetCookie(),
        })),
      ).toEqual([
        { status: 503, retry: true, cookies: [] },
        { status: 503, retry: true, cookies: [] },
      ]);
      expect((await answerOf(script)).body).toMatchObject({ error: 'provider_unavailable' });
    });
  });
});

describe.each(ADAPTERS)('a pushed authorization request on %s', (adapter) => {
  let provider: TestProvider;
  let harness: Harness;

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE, requirePar: true, requirePkce: true });
    harness = await startHarness({ adapter, provider });
  });
  afterEach(() => {
    provider.faults.clear();
  });
  afterAll(async () => {
    await harness.close();
    await provider.close();
  });

  const start = () => harness.browser().navigate(`${harness.url}/auth/login`, { follow: false });

  it('is made where the provider requires it, and the browser carries its name only', async () => {
    provider.requests.reset();
    const location = new URL((await start()).headers.get('location') ?? '');
    expect(Object.fromEntries(location.searchParams)).toEqual({
      client_id: provider.client.clientId,
      request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:/),
    });
    expect(provider.requests.count('par')).toBe(1);
  });

  it('signs in', async () => {
    const response = await harness.signIn(harness.browser(), 'alice', '/auth/login?returnTo=/api/profile');
    expect({ status: response.status, url: response.url }).toEqual({ status: 200, url: `${harness.url}/api/profile` });
  });

  it('that is refused is named, and leaves no attempt behind', async () => {
    provider.faults.status({ kind: 'par', times: 2 }, 400, {
      body: { error: 'invalid_request', error_description: 'x' },
    });
    const browser = harness.browser();
    const page = await browser.navigate(`${harness.url}/auth/login`, { follow: false });
    const script = await browser.fetch(`${harness.url}/auth/login`);
    expect(redirectOf(page)).toEqual({ status: 302, location: '/auth/error?error=provider_rejected' });
    expect(await answerOf(script)).toEqual({
      status: 502,
      body: {
        error: 'provider_rejected',
        error_description: 'the OpenID Provider refused the pushed authorization request with "invalid_request"',
      },
      challenge: null,
    });
    expect(attemptsOf(browser, harness.url)).toEqual([]);
  });

  it.each([
    ['with status 500', (faulty: TestProvider) => faulty.faults.status('par', 500)],
    ['with HTML', (faulty: TestProvider) => faulty.faults.html('par')],
    ['never', (faulty: TestProvider) => faulty.faults.drop('par')],
  ])('that is answered %s is an outage', async (_what, arrange) => {
    arrange(provider);
    const response = await start();
    expect({
      status: response.status,
      retry: response.headers.get('retry-after'),
      cookies: response.headers.getSetCookie(),
    }).toEqual({
      status: 503,
      retry: '5',
      cookies: [],
    });
  });

  it('is made where the options say so', async () => {
    const relaxed = await createTestProvider({ audience: API_AUDIENCE });
    const asked = await startHarness({ adapter, provider: relaxed, oidc: { usePar: true } });
    const signedIn = await asked.signIn(asked.browser(), 'alice', '/auth/login?returnTo=/api/subject');
    const pushed = relaxed.requests.count('par');
    await asked.close();
    await relaxed.close();
    expect({ status: signedIn.status, pushed }).toEqual({ status: 200, pushed: 1 });
  });

  it('without an endpoint to push it to is a mistake of the configuration', async () => {
    const relaxed = await createTestProvider({ audience: API_AUDIENCE });
    relaxed.faults.rewrite(
      { kind: 'discovery', times: Infinity },
      ({ pushed_authorization_request_endpoint: _, ...rest }) => rest,
    );
    const asked = await startHarness({ adapter, provider: relaxed, oidc: { usePar: true } });
    const response = await asked.browser().fetch(`${asked.url}/auth/login`);
    await asked.close();
    await relaxed.close();
    expect(await answerOf(response)).toEqual({
      status: 502,
      body: {
        error: 'configuration',
        error_description:
          'the OpenID Provider has no endpoint for pushed authorization requests; leave OPENID_USE_PAR out',
      },
      challenge: null,
    });
  });

  it('does without PKCE where the options say so', async () => {
    const relaxed = await createTestProvider({ audience: API_AUDIENCE });
    const recording = new RecordingFetch();
    const plain = await startHarness({ adapter, provider: relaxed, oidc: { usePkce: false, fetch: recording.fetch } });
    const browser = plain.browser();
    const location = new URL(
      (await browser.navigate(`${plain.url}/auth/login`, { follow: false })).headers.get('location') ?? '',
    );
    const signedIn = await plain.signIn(browser, 'alice', '/auth/login?returnTo=/api/subject');
    await plain.close();
    await relaxed.close();
    expect({ status: signedIn.status, challenge: location.searchParams.has('code_challenge') }).toEqual({
      status: 200,
      challenge: false,
    });
    expect(recording.forms('authorization_code').map((form) => 'code_verifier' in form)).toEqual([false]);
  });
});

function now(): number {
  return Math.floor(Date.now() / 1000);
}
