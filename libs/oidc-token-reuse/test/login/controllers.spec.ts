import { afterEach, describe, expect, it } from '@jest/globals';
import { OPTIONS } from '../config/valid-options.js';
import { served, type Served } from '../served.js';
import { cookieHeader } from '../session/support.js';
import { signingBrowser, stateOf, type SigningBrowser, type SigningBrowserSetup } from './support.js';

const { issuer } = OPTIONS;
const PAGE = { 'sec-fetch-mode': 'navigate' };
const FRAMED = { 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'cross-site' };

let application: Served | undefined;

afterEach(async () => {
  await application?.close();
  application = undefined;
});

interface Serving {
  readonly browser: SigningBrowser;
  ask: Served['ask'];
}

/** Requests bring what the browser holds. */
async function serving(setup?: SigningBrowserSetup): Promise<Serving> {
  const browser = await signingBrowser(setup);
  const started = await served(browser.rooms);
  application = started;
  return {
    browser,
    ask: (path, asked) =>
      started.ask(path, { ...asked, headers: { cookie: cookieHeader(browser.cookies), ...asked?.headers } }),
  };
}

const locationOf = ({ status, headers }: Response) => [status, headers.get('location')];
const typesOf = ({ browser }: Serving): readonly string[] => browser.rooms.events.map(({ type }) => type);

/** What a failure says as JSON. */
async function failure(asked: Promise<Response>): Promise<unknown> {
  const answer = await asked;
  const body = (await answer.json()) as { error: string; error_description: string };
  return [answer.status, body.error, body.error_description];
}

describe('GET login', () => {
  it('leads to the provider, in no frame of another site, and is not cached', async () => {
    const { ask } = await serving();
    const answer = await ask('/login?returnTo=/orders', { headers: PAGE });
    const [status, location] = locationOf(answer);
    expect([status, String(location).split('?')[0]]).toEqual([302, `${issuer}/authorize`]);
    expect([answer.headers.get('content-security-policy'), answer.headers.get('cache-control')]).toEqual([
      "frame-ancestors 'self'",
      'no-store',
    ]);
  });

  it('L7 begins nothing ahead of time', async () => {
    const serves = await serving();
    const answer = await serves.ask('/login', { headers: { ...PAGE, 'sec-purpose': 'prefetch' } });
    expect([answer.headers.get('www-authenticate'), answer.headers.getSetCookie()]).toEqual(['Bearer', []]);
    expect(await failure(Promise.resolve(answer))).toEqual([
      401,
      'prefetch_refused',
      'a sign-in is not started ahead of time',
    ]);
    expect(typesOf(serves)).toEqual([]);
  });

  it.each(['GET', 'POST'])('begins nothing in a frame of another site: %s', async (method) => {
    const serves = await serving();
    const answer = await serves.ask('/login', { method, headers: { ...PAGE, ...FRAMED } });
    expect([answer.headers.get('content-security-policy'), answer.headers.get('cache-control')]).toEqual([
      "frame-ancestors 'self'",
      'no-store',
    ]);
    expect(await failure(Promise.resolve(answer))).toEqual([
      400,
      'invalid_request',
      'a sign-in is not started in a frame of another site',
    ]);
    expect(typesOf(serves)).toEqual([]);
  });

  it('leads a page to the error page after a failure, and tells everybody else', async () => {
    const serves = await serving();
    expect(locationOf(await serves.ask('/login?max_age=soon', { headers: PAGE }))).toEqual([
      302,
      '/auth/error?error=invalid_request',
    ]);
    expect(await failure(serves.ask('/login?max_age=soon'))).toEqual([
      400,
      'invalid_request',
      "parameter 'max_age' is a number of seconds",
    ]);
    expect(serves.browser.rooms.events).toMatchObject(
      Array(2).fill({ type: 'login.failed', issuer, code: 'invalid_request' }),
    );
  });

  it('says to a page too when to try again while the provider is not known', async () => {
    const serves = await serving({ fetch: () => Promise.reject(new TypeError('fetch failed')) });
    const answer = await serves.ask('/login', { headers: PAGE });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(typesOf(serves)).not.toContain('login.failed');
  });

  it('leaves what is out of order here to the application', async () => {
    const serves = await serving();
    serves.browser.rooms.logins.begin = () => Promise.reject(new RangeError('out of order'));
    expect((await serves.ask('/login', { headers: PAGE })).status).toBe(500);
    expect(typesOf(serves)).toEqual([]);
  });
});

describe('POST login', () => {
  it('of another site leads to the same sign-in by GET', async () => {
    const { ask } = await serving();
    const asked = { iss: issuer, login_hint: 'alice', target_link_uri: 'https://app.example.com/orders', other: 'x' };
    expect(locationOf(await ask('/login', { form: asked, headers: PAGE }))).toEqual([
      303,
      `/auth/login?${new URLSearchParams({
        iss: asked.iss,
        login_hint: asked.login_hint,
        target_link_uri: asked.target_link_uri,
      }).toString()}`,
    ]);
  });

  it('has to name the provider', async () => {
    const { ask } = await serving();
    expect(await failure(ask('/login', { form: { login_hint: 'alice' } }))).toEqual([
      400,
      'invalid_request',
      "parameter 'iss' is missing",
    ]);
  });
});

describe('the callback', () => {
  const WRONG_MODE = (mode: string) => [400, 'invalid_request', `the response has to come with response mode ${mode}`];

  it('leads back with a session', async () => {
    const { browser, ask } = await serving();
    const url = await browser.begin({ returnTo: '/orders' });
    const answer = await ask(`/?state=${stateOf(url)}&code=c`, { headers: PAGE });
    expect([...locationOf(answer), answer.headers.get('cache-control')]).toEqual([302, '/orders', 'no-store']);
    expect(answer.headers.getSetCookie().join()).toContain('__Host-oidc.session');
  });

  it('leads a page to the error page after a failure, and tells everybody else', async () => {
    const serves = await serving();
    const path = '/?state=made-up&code=c';
    expect(locationOf(await serves.ask(path, { headers: PAGE }))).toEqual([
      302,
      '/auth/error?error=transaction_missing',
    ]);
    const answer = await serves.ask(path);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([400, 'no-store']);
    expect(serves.browser.rooms.events).toMatchObject(
      Array(2).fill({ type: 'login.failed', issuer, code: 'transaction_missing' }),
    );
  });

  it('leads a page to the error page while the provider is away: the code is lost', async () => {
    const { browser, ask } = await serving();
    const url = await browser.begin();
    browser.rooms.endpoint.answer = () => undefined;
    expect(locationOf(await ask(`/?state=${stateOf(url)}&code=c`, { headers: PAGE }))).toEqual([
      302,
      '/auth/error?error=provider_unavailable',
    ]);
  });

  it('takes a query where that was asked for, and no form', async () => {
    const { browser, ask } = await serving();
    const url = await browser.begin();
    const response = { state: stateOf(url), code: 'c' };
    expect(await failure(ask('/', { form: response }))).toEqual(WRONG_MODE('query'));
    expect(browser.rooms.endpoint.forms).toEqual([]);
  });

  it('takes a form where that was asked for, and no query', async () => {
    const { browser, ask } = await serving({ responseMode: 'form_post' });
    const url = await browser.begin();
    const response = { state: stateOf(url), code: 'c' };
    const query = new URLSearchParams(response).toString();
    expect(await failure(ask(`/?${query}`))).toEqual(WRONG_MODE('form_post'));
    expect(locationOf(await ask('/', { form: response }))).toEqual([302, '/']);
  });
});
