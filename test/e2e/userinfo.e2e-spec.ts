/** What the provider knows of the end-user: fetched with the right token, believed only when it is about them. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  createTestProvider,
  type ProviderOptions,
  type TestBrowser,
  type TestProvider,
} from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness, type HarnessOptions } from '../support/harness.js';
import { startListener } from '../support/listener.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const ALICE = {
  sub: 'user-alice',
  name: 'Alice Adams',
  preferred_username: 'alice',
  email: 'alice@example.test',
  email_verified: true,
  roles: ['admin'],
};
const INVALID = {
  status: 502,
  body: { error: 'userinfo_invalid', error_description: 'the UserInfo response is not acceptable' },
  challenge: null,
};

describe.each(ADAPTERS)('UserInfo on %s', (adapter) => {
  const running: { close(): Promise<void> }[] = [];

  const startProvider = async (options: Partial<ProviderOptions>): Promise<TestProvider> => {
    const provider = await createTestProvider({ audience: API_AUDIENCE, alg: 'ES256', ...options });
    running.unshift(provider);
    return provider;
  };
  const start = async (options: HarnessOptions): Promise<Harness> => {
    const harness = await startHarness({ adapter, ...options });
    running.unshift(harness);
    return harness;
  };
  const userInfo = async (browser: TestBrowser, { url }: Harness) =>
    answerOf(await browser.fetch(`${url}/auth/userinfo`));

  /** One application and one provider for all tests that need nothing special. */
  let provider: TestProvider;
  let harness: Harness;
  let alice: TestBrowser;

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE, accessTokenLifetime: 3600 });
    harness = await startHarness({ adapter, provider });
    alice = await harness.signedIn();
  });
  beforeEach(() => {
    harness.events.length = 0;
    provider.requests.reset();
  });
  afterEach(async () => {
    releaseTime();
    provider.faults.clear();
    for (const each of running.splice(0)) await each.close();
  });
  afterAll(async () => {
    await harness.close();
    await provider.close();
  });

  it('is fetched on behalf of the end-user, and never stored', async () => {
    const response = await alice.fetch(`${harness.url}/auth/userinfo`);
    expect({ status: response.status, body: await response.json() }).toEqual({ status: 200, body: ALICE });
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('is fetched for a bearer too, uncacheably', async () => {
    const { access_token: token } = await provider.login({ login: 'bob' });
    const response = await fetch(`${harness.url}/auth/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 200,
      body: { sub: 'user-bob' },
    });
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('is for nobody who is not signed in', async () => {
    expect(await userInfo(harness.browser(), harness)).toEqual({
      status: 401,
      body: { error: 'unauthorized', error_description: 'authentication is required' },
      challenge: 'Bearer',
    });
  });

  describe.each([false, true])('signed: %s', (signedUserInfo) => {
    it('is fetched through the exchange of each form', async () => {
      const own = await startProvider({ signedUserInfo });
      for (const onBehalfOfFlavour of ['token-exchange', 'entra'] as const) {
        const application = await start({ provider: own, oidc: { onBehalfOfFlavour } });
        const { status, body } = await userInfo(await application.signedIn(), application);
        expect({ status, body }).toMatchObject({ status: 200, body: ALICE });
      }
    });

    it('is fetched with the access token itself where the provider takes that', async () => {
      const own = await startProvider({ signedUserInfo, userInfo: 'provider', opaqueAccessTokens: true });
      const application = await start({ provider: own, oidc: { userInfoOnBehalfOf: false, audience: [] } });
      const { status, body } = await userInfo(await application.signedIn(), application);
      expect({ status, body }).toMatchObject({ status: 200, body: { sub: 'user-alice', email: ALICE.email } });
      expect(own.requests.count('token', { grant: 'token-exchange' })).toBe(0);
    });
  });

  it('names the setting when the provider does not take the access token itself', async () => {
    const application = await start({ provider, oidc: { userInfoOnBehalfOf: false } });
    const description =
      'the UserInfo endpoint does not accept this access token; see OPENID_ON_BEHALF_FLOW_FOR_USERINFO_REQUIRED';
    expect(await userInfo(await application.signedIn(), application)).toEqual({
      status: 401,
      body: { error: 'invalid_token', error_description: description },
      challenge: `Bearer error="invalid_token", error_description="${description}"`,
    });
    expect(application.events.at(-1)).toEqual({
      type: 'userinfo.failed',
      issuer: provider.issuer,
      subject: 'user-alice',
      reason: 'the OpenID Provider refused with "invalid_token"',
    });
  });

  it('names the settings when the exchanged token lacks the scope', async () => {
    const application = await start({ provider, oidc: { userInfoScope: 'mail.read' } });
    const description =
      'the access token does not allow the UserInfo request; check OPENID_SCOPE and OPENID_ON_BEHALF_FLOW_USERINFO_SCOPE';
    expect(await userInfo(await application.signedIn(), application)).toEqual({
      status: 403,
      body: { error: 'insufficient_scope', error_description: description },
      challenge: `Bearer error="insufficient_scope", error_description="${description}"`,
    });
  });

  it('says that consent is missing', async () => {
    const browser = await harness.signedIn();
    provider.faults.refuseExchange({ error: 'consent_required' });
    expect(await userInfo(browser, harness)).toMatchObject({ status: 403, body: { error: 'consent_required' } });
  });

  it('exchanges anew after an exchanged token was no longer accepted', async () => {
    const browser = await harness.signedIn();
    expect((await userInfo(browser, harness)).status).toBe(200);
    provider.faults.status('userinfo', 401);
    expect((await userInfo(browser, harness)).status).toBe(401);
    expect((await userInfo(browser, harness)).status).toBe(200);
    expect(provider.requests.count('token', { grant: 'token-exchange' })).toBe(2);
  });

  it('is not there when tokens are not reused', async () => {
    const application = await start({ provider, oidc: { reuseTokens: false } });
    expect(await userInfo(await application.signedIn(), application)).toEqual({
      status: 403,
      body: {
        error: 'token_reuse_disabled',
        error_description: 'this application keeps no tokens: OPENID_REUSE_TOKENS is false',
      },
      challenge: null,
    });
  });

  it('needs an access token: an ID Token as bearer will not do', async () => {
    const application = await start({ provider, oidc: { reusedToken: 'id_token', userInfoOnBehalfOf: false } });
    const { id_token: token } = await provider.login();
    const response = await fetch(`${application.url}/auth/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    expect(await answerOf(response)).toEqual({
      status: 403,
      body: {
        error: 'token_not_reusable',
        error_description: 'there is no access token to make the UserInfo request with',
      },
      challenge: null,
    });
  });

  describe('an answer that cannot be believed', () => {
    it('oidcc-client-test-userinfo-invalid-sub: N8 is one about another subject', async () => {
      provider.faults.userInfoSubject();
      expect(await userInfo(alice, harness)).toEqual(INVALID);
      expect(harness.events.at(-1)).toEqual({
        type: 'userinfo.failed',
        issuer: provider.issuer,
        subject: 'user-alice',
        reason: 'the UserInfo response is about another subject',
      });
    });

    it.each([
      ['without a subject', { sub: undefined }],
      ['with a subject in a list', { sub: ['user-alice'] }],
      ['with a subject that differs in case', { sub: 'User-Alice' }],
    ])('oidcc-client-test-userinfo-invalid-sub: N8 is one %s', async (_what, claims) => {
      provider.faults.rewrite('userinfo', (body) => ({ ...body, ...claims }));
      expect(await userInfo(alice, harness)).toEqual(INVALID);
    });

    it.each([404, 400, 418])('is status %i', async (status) => {
      provider.faults.status('userinfo', status);
      expect(await userInfo(alice, harness)).toEqual(INVALID);
    });

    it('is none at all, from a provider without a UserInfo endpoint', async () => {
      const own = await startProvider({});
      own.faults.omit({ kind: 'discovery', times: Infinity }, 'userinfo_endpoint');
      const application = await start({ provider: own });
      expect(await userInfo(await application.signedIn(), application)).toEqual(INVALID);
    });

    describe('when it is signed', () => {
      let own: TestProvider;
      let application: Harness;
      let browser: TestBrowser;

      const answerWith = (jwt: string) =>
        own.faults.reply('userinfo', {
          status: 200,
          headers: { 'content-type': 'application/jwt' },
          body: Buffer.from(jwt),
        });
      beforeEach(async () => {
        own = await startProvider({ signedUserInfo: true });
        application = await start({ provider: own });
        browser = await application.signedIn();
      });

      it('oidcc-client-test-userinfo-signed: N9 is one with a wrong signature, algorithm, issuer, audience or subject, or that is no JWS', async () => {
        const sub = 'user-alice';
        const wrong = [
          await own.signIdToken({ sub }, { sign: 'garbage' }),
          await own.signIdToken({ sub }, { sign: 'none' }),
          await own.signIdToken({ sub }, { sign: 'hs256-public' }),
          await own.signIdToken({ sub, iss: 'https://evil.example' }),
          await own.signIdToken({ sub, aud: 'another-client' }),
          await own.signIdToken({ sub, exp: 1 }),
          await own.signIdToken({ sub: 'user-bob' }),
          'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..a.b.c',
          '{"sub":"user-alice"}',
          '',
        ];
        for (const jwt of wrong) {
          answerWith(jwt);
          expect(await userInfo(browser, application)).toEqual(INVALID);
        }
      });

      it('oidcc-client-test-userinfo-signed: N9 is not one that leaves issuer, audience and end out', async () => {
        answerWith(await own.signIdToken({ iss: undefined, aud: undefined, exp: undefined, iat: undefined }));
        expect(await userInfo(browser, application)).toMatchObject({ status: 200, body: { sub: 'user-alice' } });
      });
    });
  });

  describe('a provider that cannot answer', () => {
    it.each([
      ['an error of the server', () => provider.faults.status('userinfo', 500), '5'],
      ['a limit', () => provider.faults.status('userinfo', 429, { retryAfter: 9 }), '9'],
      ['a connection that was cut', () => provider.faults.drop('userinfo'), '5'],
      ['a page', () => provider.faults.html('userinfo'), '5'],
      ['a truncated answer', () => provider.faults.truncate('userinfo'), '5'],
      ['an endless answer', () => provider.faults.oversize('userinfo', 600_000), '5'],
      ['another content type', () => provider.faults.contentType('userinfo', 'text/plain'), '5'],
      ['no content type', () => provider.faults.contentType('userinfo', ''), '5'],
    ])('N9 is 503 with %s, and the session lives on', async (_what, fail, retryAfter) => {
      fail();
      const response = await alice.fetch(`${harness.url}/auth/userinfo`);
      expect({
        status: response.status,
        retryAfter: response.headers.get('retry-after'),
        body: await response.json(),
      }).toEqual({
        status: 503,
        retryAfter,
        body: { error: 'provider_unavailable', error_description: expect.stringMatching(/^the .*OpenID Provider/) },
      });
      expect((await userInfo(alice, harness)).status).toBe(200);
    });
  });

  it('S11 is not asked for elsewhere, whereto the provider may redirect', async () => {
    const listener = await startListener();
    provider.faults.redirect('userinfo', listener.url);
    expect(await userInfo(alice, harness)).toMatchObject({ status: 503, body: { error: 'provider_unavailable' } });
    expect(listener.requests()).toBe(0);
    await listener.close();
  });

  it('waits for keys rather than doubting a signature when they cannot be had', async () => {
    const own = await startProvider({ signedUserInfo: true });
    const application = await start({ provider: own });
    const browser = await application.signedIn();
    freezeTime();
    await own.keys.rotate();
    own.faults.status({ kind: 'jwks', times: Infinity }, 503);
    expect(await userInfo(browser, application)).toMatchObject({ status: 503 });
    own.faults.clear();
    advance(60);
    expect(await userInfo(browser, application)).toMatchObject({ status: 200 });
  });
});
