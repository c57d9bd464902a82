/** Who the application believes it talks to: by bearer token and by session, with tokens of every kind, and the application's own word on it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpException, Injectable } from '@nestjs/common';
import {
  CoordinationUnavailableException,
  Coordinator,
  PrincipalResolver,
  type Principal,
} from 'nestjs-oidc-token-reuse';
import {
  createTestProvider,
  type ProviderOptions,
  type TestBrowser,
  type TestProvider,
} from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness, type HarnessOptions } from '../support/harness.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const NOT_KNOWN =
  'the access token is opaque or for another API, so its scopes are not known; request a scope of this API (OPENID_SCOPE, OPENID_AUDIENCE)';
const ROLE_REQUIRED = {
  status: 403,
  body: {
    error: 'role_required',
    error_description: 'the end-user has none of the roles that this application requires',
  },
  challenge: null,
};

const seen: Principal[] = [];

/** The application's own directory: users by issuer and subject, and one of them locked out. */
@Injectable()
class Directory extends PrincipalResolver {
  static lockedOut: string | undefined;
  static failing = false;

  resolve(principal: Principal): unknown {
    seen.push(principal);
    if (Directory.failing) throw new Error('the database is down');
    if (principal.subject === Directory.lockedOut) throw new HttpException('locked out', 423);
    return { id: `${principal.issuer}|${principal.subject}` };
  }
}

describe.each(ADAPTERS)('the principal on %s', (adapter) => {
  let provider: TestProvider;
  const running: { close(): Promise<void> }[] = [];

  const startProvider = async (options: Partial<ProviderOptions>): Promise<TestProvider> => {
    const started = await createTestProvider({ audience: API_AUDIENCE, alg: 'ES256', ...options });
    running.unshift(started);
    return started;
  };
  const start = async (options: HarnessOptions): Promise<Harness> => {
    const harness = await startHarness({ adapter, provider, ...options });
    running.unshift(harness);
    return harness;
  };
  const get = async (browser: TestBrowser, { url }: Harness, path: string) => answerOf(await browser.fetch(url + path));
  const getAs = async ({ url }: Harness, token: string, path: string) =>
    answerOf(await fetch(url + path, { headers: { authorization: `Bearer ${token}` } }));
  const landing = async (harness: Harness, login: string) => {
    const { url } = await harness.signIn(harness.browser(), login);
    return url.slice(harness.url.length);
  };

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
  });
  afterEach(async () => {
    releaseTime();
    Directory.lockedOut = undefined;
    Directory.failing = false;
    seen.length = 0;
    provider.faults.clear();
    for (const each of running.splice(0)) await each.close();
  });
  afterAll(() => provider.close());

  it('is who the ID Token named at the login, and shows no token', async () => {
    const harness = await start({});
    const browser = await harness.signedIn();
    const { body } = await get(browser, harness, '/api/profile');
    expect(body).toEqual({
      kind: 'session',
      issuer: provider.issuer,
      subject: 'user-alice',
      claims: {
        sub: 'user-alice',
        name: 'Alice Adams',
        preferred_username: 'alice',
        email: 'alice@example.test',
        email_verified: true,
        roles: ['admin'],
        auth_time: expect.any(Number),
        acr: 'urn:test:password',
        amr: ['pwd'],
      },
      scopes: ['access_user'],
      roles: ['admin'],
      expiresAt: expect.any(Number),
    });
  });

  describe('with an access token that cannot be verified here', () => {
    const expectLimits = async (harness: Harness) => {
      const browser = await harness.signedIn();
      expect(await get(browser, harness, '/api/subject')).toMatchObject({ body: { subject: 'user-alice' } });
      expect(await get(browser, harness, '/api/reports')).toEqual({
        status: 403,
        body: { error: 'insufficient_scope', error_description: NOT_KNOWN, scope: 'reports.read' },
        challenge: `Bearer error="insufficient_scope", error_description="${NOT_KNOWN}", scope="reports.read"`,
      });
      expect(await get(browser, harness, '/api/downstream')).toMatchObject({
        status: 403,
        body: { error: 'token_not_reusable', error_description: expect.stringContaining('OPENID_AUDIENCE') },
      });
      expect(await get(browser, harness, '/api/admin')).toMatchObject({ status: 200 });
      expect(harness.events.filter(({ type }) => type === 'token.not_verifiable')).toEqual([
        {
          type: 'token.not_verifiable',
          issuer: harness.provider.issuer,
          subject: 'user-alice',
          session: expect.stringMatching(/^[\w-]{12}$/),
          reason: expect.stringContaining('OPENID_AUDIENCE'),
        },
      ]);
    };

    it('opaque: the session works, one warning says what does not', async () => {
      const own = await startProvider({ opaqueAccessTokens: true });
      await expectLimits(await start({ provider: own, oidc: { audience: [] } }));
    });

    it('for another API: likewise', async () => {
      await expectLimits(await start({ oidc: { audience: [] } }));
    });

    it('opaque: live until its expires_in, and renewed after that', async () => {
      const own = await startProvider({ opaqueAccessTokens: true });
      const harness = await start({ provider: own, oidc: { audience: [] } });
      const browser = await harness.signedIn();
      freezeTime();
      advance(200);
      await get(browser, harness, '/api/subject');
      expect(own.requests.count('token', { grant: 'refresh_token' })).toBe(0);
      advance(100);
      expect(await get(browser, harness, '/api/subject')).toMatchObject({ status: 200 });
      expect(own.requests.count('token', { grant: 'refresh_token' })).toBe(1);
    });

    it('presented as a bearer, it is refused', async () => {
      const own = await startProvider({ opaqueAccessTokens: true });
      const harness = await start({ provider: own, oidc: { audience: [] } });
      const { access_token: token } = await own.login();
      expect(await getAs(harness, token, '/api/subject')).toMatchObject({
        status: 401,
        body: { error: 'invalid_token' },
      });
    });
  });

  it('gives no warning at a login whose access token can be verified', async () => {
    const harness = await start({});
    await harness.signedIn();
    expect(harness.eventTypes()).toEqual(['login.started', 'login.succeeded']);
  });

  describe('with OPENID_REUSED_TOKEN=id_token', () => {
    it('bearers present the ID Token, and an access token is refused', async () => {
      const harness = await start({ oidc: { reusedToken: 'id_token' } });
      const { id_token: idToken, access_token: accessToken } = await provider.login();
      expect(await getAs(harness, idToken, '/api/profile')).toMatchObject({
        status: 200,
        body: { kind: 'bearer', subject: 'user-alice', roles: ['admin'], scopes: [] },
      });
      expect(await getAs(harness, accessToken, '/api/profile')).toMatchObject({ status: 401 });
      // The bearer's ID Token is not handed out as if it were an access token.
      expect((await getAs(harness, idToken, '/api/token')).body).toEqual({ token: null });
    });

    it('a session is unaffected', async () => {
      const harness = await start({ oidc: { reusedToken: 'id_token' } });
      const browser = await harness.signedIn();
      expect((await get(browser, harness, '/api/subject')).body).toEqual({ subject: 'user-alice' });
    });
  });

  it('is known without any access token when tokens are not reused', async () => {
    const harness = await start({ oidc: { reuseTokens: false } });
    const browser = await harness.signedIn();
    expect((await get(browser, harness, '/api/subject')).body).toEqual({ subject: 'user-alice' });
    expect((await get(browser, harness, '/api/token')).body).toEqual({ token: null });
    expect(await get(browser, harness, '/api/reports')).toMatchObject({
      status: 403,
      body: {
        error: 'insufficient_scope',
        error_description: 'no access token is kept, so its scopes are not known: OPENID_REUSE_TOKENS is false',
      },
    });
    expect(harness.eventTypes()).not.toContain('token.not_verifiable');
  });

  it('is not somebody whose access token is about another subject', async () => {
    const harness = await start({});
    const token = await provider.signAccessToken({ sub: 'user-bob' });
    const target = { kind: 'token', grant: 'authorization_code' } as const;
    provider.faults.rewrite(target, (body) => ({ ...body, access_token: token }));
    expect(await landing(harness, 'alice')).toBe('/auth/error?error=invalid_token');
  });

  it('gets a new access token when the old one can no longer be verified', async () => {
    const own = await startProvider({ accessTokenLifetime: 3600 });
    const harness = await start({ provider: own });
    const browser = await harness.signedIn();
    await own.keys.rotate();
    own.keys.withdraw();
    freezeTime();
    advance(3000);
    expect((await get(browser, harness, '/api/subject')).body).toEqual({ subject: 'user-alice' });
    expect((await get(browser, harness, '/api/subject')).body).toEqual({ subject: 'user-alice' });
    expect(own.requests.count('token', { grant: 'refresh_token' })).toBe(1);
  });

  it('is not renewed for that while its tokens are too young to be renewed at all', async () => {
    const own = await startProvider({ accessTokenLifetime: 3600 });
    const harness = await start({ provider: own, oidc: { reuseMaxSessionAge: 3_600_000 } });
    const browser = await harness.signedIn();
    await own.keys.rotate();
    own.keys.withdraw();
    freezeTime();
    advance(3000);
    // Long enough for the keys to be fetched again at this request, however long this process has run.
    expect(await get(browser, harness, '/api/subject')).toMatchObject({
      status: 401,
      body: { error: 'invalid_token' },
    });
    expect(own.requests.count('token', { grant: 'refresh_token' })).toBe(0);
  });

  it('is known by its bearer token while what several processes share cannot be reached', async () => {
    const harness = await start({});
    const coordinator = harness.application.get(Coordinator);
    const token = await provider.signAccessToken({ sid: 'a-session-at-the-provider' });
    coordinator.atOnce = () => undefined;
    coordinator.get = () => Promise.reject(new CoordinationUnavailableException());
    expect(await getAs(harness, token, '/api/subject')).toMatchObject({ status: 200 });
    coordinator.get = () => Promise.reject(new TypeError('a mistake'));
    expect(await getAs(harness, token, '/api/subject')).toMatchObject({ status: 500 });
  });

  it('is refused when a new access token cannot be verified either', async () => {
    const own = await startProvider({ accessTokenLifetime: 3600 });
    const harness = await start({ provider: own, oidc: { successorGrace: 0 } });
    const browser = await harness.signedIn();
    const token = await own.signAccessToken({ iat: Math.floor(Date.now() / 1000) + 90_000 });
    own.faults.rewrite({ kind: 'token', times: 1 }, (body) => ({ ...body, access_token: token }));
    await own.keys.rotate();
    own.keys.withdraw();
    freezeTime();
    advance(3000);
    // Long enough for the keys to be fetched again at this request, however long this process has run.
    expect(await get(browser, harness, '/api/subject')).toMatchObject({
      status: 401,
      body: { error: 'invalid_token' },
    });
    expect(own.requests.count('token', { grant: 'refresh_token' })).toBe(1);
  });

  describe('with required roles', () => {
    const sources = [
      ['id', 'roles'],
      ['access', 'roles'],
      ['userinfo', 'roles'],
    ] as const;

    it.each(sources)('from the %s token or answer admits who has one, by session and by bearer', async (kind, path) => {
      const oidc = { requiredRoles: ['owner', 'admin'], roleTokenKind: kind, rolePath: path };
      const harness = await start({ oidc });
      expect(await landing(harness, 'alice')).toBe('/api/public');
      const browser = await harness.signedIn('alice');
      expect((await get(browser, harness, '/api/profile')).body).toMatchObject({ roles: ['admin'] });
      expect(await landing(harness, 'bob')).toBe('/auth/error?error=role_required');
      const [alice, bob] = [await provider.login({ login: 'alice' }), await provider.login({ login: 'bob' })];
      expect((await getAs(harness, alice.access_token, '/api/profile')).body).toMatchObject({ roles: ['admin'] });
      expect(await getAs(harness, bob.access_token, '/api/profile')).toEqual(ROLE_REQUIRED);
    });

    it('asks for UserInfo once a minute, not at every request', async () => {
      const harness = await start({ oidc: { requiredRoles: ['admin'], roleTokenKind: 'userinfo' } });
      freezeTime();
      const browser = await harness.signedIn('alice');
      provider.requests.reset();
      const requests = Array.from({ length: 20 }, () => get(browser, harness, '/api/subject'));
      expect(new Set((await Promise.all(requests)).map(({ status }) => status))).toEqual(new Set([200]));
      expect(provider.requests.count('userinfo')).toBe(0);
      advance(60);
      provider.users.set({ ...userNamed('alice'), roles: [] });
      expect(await get(browser, harness, '/api/subject')).toEqual(ROLE_REQUIRED);
      expect(provider.requests.count('userinfo')).toBe(1);
      provider.users.set({ ...userNamed('alice'), roles: ['admin'] });
    });

    it('renews a token that UserInfo calls invalid, also of a session that is remembered', async () => {
      const harness = await start({ oidc: { requiredRoles: ['admin'], roleTokenKind: 'userinfo' } });
      freezeTime();
      const browser = await harness.signedIn('alice');
      advance(5);
      for (let count = 0; count < 3; count += 1) await get(browser, harness, '/api/subject');
      advance(56);
      provider.requests.reset();
      provider.faults.reply('userinfo', {
        status: 401,
        headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
        body: Buffer.alloc(0),
      });
      expect(await get(browser, harness, '/api/subject')).toMatchObject({ status: 200 });
      expect(provider.requests.count('token', { grant: 'refresh_token' })).toBe(1);
    });

    it('answers 503, and asks again, when UserInfo cannot be had', async () => {
      const harness = await start({ oidc: { requiredRoles: ['admin'], roleTokenKind: 'userinfo' } });
      const { access_token: token } = await provider.login();
      provider.faults.status('userinfo', 503);
      expect(await getAs(harness, token, '/api/subject')).toMatchObject({ status: 503 });
      expect(await getAs(harness, token, '/api/subject')).toMatchObject({ status: 200 });
    });

    it('are asked for in vain where there is no access token to ask UserInfo with', async () => {
      const roles = { requiredRoles: ['admin'], roleTokenKind: 'userinfo', userInfoOnBehalfOf: false } as const;
      const harness = await start({ oidc: { ...roles, reusedToken: 'id_token' } });
      const { id_token: token } = await provider.login();
      expect(await getAs(harness, token, '/api/subject')).toMatchObject({
        status: 403,
        body: { error: 'token_not_reusable' },
      });
    });

    it('counts no role in an access token that cannot be verified', async () => {
      const harness = await start({
        oidc: { requiredRoles: ['admin'], roleTokenKind: 'access', rolePath: 'roles', audience: [] },
      });
      expect(await landing(harness, 'alice')).toBe('/auth/error?error=role_required');
    });

    it('finds roles at a dotted path, also in one string', async () => {
      const harness = await start({
        oidc: { requiredRoles: ['b'], roleTokenKind: 'access', rolePath: 'resource_access.api.roles' },
      });
      const tokenWith = (roles: unknown) => provider.signAccessToken({ resource_access: { api: { roles } } });
      expect((await getAs(harness, await tokenWith(['a', 'b']), '/api/subject')).status).toBe(200);
      expect((await getAs(harness, await tokenWith('a b'), '/api/subject')).status).toBe(200);
      expect(await getAs(harness, await tokenWith(['a']), '/api/subject')).toEqual(ROLE_REQUIRED);
      expect(await getAs(harness, await tokenWith({ b: true }), '/api/subject')).toEqual(ROLE_REQUIRED);
    });
  });

  describe("for the application's own users", () => {
    it('N12 an e-mail address never is an identity: who shares or changes one stays who they are', async () => {
      const own = await startProvider({
        users: ['ann', 'bea'].map((login) => ({
          login,
          password: login,
          sub: `user-${login}`,
          name: login,
          email: 'shared@example.test',
          emailVerified: login === 'ann',
        })),
      });
      const harness = await start({ provider: own, extras: { principalResolver: Directory } });
      const users = [];
      for (const login of ['ann', 'bea']) {
        const browser = await harness.signedIn(login);
        users.push((await get(browser, harness, '/api/profile')).body);
      }
      expect(users).toMatchObject([
        { subject: 'user-ann', user: { id: `${own.issuer}|user-ann` }, claims: { email: 'shared@example.test' } },
        { subject: 'user-bea', user: { id: `${own.issuer}|user-bea` }, claims: { email: 'shared@example.test' } },
      ]);
    });

    it('N12 a session goes on when its end-user gets another e-mail address', async () => {
      const harness = await start({ extras: { principalResolver: Directory } });
      const browser = await harness.signedIn('alice');
      provider.users.set({ ...userNamed('alice'), email: 'bob@example.test' });
      freezeTime();
      advance(301);
      expect((await get(browser, harness, '/api/profile')).body).toMatchObject({
        subject: 'user-alice',
        user: { id: `${provider.issuer}|user-alice` },
      });
      provider.users.set(userNamed('alice'));
    });

    it('is asked for every request, by session and by bearer', async () => {
      const harness = await start({ extras: { principalResolver: Directory } });
      const browser = await harness.signedIn('alice');
      seen.length = 0;
      await get(browser, harness, '/api/subject');
      await getAs(harness, await provider.signAccessToken({ sub: 'user-bob' }), '/api/subject');
      expect(seen.map(({ kind, subject }) => [kind, subject])).toEqual([
        ['session', 'user-alice'],
        ['bearer', 'user-bob'],
      ]);
    });

    it('may refuse: a login fails, a request is answered as the application says', async () => {
      const harness = await start({ extras: { principalResolver: Directory } });
      const browser = await harness.signedIn('alice');
      Directory.lockedOut = 'user-alice';
      expect(await landing(harness, 'alice')).toBe('/auth/error?error=access_denied');
      expect(await get(browser, harness, '/api/subject')).toMatchObject({ status: 423 });
      Directory.lockedOut = undefined;
      expect(await get(browser, harness, '/api/subject')).toMatchObject({ status: 200 });
    });

    it("may fail: that is the application's own error, and the session lives on", async () => {
      const harness = await start({ extras: { principalResolver: Directory } });
      const browser = await harness.signedIn('alice');
      Directory.failing = true;
      expect(await get(browser, harness, '/api/subject')).toMatchObject({ status: 500 });
      Directory.failing = false;
      expect(await get(browser, harness, '/api/subject')).toMatchObject({ status: 200 });
    });
  });

  function userNamed(login: 'alice' | 'bob') {
    const isAlice = login === 'alice';
    return {
      login,
      password: login,
      sub: `user-${login}`,
      name: isAlice ? 'Alice Adams' : 'Bob Brown',
      email: `${login}@example.test`,
      emailVerified: true,
      roles: isAlice ? ['admin'] : [],
    };
  }
});
