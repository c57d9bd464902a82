/** Whom a sign-in makes of a browser: sessions replaced and kept, logouts that were faster, roles, the application's own word. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpException, Injectable, ForbiddenException as NestForbidden } from '@nestjs/common';
import { PrincipalResolver, type OidcModuleOptions, type Principal } from 'nestjs-oidc-token-reuse';
import { createTestProvider, type TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, ADAPTERS_AND_CUSTODIES, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { authorize, comeBack, redirectOf, sessionLines, subjectOf, viewOf } from '../support/login.js';

const CODE_GRANT = { kind: 'token', grant: 'authorization_code' } as const;
const REFRESH_GRANT = { kind: 'token', grant: 'refresh_token' } as const;
const AS_SOMEBODY = '/auth/login?prompt=login';

describe.each(ADAPTERS_AND_CUSTODIES)('sessions at login on %s, custody %s', (adapter, custody) => {
  let provider: TestProvider;
  let harness: Harness;

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
    harness = await startHarness({ adapter, provider, oidc: { custody } });
  });
  afterEach(() => {
    provider.faults.clear();
  });
  afterAll(async () => {
    await harness.close();
    await provider.close();
  });

  const conflict = {
    status: 403,
    body: { error: 'session_conflict', error_description: 'another end-user has signed in meanwhile; sign out first' },
    challenge: null,
  };
  const signedOut = {
    status: 401,
    body: { error: 'login_required', error_description: 'the session was signed out meanwhile' },
    challenge: 'Bearer',
  };

  describe('another end-user', () => {
    it('L2 cannot finish what began in the session of the first', async () => {
      const browser = await harness.signedIn('alice');
      const url = await authorize(harness, browser, { login: 'bob', path: AS_SOMEBODY });
      const answer = await browser.fetch(url);
      expect({ ...(await answerOf(answer)), lines: sessionLines(answer) }).toEqual({ ...conflict, lines: [] });
      expect(await subjectOf(harness, browser)).toBe('user-alice');
    });

    it('L2 takes over a browser by a sign-in that began signed out, and what began before is then refused', async () => {
      const browser = harness.browser();
      const asBob = await authorize(harness, browser, { login: 'bob' });
      await comeBack(harness, browser, await authorize(harness, browser, { path: AS_SOMEBODY }));
      const asAlice = await authorize(harness, browser, { path: AS_SOMEBODY });
      expect(await subjectOf(harness, browser)).toBe('user-alice');
      expect(redirectOf(await comeBack(harness, browser, asBob))).toEqual({ status: 302, location: '/' });
      provider.requests.reset();
      expect(await answerOf(await browser.fetch(asAlice))).toEqual(conflict);
      expect({ asked: provider.requests.count('token'), subject: await subjectOf(harness, browser) }).toEqual({
        asked: 0,
        subject: 'user-bob',
      });
    });

    it('leads a page to the error page', async () => {
      const browser = await harness.signedIn('alice');
      const url = await authorize(harness, browser, { login: 'bob', path: AS_SOMEBODY });
      expect(redirectOf(await comeBack(harness, browser, url))).toEqual({
        status: 302,
        location: '/auth/error?error=session_conflict',
      });
    });
  });

  describe('the same end-user', () => {
    it('L2 finishes two sign-ins that both began in one session', async () => {
      const browser = await harness.signedIn('alice');
      const urls = [await authorize(harness, browser), await authorize(harness, browser)];
      for (const url of urls)
        expect(redirectOf(await comeBack(harness, browser, url))).toEqual({ status: 302, location: '/' });
      expect((await browser.fetch(`${harness.url}/api/profile`)).status).toBe(200);
    });

    it('L3 gets a session of its own, and the one before is dead everywhere', async () => {
      const browser = await harness.signedIn('alice');
      const before = browser.jar.header(harness.url);
      await comeBack(harness, browser, await authorize(harness, browser));
      const old = harness.browser();
      const headers = { cookie: before };
      const answers = [
        await old.fetch(`${harness.url}/api/profile`, { headers }),
        await old.fetch(`${harness.url}/auth/refresh`, { method: 'POST', headers }),
        await old.fetch(`${harness.url}/auth/userinfo`, { headers }),
      ];
      expect(await (await old.fetch(`${harness.url}/auth/session`, { headers })).json()).toEqual({
        authenticated: false,
      });
      // A cookie that still opens is known to be of a session that has ended; a key opens nothing any more.
      const gone = {
        cookie: Array(3).fill('login_required'),
        store: ['unauthorized', 'session_missing', 'unauthorized'],
      };
      expect(await Promise.all(answers.map(answerOf))).toMatchObject(
        gone[custody].map((error) => ({ status: 401, body: { error } })),
      );
      expect(answers.map(sessionLines)).toEqual([[], [], []]);
      expect((await browser.fetch(`${harness.url}/api/profile`)).status).toBe(200);
    });

    it('L3 does not keep a session cookie that somebody else had put there', async () => {
      const browser = harness.browser();
      const planted = { cookie: 'oidc.session.0', store: 'oidc.session-key' }[custody];
      browser.jar.store(`${planted}=${'planted'.repeat(6)}p; Path=/`, harness.url);
      await harness.signIn(browser);
      expect(browser.cookies(harness.url).find(({ name }) => name === planted)?.value).toMatch(/^(?!planted)./);
      expect(await subjectOf(harness, browser)).toBe('user-alice');
    });

    it('L3 is not signed in with a session that an attacker had put there', async () => {
      const attacker = await harness.signedIn('bob');
      const victim = harness.browser();
      victim.jar.restore(attacker.jar.snapshot());
      const url = await authorize(harness, victim, { path: AS_SOMEBODY });
      expect(await answerOf(await victim.fetch(url))).toEqual(conflict);
    });

    it('L3 is not brought back to the old session by a refresh that was under way', async () => {
      const browser = await harness.signedIn('alice');
      const url = await authorize(harness, browser);
      const hold = provider.faults.hold(REFRESH_GRANT, 'after');
      const refresh = browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' });
      await hold.arrived;
      await comeBack(harness, browser, url);
      hold.release();
      const answer = await refresh;
      expect({ ...(await answerOf(answer)), lines: sessionLines(answer) }).toEqual({
        status: 401,
        body: { error: 'login_required', error_description: 'the session was signed out' },
        challenge: 'Bearer',
        lines: [],
      });
      expect((await browser.fetch(`${harness.url}/api/profile`)).status).toBe(200);
    });
  });

  describe('a logout', () => {
    /** Signs out here; the provider, which would take the grant back, does not hear of it. */
    const logout = async (browser: TestBrowser): Promise<void> => {
      provider.faults.status('revocation', 503);
      await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
    };

    it('O4 between code exchange and session wins', async () => {
      const browser = await harness.signedIn('alice');
      const url = await authorize(harness, browser);
      const hold = provider.faults.hold(CODE_GRANT, 'after');
      const callback = browser.fetch(url);
      await hold.arrived;
      await logout(browser);
      hold.release();
      const answer = await callback;
      expect({ ...(await answerOf(answer)), lines: sessionLines(answer) }).toEqual({ ...signedOut, lines: [] });
      expect(await viewOf(harness, browser)).toEqual({ authenticated: false });
    });

    it('O4 while the end-user is at the provider wins', async () => {
      const browser = await harness.signedIn('alice');
      const url = await authorize(harness, browser);
      await logout(browser);
      expect(redirectOf(await comeBack(harness, browser, url))).toEqual({
        status: 302,
        location: '/auth/error?error=login_required',
      });
      expect(await viewOf(harness, browser)).toEqual({ authenticated: false });
    });

    it('O4 of the session that replaced the one it began in wins', async () => {
      const browser = await harness.signedIn('alice');
      const [one, two] = [await authorize(harness, browser), await authorize(harness, browser)];
      await comeBack(harness, browser, one);
      await logout(browser);
      expect(await answerOf(await browser.fetch(two))).toEqual(signedOut);
    });

    it('before the sign-in began does not matter', async () => {
      const browser = await harness.signedIn('alice');
      await logout(browser);
      expect(redirectOf(await comeBack(harness, browser, await authorize(harness, browser)))).toEqual({
        status: 302,
        location: '/',
      });
    });
  });
});

describe.each(ADAPTERS)('who is admitted on %s', (adapter) => {
  let provider: TestProvider;

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
  });
  afterEach(() => {
    provider.faults.clear();
  });
  afterAll(async () => {
    await provider.close();
  });

  /** What the callback answers to alice and to bob, by script. */
  const answersWith = async (options: Parameters<typeof startHarness>[0]) => {
    const harness = await startHarness({ adapter, provider, ...options });
    const answers = [];
    for (const login of ['alice', 'bob']) {
      const browser = harness.browser();
      const response = await browser.fetch(await authorize(harness, browser, { login }));
      const { status, body } = await answerOf(response);
      answers.push({ status, body, sessions: sessionLines(response).length, then: await subjectOf(harness, browser) });
    }
    await harness.close();
    return answers;
  };
  const admitted = (then: string) => ({ status: 302, body: expect.any(String), sessions: expect.any(Number), then });
  const turnedAway = (status: number, error: string, description: string) => ({
    status,
    body: { error, error_description: description },
    sessions: 0,
    then: undefined,
  });
  const withoutRole = turnedAway(
    403,
    'role_required',
    'the end-user has none of the roles that this application requires',
  );
  const roles = (oidc: Partial<OidcModuleOptions>) => ({ oidc: { requiredRoles: ['admin', 'auditor'], ...oidc } });

  it('is who has one of the roles in the ID Token', async () => {
    expect(await answersWith(roles({ roleTokenKind: 'id' }))).toEqual([admitted('user-alice'), withoutRole]);
  });

  it('is who has one of the roles in the access token', async () => {
    expect(await answersWith(roles({ roleTokenKind: 'access' }))).toEqual([admitted('user-alice'), withoutRole]);
  });

  it('is who has one of the roles at UserInfo', async () => {
    provider.faults.rewrite({ kind: 'userinfo', times: Infinity }, (body) => ({
      ...body,
      realm: { roles: body['sub'] === 'user-alice' ? ['auditor'] : ['guest'] },
    }));
    const answers = await answersWith(roles({ roleTokenKind: 'userinfo', rolePath: 'realm.roles' }));
    expect(answers).toEqual([admitted('user-alice'), withoutRole]);
  });

  it.each([
    ['is not JSON', 'html', 'provider_unavailable', 503],
    ['is null', 'null', 'provider_unavailable', 503],
    ['is about somebody else', 'other', 'userinfo_invalid', 502],
    ['does not answer', 'drop', 'provider_unavailable', 503],
  ] as const)('is nobody while UserInfo %s', async (_what, fault, error, status) => {
    const target = { kind: 'userinfo', times: Infinity } as const;
    if (fault === 'html') provider.faults.html(target);
    else if (fault === 'drop') provider.faults.drop(target);
    else if (fault === 'other') provider.faults.userInfoSubject('user-mallory', Infinity);
    else
      provider.faults.reply(target, {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from('null'),
      });
    const [alice] = await answersWith(roles({ roleTokenKind: 'userinfo' }));
    expect(alice).toMatchObject({ status, body: { error }, sessions: 0, then: undefined });
  });

  it('is decided by the application too, which may refuse with any 4xx of its own', async () => {
    @Injectable()
    class OnlyAlice extends PrincipalResolver {
      resolve({ subject }: Principal): object {
        if (subject !== 'user-alice') throw new NestForbidden('no account for bob@example.test');
        return { account: 1 };
      }
    }
    expect(await answersWith({ extras: { principalResolver: OnlyAlice } })).toEqual([
      admitted('user-alice'),
      turnedAway(403, 'access_denied', 'this application does not admit the end-user'),
    ]);
  });

  it('stays open when the application is out of order, and the end-user is not the one to blame', async () => {
    @Injectable()
    class OutOfOrder extends PrincipalResolver {
      resolve({ subject }: Principal): Promise<never> {
        return Promise.reject(
          subject === 'user-alice' ? new HttpException('database away', 503) : new Error('a defect'),
        );
      }
    }
    const answers = await answersWith({ extras: { principalResolver: OutOfOrder } });
    expect(answers.map(({ status, sessions, then }) => ({ status, sessions, then }))).toEqual([
      { status: 503, sessions: 0, then: undefined },
      { status: 500, sessions: 0, then: undefined },
    ]);
  });

  it('comes with an access token that can be verified, where it is for this API', async () => {
    provider.faults.rewrite({ ...CODE_GRANT, times: 1 }, (body) => ({
      ...body,
      access_token: `${String(body['access_token'])}x`,
    }));
    provider.faults.idToken(({ at_hash: _, ...claims }) => ({ claims }));
    const [alice] = await answersWith({});
    expect(alice).toEqual(
      turnedAway(
        502,
        'invalid_token',
        expect.stringMatching(/^the access token is not acceptable: /) as unknown as string,
      ),
    );
  });

  it('keeps the identity only, where tokens are not reused', async () => {
    const harness = await startHarness({ adapter, provider, oidc: { reuseTokens: false } });
    const browser = await harness.signedIn('alice');
    const view = await viewOf(harness, browser);
    const token = await (await browser.fetch(`${harness.url}/api/token`)).json();
    const profile = await browser.fetch(`${harness.url}/api/profile`);
    await harness.close();
    expect({
      tokens: Object.keys(view.tokens ?? {}),
      subject: view.claims?.sub,
      token,
      profile: profile.status,
    }).toEqual({
      tokens: ['id'],
      subject: 'user-alice',
      token: { token: null },
      profile: 200,
    });
  });

  it('is warned about once when the access token is of no use here', async () => {
    const opaque = await createTestProvider({ audience: API_AUDIENCE, opaqueAccessTokens: true });
    const harness = await startHarness({ adapter, provider: opaque });
    const browser = await harness.signedIn('alice');
    await browser.fetch(`${harness.url}/api/profile`);
    const types = harness.eventTypes();
    await harness.close();
    await opaque.close();
    expect(types.filter((type) => type === 'token.not_verifiable' || type.startsWith('login'))).toEqual([
      'login.started',
      'token.not_verifiable',
      'login.succeeded',
    ]);
  });
});
