/** What settings make of the reference application while it runs. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createTestProvider, TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS } from '../support/harness.js';
import { freePorts } from '../support/ports.js';
import { startReference, type Reference, type ReferenceOptions } from '../support/reference.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const running: { close(): Promise<void> }[] = [];

afterEach(async () => {
  releaseTime();
  for (const each of running.splice(0)) await each.close();
});

async function reference(options: ReferenceOptions): Promise<Reference> {
  const started = await startReference(options);
  running.push(started);
  return started;
}

async function testProvider(options: Parameters<typeof createTestProvider>[0] = {}): Promise<TestProvider> {
  const provider = await createTestProvider(options);
  running.push(provider);
  return provider;
}

async function statusAndBody(response: Response): Promise<{ readonly status: number; readonly body: unknown }> {
  return { status: response.status, body: await response.json() };
}

describe.each(ADAPTERS)('with the embedded provider on %s', (adapter) => {
  it.each([
    { OPENID_AUDIENCE: 'https://api.example/reports, other' },
    { OPENID_RESOURCE: 'https://api.example/reports' },
  ])('issues tokens for the API that %j names', async (settings) => {
    const { url } = await reference({ adapter, settings });
    const browser = new TestBrowser();
    const landed = await browser.signIn(`${url}/auth/login?returnTo=/api/profile`, { login: 'bob', password: 'bob' });
    expect(await statusAndBody(landed)).toMatchObject({ status: 200, body: { subject: 'user-bob' } });
    expect((await browser.fetch(`${url}/api/reports`)).headers.get('www-authenticate')).toContain(
      'scope="reports.read"',
    );
  });
});

describe.each(ADAPTERS)('with a provider of its own on %s', (adapter) => {
  it('no other one is started, and nothing is written', async () => {
    const { url, hasDevelopmentProvider, hasState } = await reference({ adapter, provider: await testProvider() });
    expect({ hasDevelopmentProvider, hasState }).toEqual({ hasDevelopmentProvider: false, hasState: false });
    expect((await new TestBrowser().fetch(`${url}/health`)).status).toBe(200);
  });

  it('the downstream route names GRAPH_ME_URL when that is not set', async () => {
    const application = await reference({ adapter, provider: await testProvider(), settings: { GRAPH_ME_URL: '' } });
    const alice = await application.signedIn();
    expect(await statusAndBody(await alice.fetch(`${application.url}/api/graph/me`))).toEqual({
      status: 501,
      body: { error: 'configuration', error_description: 'set GRAPH_ME_URL to the URL of the downstream API' },
    });
  });

  it.each([
    ['fails', 500, 502, 'the downstream API answered 500'],
    ['answers no JSON', undefined, 502, 'the downstream API answered no JSON'],
    ['does not answer', 'drop', 503, 'the downstream API does not answer'],
  ])('the downstream route says so when the API %s', async (_, fault, status, message) => {
    const provider = await testProvider();
    const application = await reference({ adapter, provider });
    const alice = await application.signedIn();
    if (typeof fault === 'number') provider.faults.status('graph', fault);
    else if (fault === 'drop') provider.faults.drop('graph');
    else provider.faults.html('graph');
    expect(await statusAndBody(await alice.fetch(`${application.url}/api/graph/me`))).toMatchObject({
      status,
      body: { message },
    });
  });

  it('the application starts without it, says so, and heals by itself', async () => {
    freezeTime();
    const [port = 0] = await freePorts(1);
    const client = { clientId: 'web', clientSecret: 'a-client-secret-of-the-tests' };
    const settings = {
      OPENID_ISSUER: `http://127.0.0.1:${String(port)}`,
      OPENID_CLIENT_ID: client.clientId,
      OPENID_CLIENT_SECRET: client.clientSecret,
      OPENID_SESSION_SECRET: 'a-session-secret-of-the-tests-0001',
    };
    const { url } = await reference({ adapter, settings });
    const browser = new TestBrowser();
    const login = await browser.navigate(`${url}/auth/login`, { follow: false });
    expect(login.status).toBe(503);
    expect(login.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(await statusAndBody(await browser.fetch(`${url}/health`))).toMatchObject({
      status: 200,
      body: { status: 'degraded', oidc: { metadata: false } },
    });
    expect((await browser.fetch(`${url}/`)).status).toBe(200);

    const provider = await testProvider({ port, defaultClient: client });
    provider.registerRedirectUri(`${url}/auth/callback`);
    advance(300);
    const landed = await browser.signIn(`${url}/auth/login?returnTo=/api/profile`, { login: 'bob', password: 'bob' });
    expect(await statusAndBody(landed)).toMatchObject({ status: 200, body: { subject: 'user-bob' } });
    expect(await statusAndBody(await browser.fetch(`${url}/health`))).toMatchObject({ body: { status: 'ok' } });
  });

  it('the cache may be away: nothing waits for it', async () => {
    const [port = 0] = await freePorts(1);
    const settings = { CACHE_URL: `redis://127.0.0.1:${String(port)}` };
    const { url } = await reference({ adapter, provider: await testProvider(), settings });
    const browser = new TestBrowser();
    const paths = ['/', '/health', '/api/public', '/api/profile', '/auth/session'];
    const statuses = await Promise.all(paths.map(async (path) => (await browser.fetch(url + path)).status));
    expect(statuses).toEqual([200, 200, 200, 401, 200]);
  });
});

describe.each(ADAPTERS)('with sessions in a store that is away on %s', (adapter) => {
  it('the application says that it cannot serve, and who is signed in is not known', async () => {
    const [port = 0] = await freePorts(1);
    const settings = { CACHE_URL: `redis://127.0.0.1:${String(port)}`, OPENID_CUSTODY: 'store' };
    const { url } = await reference({ adapter, provider: await testProvider(), settings });
    const browser = new TestBrowser();
    const cookie = `oidc.session-key=${'a'.repeat(43)}`;
    expect((await browser.fetch(`${url}/api/profile`, { headers: { cookie } })).status).toBe(503);
    expect(await statusAndBody(await browser.fetch(`${url}/health`))).toMatchObject({
      status: 503,
      body: { status: 'error', oidc: { status: 'degraded', sharedStore: false } },
    });
  });
});

describe.each(ADAPTERS)('beside the embedded provider on %s', (adapter) => {
  it.each([
    ['a callback path', { OPENID_CALLBACK_URL: '/signed-in' }],
    ['a client', { OPENID_CLIENT_ID: 'shop', OPENID_CLIENT_SECRET: 'a-secret-that-is-long-enough-for-it' }],
    ['an authentication method', { OPENID_TOKEN_ENDPOINT_AUTH_METHOD: 'client_secret_post' }],
    ['a public client', { OPENID_TOKEN_ENDPOINT_AUTH_METHOD: 'none' }],
    ['a session secret', { OPENID_SESSION_SECRET: 'a-session-secret-of-the-tests-0001' }],
    ['the other spelling of a name', { OPENID_ON_BEHALF_FLOW_FOR_USERINFO_REQUIRED: 'true' }],
    ['blank values', { OPENID_ISSUER: ' ', OPENID_CLIENT_SECRET: '', OPENID_SCOPE: '' }],
  ])('%s of the settings is respected', async (_, settings) => {
    const application = await reference({ adapter, settings });
    expect(application.hasDevelopmentProvider).toBe(true);
    const alice = await application.signedIn();
    expect(await statusAndBody(await alice.fetch(`${application.url}/auth/userinfo`))).toMatchObject({
      status: 200,
      body: { sub: 'user-alice' },
    });
  });

  it('a public URL with a slash at the end is the same origin', async () => {
    const [port = 0] = await freePorts(1);
    const settings = { PORT: String(port), PUBLIC_URL: `http://localhost:${String(port)}/` };
    const application = await reference({ adapter, settings });
    expect(application.url).toBe(`http://localhost:${String(port)}`);
    expect((await application.signedIn()).cookies(application.url)).not.toEqual([]);
  });
});

describe.each(ADAPTERS)('closing on %s', (adapter) => {
  it('ends connections that carry no request, used or not', async () => {
    const application = await startReference({ adapter, settings: { HOST: '127.0.0.1' } });
    const port = Number(new URL(application.url).port);
    const [unused, used] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    const ended = Promise.all([once(unused, 'close'), once(used, 'close')]);
    await once(unused, 'connect');
    used.write('GET /api/public HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const [answer] = (await once(used, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 200 OK/);
    await application.close();
    await ended;
    expect([unused.closed, used.closed]).toEqual([true, true]);
  });

  it('lets a request that is under way have its answer', async () => {
    const provider = await testProvider();
    const application = await startReference({ adapter, provider });
    const alice = await application.signedIn();
    const hold = provider.faults.hold('userinfo');
    const answer = alice.fetch(`${application.url}/auth/userinfo`);
    await hold.arrived;
    const closed = application.close();
    hold.release();
    expect(await statusAndBody(await answer)).toMatchObject({ status: 200, body: { sub: 'user-alice' } });
    await closed;
    await expect(alice.fetch(`${application.url}/health`)).rejects.toThrow();
  });
});
