/** The authorization response by form (OAuth 2.0 Form Post Response Mode): it comes from another site, without our session's cookie. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestProvider, type TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { attemptsOf, redirectOf, sessionLines, subjectOf } from '../support/login.js';

const AS_SOMEBODY = '/auth/login?prompt=login';

describe.each(ADAPTERS)('an answer by form_post on %s', (adapter) => {
  let provider: TestProvider;
  let harness: Harness;

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE, host: 'localhost' });
    harness = await startHarness({ adapter, provider, oidc: { responseMode: 'form_post' } });
  });
  afterAll(async () => {
    await harness.close();
    await provider.close();
  });

  /** The form that the provider makes the browser send. */
  const formOf = async (
    browser: TestBrowser,
    login = 'alice',
    path = '/auth/login',
  ): Promise<Record<string, string>> => {
    const start = await browser.navigate(harness.url + path, { follow: false });
    const url = new URL(start.headers.get('location') ?? '');
    url.searchParams.set('response_mode', 'query');
    const stopAt = `${harness.url}/auth/callback`;
    const response = await browser.signIn(url.href, { login, password: login }, { stopAt });
    return Object.fromEntries(new URL(response.headers.get('location') ?? '').searchParams);
  };
  const post = (
    browser: TestBrowser,
    form: Record<string, string> | undefined,
    headers: Record<string, string | null> = {},
  ) =>
    browser.navigate(`${harness.url}/auth/callback`, {
      method: 'POST',
      form,
      follow: false,
      initiator: `${provider.issuer}/auth`,
      headers,
    });
  const onlyAttempts = (browser: TestBrowser): string =>
    attemptsOf(browser, harness.url)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');

  it('oidcc-client-test-form-post: is asked for', async () => {
    const response = await harness.browser().navigate(`${harness.url}/auth/login`, { follow: false });
    expect(new URL(response.headers.get('location') ?? '').searchParams.get('response_mode')).toBe('form_post');
  });

  it('oidcc-client-test-form-post: signs in', async () => {
    const response = await harness.signIn(harness.browser(), 'alice', '/auth/login?returnTo=/api/profile');
    expect({ status: response.status, url: response.url }).toEqual({ status: 200, url: `${harness.url}/api/profile` });
  });

  it('leads back with 302', async () => {
    const browser = harness.browser();
    const form = await formOf(browser, 'alice', '/auth/login?returnTo=/page');
    expect(redirectOf(await post(browser, form))).toEqual({ status: 302, location: '/page' });
  });

  it('is not refused for coming from another site', async () => {
    const browser = harness.browser();
    const form = await formOf(browser);
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'null' };
    expect(redirectOf(await post(browser, form, headers))).toEqual({ status: 302, location: '/' });
  });

  it.each([
    [undefined, "parameter 'state' is missing"],
    [{}, "parameter 'state' is missing"],
    [{ code: 'c' }, "parameter 'state' is missing"],
  ] as const)('of %j is refused', async (form, description) => {
    const response = await post(harness.browser(), form === undefined ? form : { ...form }, {
      'sec-fetch-mode': 'cors',
      accept: null,
    });
    expect((await answerOf(response)).body).toEqual({ error: 'invalid_request', error_description: description });
  });

  it.each(['state=a&state=b&code=c', 'state[x]=a&code=c', 'state[]=a&state[]=b'])(
    'T16 of %s is refused',
    async (body) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-mode': 'cors' };
      const response = await harness.browser().fetch(`${harness.url}/auth/callback`, { method: 'POST', body, headers });
      expect(await answerOf(response)).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    },
  );

  it('in the query is refused, and the attempt is kept', async () => {
    const browser = harness.browser();
    const form = await formOf(browser);
    const query = await browser.fetch(`${harness.url}/auth/callback?${new URLSearchParams(form).toString()}`);
    expect(await answerOf(query)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: 'the response has to come with response mode form_post' },
    });
    expect(redirectOf(await post(browser, form))).toEqual({ status: 302, location: '/' });
  });

  it('L3 ends the session it began in, though its cookie does not come with it', async () => {
    const browser = await harness.signedIn('alice');
    const before = browser.jar.header(harness.url);
    const form = await formOf(browser);
    expect(redirectOf(await post(browser, form, { cookie: onlyAttempts(browser) }))).toEqual({
      status: 302,
      location: '/',
    });
    const old = await harness.browser().fetch(`${harness.url}/auth/session`, { headers: { cookie: before } });
    expect(await old.json()).toEqual({ authenticated: false });
    expect(await subjectOf(harness, browser)).toBe('user-alice');
  });

  it('L2 is refused when another end-user has taken over the browser, though that cookie does not come with it', async () => {
    const browser = harness.browser();
    const asBob = await formOf(browser, 'bob');
    await post(browser, await formOf(browser, 'alice', AS_SOMEBODY));
    const asAlice = await formOf(browser, 'alice', AS_SOMEBODY);
    await post(browser, asBob);
    const response = await post(browser, asAlice, { cookie: onlyAttempts(browser) });
    expect({ ...redirectOf(response), lines: sessionLines(response) }).toEqual({
      status: 302,
      location: '/auth/error?error=session_conflict',
      lines: [],
    });
    expect(await subjectOf(harness, browser)).toBe('user-bob');
  });

  it.each(['code', 'state', 'iss', 'error'])('T16 refuses %s sent twice, and keeps the attempt', async (name) => {
    const browser = harness.browser();
    const form = await formOf(browser);
    const body = `${new URLSearchParams({ ...form, [name]: 'one' }).toString()}&${name}=two`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-mode': 'cors' };
    const response = await browser.fetch(`${harness.url}/auth/callback`, { method: 'POST', body, headers });
    expect(await answerOf(response)).toMatchObject({
      status: 400,
      body: { error_description: `parameter '${name}' has to be sent once, as one string` },
    });
    expect(redirectOf(await post(browser, form))).toEqual({ status: 302, location: '/' });
  });

  it.each([
    ['invalid-state', { state: 'wrong' }, 'transaction_missing'],
    ['missing-code', { code: '' }, 'invalid_request'],
    ['invalid-iss', { iss: 'https://evil.example' }, 'issuer_mismatch'],
    ['missing-iss', { iss: '' }, 'issuer_mismatch'],
    ['error', { error: 'access_denied' }, 'access_denied'],
  ])('oidcc-client-test-form-post-%s: signs nobody in', async (_rule, changes, error) => {
    const browser = harness.browser();
    const response = await post(browser, { ...(await formOf(browser)), ...changes });
    expect({ ...redirectOf(response), lines: sessionLines(response) }).toEqual({
      status: 302,
      location: `/auth/error?error=${error}`,
      lines: [],
    });
  });
});
