/** The routes of the reference application, with the embedded provider beside it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS } from '../support/harness.js';
import { startReference, type Reference } from '../support/reference.js';

const CSP = "default-src 'self'; frame-ancestors 'none'";

describe.each(ADAPTERS)('the reference application on %s', (adapter) => {
  let reference: Reference;
  let alice: TestBrowser;

  beforeAll(async () => {
    reference = await startReference({ adapter });
    alice = await reference.signedIn('alice');
  });
  afterAll(() => reference.close());

  const get = (path: string, browser: TestBrowser = alice): Promise<Response> => browser.fetch(reference.url + path);

  describe('the page', () => {
    it.each([
      ['/', 'text/html; charset=utf-8', /^<!--[^]*<!doctype html>/],
      ['/app.js', 'text/javascript; charset=utf-8', /'\/auth\/session'/],
      ['/app.css', 'text/css; charset=utf-8', /prefers-color-scheme: dark/],
    ])('serves %s to everybody, under a policy that allows nothing foreign', async (path, type, content) => {
      const response = await get(path, new TestBrowser());
      expect(response.status).toBe(200);
      expect(await response.text()).toMatch(content);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': type,
        'content-security-policy': CSP,
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-cache',
      });
      expect(response.headers.has('x-powered-by')).toBe(false);
      expect(response.headers.getSetCookie()).toEqual([]);
    });

    it('hands its address to nobody', async () => {
      expect((await get('/', new TestBrowser())).headers.get('referrer-policy')).toBe('no-referrer');
    });

    it('has no icon, and says so without an error', async () => {
      expect((await get('/favicon.ico', new TestBrowser())).status).toBe(204);
    });
  });

  describe('the example routes', () => {
    it('show a signed-in end-user who they are', async () => {
      const response = await get('/api/profile');
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ kind: 'session', subject: 'user-alice', roles: ['admin'] });
    });

    it('call the downstream API on behalf of the end-user', async () => {
      const response = await get('/api/graph/me');
      expect({ status: response.status, body: await response.json() }).toMatchObject({
        status: 200,
        body: { id: 'user-alice' },
      });
    });

    it('fetch UserInfo on behalf of the end-user', async () => {
      const response = await get('/auth/userinfo');
      expect({ status: response.status, body: await response.json() }).toMatchObject({
        status: 200,
        body: { sub: 'user-alice' },
      });
    });

    it('let an administrator in, and nobody else', async () => {
      const bob = await reference.signedIn('bob');
      const [forAlice, forBob] = await Promise.all([get('/api/admin'), get('/api/admin', bob)]);
      expect(forAlice.status).toBe(200);
      expect(forBob.status).toBe(403);
      expect(await forBob.json()).toMatchObject({ error: 'insufficient_scope' });
      expect(forBob.headers.get('www-authenticate')).toMatch(/^Bearer error="insufficient_scope"/);
    });

    it('name the scope that is missing', async () => {
      const response = await get('/api/reports');
      expect(response.status).toBe(403);
      expect(response.headers.get('www-authenticate')).toBe(
        'Bearer error="insufficient_scope", error_description="the access token lacks a required scope", scope="reports.read"',
      );
    });

    it('answer everybody where they are public', async () => {
      const response = await get('/api/public', new TestBrowser());
      expect({ status: response.status, body: await response.json() }).toEqual({
        status: 200,
        body: { message: 'Everybody may read this.' },
      });
    });

    it('ask a call without a credential for one', async () => {
      const response = await get('/api/profile', new TestBrowser());
      expect({ status: response.status, challenge: response.headers.get('www-authenticate') }).toEqual({
        status: 401,
        challenge: 'Bearer',
      });
    });

    it('send a page load without a credential to sign in', async () => {
      const response = await new TestBrowser().navigate(`${reference.url}/api/profile`, { follow: false });
      expect({ status: response.status, location: response.headers.get('location') }).toEqual({
        status: 302,
        location: '/auth/login?returnTo=%2Fapi%2Fprofile',
      });
    });

    it('are no more than these', async () => {
      expect((await get('/api/nothing')).status).toBe(404);
    });
  });

  it('says that it is well', async () => {
    const response = await get('/health', new TestBrowser());
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 200,
      body: { status: 'ok', oidc: { status: 'ok', metadata: true, sharedStore: true } },
    });
  });

  describe('a sign-in that fails', () => {
    it.each([
      ['without an attempt', 'code=x&state=y', 'transaction_missing'],
      ['with a parameter twice', 'code=x&state=y&state=z', 'invalid_request'],
    ])('%s ends at the page, with a code', async (_, query, code) => {
      const response = await new TestBrowser().navigate(`${reference.url}/auth/callback?${query}`);
      expect({ status: response.status, url: response.url }).toEqual({
        status: 200,
        url: `${reference.url}/?error=${code}`,
      });
    });

    it('answers a call with JSON', async () => {
      const response = await get('/auth/callback?code=x&state=y', new TestBrowser());
      expect({ status: response.status, body: await response.json() }).toMatchObject({
        status: 400,
        body: { error: 'transaction_missing' },
      });
    });
  });

  describe('a page load on another host', () => {
    const load = (path: string, headers: Record<string, string>): Promise<Response> =>
      new TestBrowser().navigate(reference.url + path, { follow: false, headers });

    it.each(['/', '/?error=csrf', '/api/profile?a=1&b=%20', '/auth/login?returnTo=/', '/nowhere'])(
      'is led to %s on the public one',
      async (path) => {
        const response = await load(path, { host: `127.0.0.1:${new URL(reference.url).port}` });
        expect({ status: response.status, location: response.headers.get('location') }).toEqual({
          status: 302,
          location: reference.url + path,
        });
      },
    );

    it.each(['//evil.example/', '/\\evil.example/', '///evil.example/', '/\\/evil.example/'])(
      'is not led away by %s',
      async (path) => {
        const response = await load(path, { host: 'other.example' });
        expect(new URL(response.headers.get('location') ?? '').origin).toBe(reference.url);
      },
    );

    it('stays where it is when a proxy says that the browser asked for the public host', async () => {
      const { host } = new URL(reference.url);
      expect((await load('/', { host: 'inner.example', 'x-forwarded-host': `${host}, proxy.example` })).status).toBe(
        200,
      );
    });

    it('is not led there for ever when a proxy rewrites the host and does not say so: it is served, with one warning', async () => {
      const browser = new TestBrowser();
      const answers: number[] = [];
      for (const path of ['/', '/', '/?again']) {
        const response = await browser.navigate(reference.url + path, {
          follow: false,
          headers: { host: 'inner.example' },
        });
        answers.push(response.status);
      }
      expect(answers).toEqual([302, 200, 200]);
      expect(reference.log.filter(({ message }) => String(message).startsWith('a proxy rewrites Host'))).toHaveLength(
        1,
      );
    });

    it('is the only request that is redirected', async () => {
      const response = await new TestBrowser().fetch(`${reference.url}/api/public`, { headers: { host: 'a.example' } });
      expect(response.status).toBe(200);
    });
  });

  it.each([
    ['application/json', ''],
    ['application/json', '{"a":1}'],
    ['text/xml', '<a/>'],
    ['text/plain', 'a'],
  ])('renews and signs out whatever body comes along: %s %j', async (type, body) => {
    const browser = await reference.signedIn();
    const post = (path: string): Promise<Response> =>
      browser.fetch(reference.url + path, { method: 'POST', headers: { 'content-type': type }, body });
    expect([(await post('/auth/refresh')).status, (await post('/auth/logout')).status]).toEqual([200, 200]);
    expect(await (await get('/auth/session', browser)).json()).toEqual({ authenticated: false });
  });

  it('refuses a body that is no JSON and says that it is', async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await new TestBrowser().fetch(`${reference.url}/auth/refresh`, {
      method: 'POST',
      headers,
      body: '{',
    });
    expect(response.status).toBe(400);
  });

  it('signs out here and at the provider', async () => {
    const browser = await reference.signedIn('bob');
    const response = await browser.fetch(`${reference.url}/auth/logout`, { method: 'POST' });
    const { redirect } = (await response.json()) as { redirect: string };
    expect((await browser.navigate(redirect)).url).toBe(`${reference.url}/`);
    expect(await (await get('/auth/session', browser)).json()).toEqual({ authenticated: false });
    const again = await browser.navigate(`${reference.url}/auth/login`);
    expect(await again.text()).toContain('name="password"');
  });
});
