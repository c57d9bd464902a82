/** OpenID Connect Core section 4: another site, the provider itself for example, starts a sign-in here. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestProvider, type TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { OPEN_REDIRECTS } from '../../libs/oidc-token-reuse/test/login/open-redirects.js';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { attemptsOf, comeBack, redirectOf } from '../support/login.js';

const PORTAL = 'https://portal.example/apps';

describe.each(ADAPTERS)('oidcc-client-test-3rd-party-init-login on %s', (adapter) => {
  let provider: TestProvider;
  let harness: Harness;
  let browser: TestBrowser;

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE, alg: 'ES256' });
    harness = await startHarness({ adapter, provider });
  });
  beforeEach(() => {
    browser = harness.browser();
  });
  afterAll(async () => {
    await harness.close();
    await provider.close();
  });

  type Parameters = Readonly<Record<string, string>>;

  /** What the initiating site makes the browser send. */
  const initiate = (method: 'GET' | 'POST', parameters: Parameters, headers: Record<string, string> = {}) => {
    const login = new URL('/auth/login', harness.url);
    if (method === 'GET') login.search = String(new URLSearchParams(parameters));
    const form = method === 'POST' ? { form: { ...parameters } } : {};
    return browser.navigate(login.href, { method, ...form, initiator: PORTAL, follow: false, headers });
  };
  /** The authorization request that comes of it, over the redirect that answers a POST. */
  const requestOf = async (response: Response): Promise<URL> => {
    const location = new URL(response.headers.get('location') ?? '', harness.url);
    if (location.origin !== harness.url) return location;
    return requestOf(await browser.navigate(location.href, { follow: false, initiator: PORTAL }));
  };
  /** Where a browser that is signed in at the provider ends. */
  const endOf = async (parameters: Parameters): Promise<string | null> => {
    const request = await requestOf(await initiate('GET', parameters));
    const stopAt = `${harness.url}/auth/callback`;
    const response = await browser.signIn(request.href, { login: 'alice', password: 'alice' }, { stopAt });
    return (await comeBack(harness, browser, response.headers.get('location') ?? '')).headers.get('location');
  };

  describe.each(['GET', 'POST'] as const)('by %s', (method) => {
    it('starts a sign-in at the provider that iss names, with the login_hint', async () => {
      const request = await requestOf(await initiate(method, { iss: provider.issuer, login_hint: 'alice@b.example' }));
      expect([request.origin + request.pathname, request.searchParams.get('login_hint')]).toEqual([
        `${provider.issuer}/auth`,
        'alice@b.example',
      ]);
      expect(attemptsOf(browser, harness.url)).toHaveLength(1);
    });

    it('passes nothing else on', async () => {
      const more = {
        state: 'mine',
        nonce: 'mine',
        redirect_uri: 'https://evil.example',
        scope: 'admin',
        client_id: 'x',
      };
      const request = await requestOf(await initiate(method, { iss: provider.issuer, ...more }));
      expect([...request.searchParams.values()].filter((value) => Object.values(more).includes(value))).toEqual([]);
    });

    it.each(['https://evil.example', '', 'issuer/', 'ISSUER', 'issuer/.well-known/openid-configuration'])(
      'refuses iss %j, and begins nothing',
      async (iss) => {
        const named = iss.replace('issuer', provider.issuer).replace('ISSUER', provider.issuer.toUpperCase());
        const started = await initiate(method, { iss: named });
        const ended = method === 'GET' ? started : await follow(started);
        expect(redirectOf(ended)).toEqual({ status: 302, location: '/auth/error?error=invalid_request' });
        expect(attemptsOf(browser, harness.url)).toEqual([]);
      },
    );

    it.each(['iframe', 'frame', 'embed', 'object'])('is refused in a frame of another site: %s', async (dest) => {
      const response = await initiate(method, { iss: provider.issuer }, { 'sec-fetch-dest': dest });
      expect(await answerOf(response)).toMatchObject({
        status: 400,
        body: {
          error: 'invalid_request',
          error_description: 'a sign-in is not started in a frame of another site',
        },
      });
      expect(attemptsOf(browser, harness.url)).toEqual([]);
    });

    it('forbids other sites to frame its answer, which is never stored', async () => {
      const { headers } = await initiate(method, { iss: provider.issuer });
      expect([headers.get('content-security-policy'), headers.get('cache-control')]).toEqual([
        "frame-ancestors 'self'",
        'no-store',
      ]);
    });
  });

  const follow = (response: Response): Promise<Response> =>
    browser.navigate(new URL(response.headers.get('location') ?? '', harness.url).href, {
      follow: false,
      initiator: PORTAL,
    });

  it('leads to target_link_uri on our own origin', async () => {
    const target_link_uri = `${harness.url}/api/public?a=b#c`;
    expect(await endOf({ iss: provider.issuer, target_link_uri })).toBe('/api/public?a=b#c');
  });

  it('leads to target_link_uri by POST too', async () => {
    const response = await initiate('POST', { iss: provider.issuer, target_link_uri: `${harness.url}/api/subject` });
    const landed = await browser.signIn(
      new URL(response.headers.get('location') ?? '', harness.url).href,
      { login: 'alice', password: 'alice' },
      { initiator: PORTAL },
    );
    expect([landed.status, landed.url]).toEqual([200, `${harness.url}/api/subject`]);
  });

  it('leads to the start page where target_link_uri is on no origin of ours', async () => {
    const { host } = new URL(harness.url);
    const targets = [
      ...[
        'https://evil.example/',
        `https://${host}/path`,
        `http://${host}.evil.example/path`,
        `http://evil@${host}:1/`,
      ],
      ...[`http://127.0.0.1/path`, '/path', 'path', '//evil.example', '', 'javascript:alert(1)', 'data:text/html,x'],
      ...[`http://${host}//evil.example`, `http://${host}/\\evil.example`, `http://${host}/%5cevil.example`],
      ...OPEN_REDIRECTS.filter((_, index) => index % 40 === 0),
    ];
    for (const target_link_uri of targets)
      expect([target_link_uri, await endOf({ iss: provider.issuer, target_link_uri })]).toEqual([target_link_uri, '/']);
  });

  it('counts target_link_uri, not returnTo, of another site', async () => {
    const both = { target_link_uri: 'https://evil.example/', returnTo: '/api/admin' };
    expect(await endOf({ iss: provider.issuer, ...both })).toBe('/');
  });

  it('by POST does nothing but start a sign-in: it needs iss, and shows no session to the other site', async () => {
    const alice = await harness.signedIn();
    browser = alice;
    const missing = await initiate('POST', { login_hint: 'mallory' });
    expect(redirectOf(missing)).toEqual({ status: 303, location: '/auth/error?error=invalid_request' });
    const response = await initiate('POST', { iss: provider.issuer, login_hint: 'bob', prompt: 'login' });
    expect([response.status, response.headers.getSetCookie()]).toEqual([303, []]);
    expect((await alice.fetch(`${harness.url}/api/subject`)).status).toBe(200);
  });

  it('by POST still ends as the end-user in whose session it began, or not at all', async () => {
    browser = await harness.signedIn('alice');
    const request = await requestOf(await initiate('POST', { iss: provider.issuer, login_hint: 'bob' }));
    request.searchParams.set('prompt', 'login');
    const stopAt = `${harness.url}/auth/callback`;
    const response = await browser.signIn(request.href, { login: 'bob', password: 'bob' }, { stopAt });
    expect(redirectOf(await comeBack(harness, browser, response.headers.get('location') ?? ''))).toEqual({
      status: 302,
      location: '/auth/error?error=session_conflict',
    });
  });

  it.each(['iss', 'login_hint', 'target_link_uri'])('refuses %s sent twice', async (name) => {
    const query = `iss=${encodeURIComponent(provider.issuer)}&${name}=a&${name}=b`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answers = [
      await browser.fetch(`${harness.url}/auth/login?${query}`),
      await browser.fetch(`${harness.url}/auth/login`, { method: 'POST', body: query, headers }),
    ];
    for (const answer of answers)
      expect(await answerOf(answer)).toMatchObject({
        status: 400,
        body: { error_description: `parameter '${name}' has to be sent once, as one string` },
      });
  });

  it('lets our own pages sign in silently in a frame', async () => {
    const response = await browser.navigate(`${harness.url}/auth/login?prompt=none`, {
      follow: false,
      initiator: `${harness.url}/`,
      headers: { 'sec-fetch-dest': 'iframe' },
    });
    expect(response.status).toBe(302);
  });
});
