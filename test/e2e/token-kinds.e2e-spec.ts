/** Every kind of token at every door: each door takes its own kind and no other, however alike they are (RFC 8725 section 3.12). */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestProvider, type TestProvider, type TokenClaims } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { authorize } from '../support/login.js';

const CODE_GRANT = { kind: 'token', grant: 'authorization_code' } as const;
const REFRESH_GRANT = { kind: 'token', grant: 'refresh_token' } as const;
const EVENTS = { 'http://schemas.openid.net/event/backchannel-logout': {} };

describe.each(ADAPTERS)('T10 a token on %s', (adapter) => {
  let provider: TestProvider;
  let harness: Harness;
  /** The application that takes ID Tokens as bearers. */
  let identities: Harness;

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE, signedUserInfo: true });
    harness = await startHarness({ adapter, provider });
    identities = await startHarness({ adapter, provider, oidc: { reusedToken: 'id_token' } });
  });
  afterEach(() => {
    provider.faults.clear();
  });
  afterAll(async () => {
    await identities.close();
    await harness.close();
    await provider.close();
  });

  type Door = (token: string) => Promise<boolean>;

  const bearerAt = (application: () => Harness): Door => {
    return async (token) =>
      (await fetch(`${application().url}/api/subject`, { headers: { authorization: `Bearer ${token}` } })).status ===
      200;
  };

  /** True where the token is taken for what belongs there. */
  const doors: Readonly<Record<string, Door>> = {
    'the guard': bearerAt(() => harness),
    'the guard for ID Tokens': bearerAt(() => identities),
    'back-channel logout': async (token) => {
      const body = new URLSearchParams({ logout_token: token });
      return (await fetch(`${harness.url}/auth/backchannel-logout`, { method: 'POST', body })).status === 200;
    },
    'a sign-in': async (token) => {
      const browser = harness.browser();
      const url = await authorize(harness, browser);
      provider.faults.rewrite(CODE_GRANT, (body) => ({ ...body, id_token: token }));
      const { body } = await answerOf(await browser.fetch(url));
      // Only an ID Token of this very attempt would be let in; what is refused for its nonce alone is of the right kind.
      return String((body as Record<string, unknown>)['error_description']).endsWith('unexpected "nonce" claim value');
    },
    'a renewal': async (token) => {
      const browser = await harness.signedIn();
      provider.faults.rewrite(REFRESH_GRANT, (body) => ({ ...body, id_token: token }));
      return (await browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' })).status === 200;
    },
  };

  /** Claims that all kinds share, so that nothing but the kind tells them apart. */
  const both = (): TokenClaims => ({ sub: 'user-alice', aud: [provider.client.clientId], sid: 'a-session' });
  const typed = (typ: string) => ({ header: { typ } });

  /** Tokens by their kind, and the doors that each may pass. */
  const kinds: readonly (readonly [string, () => Promise<string>, readonly string[]])[] = [
    ['an access token', () => provider.signAccessToken(both()), ['the guard']],
    [
      'an access token of an older provider',
      () => provider.signAccessToken(both(), typed('JWT')),
      ['the guard', 'a sign-in', 'a renewal'],
    ],
    [
      'an access token by its claim typ',
      () => provider.signAccessToken({ ...both(), typ: 'Bearer' }, typed('JWT')),
      ['the guard'],
    ],
    [
      'an ID Token',
      () => provider.signIdToken({ ...both(), azp: provider.client.clientId }),
      ['the guard for ID Tokens', 'a sign-in', 'a renewal'],
    ],
    [
      'an ID Token with a nonce',
      () => provider.signIdToken({ ...both(), nonce: 'n' }, typed('JWT')),
      ['the guard for ID Tokens', 'a sign-in'],
    ],
    [
      'an ID Token under the type of access tokens',
      () => provider.signIdToken({ ...both(), nonce: 'n' }, typed('at+jwt')),
      [],
    ],
    [
      'an ID Token by its claim typ',
      () => provider.signIdToken({ ...both(), typ: 'ID' }),
      ['the guard for ID Tokens', 'a sign-in', 'a renewal'],
    ],
    ['a logout token', () => provider.signLogoutToken(both()), ['back-channel logout']],
    [
      'a logout token of an older provider',
      () => provider.signLogoutToken(both(), typed('JWT')),
      ['back-channel logout'],
    ],
    ['a logout token under the type of access tokens', () => provider.signLogoutToken(both(), typed('at+jwt')), []],
    ['a logout token by its claim typ', () => provider.signIdToken({ ...both(), typ: 'Logout' }), []],
    [
      'a security event',
      () => provider.signAccessToken({ ...both(), events: EVENTS, jti: 'j' }, typed('secevent+jwt')),
      [],
    ],
    ['a refresh token of Keycloak', () => provider.signAccessToken({ ...both(), typ: 'Refresh' }, typed('JWT')), []],
    ['an offline token of Keycloak', () => provider.signIdToken({ ...both(), typ: 'Offline' }), []],
    ['a UserInfo response', () => provider.signIdToken({ ...both(), exp: undefined, iat: undefined }), []],
    ['a client assertion', () => provider.signIdToken({ ...both(), iss: provider.client.clientId }), []],
    ['a proof of possession', () => provider.signIdToken({ ...both(), htu: 'x', htm: 'GET' }, typed('dpop+jwt')), []],
    ['an opaque refresh token', async () => (await provider.login()).refresh_token, []],
  ];

  it.each(kinds)('that is %s passes its own doors only', async (_kind, make, expected) => {
    const passed = [];
    for (const [name, door] of Object.entries(doors)) if (await door(await make())) passed.push(name);
    expect(passed).toEqual(expected);
  });

  it('that the provider gave at a sign-in passes its own doors only', async () => {
    const { access_token: accessToken, id_token: idToken } = await provider.login();
    const passed = [];
    for (const [name, door] of Object.entries(doors)) passed.push([name, await door(accessToken), await door(idToken)]);
    expect(passed).toEqual([
      ['the guard', true, false],
      ['the guard for ID Tokens', false, true],
      ['back-channel logout', false, false],
      ['a sign-in', false, true],
      // The nonce of an ID Token that comes with a renewal has to be the one of its sign-in.
      ['a renewal', false, false],
    ]);
  });

  it('issued to another client is no bearer, whoever it was issued for', async () => {
    const door = bearerAt(() => identities);
    const { clientId } = provider.client;
    const others = [
      { aud: 'another-client' },
      { azp: 'another-client' },
      { aud: [clientId, 'another-client'] },
      { aud: [clientId, 'another-client'], azp: 'another-client' },
    ];
    for (const claims of others)
      expect([claims, await door(await provider.signIdToken(claims))]).toEqual([claims, false]);
    const addressed = { aud: [clientId, 'another-client'], azp: clientId };
    expect(await door(await provider.signIdToken(addressed))).toBe(true);
  });

  it('is no cookie', async () => {
    const tokens = Object.values(await provider.login()).map(String);
    for (const token of tokens) {
      const headers = { cookie: `oidc.session.0=${token}` };
      expect((await fetch(`${harness.url}/api/subject`, { headers })).status).toBe(401);
    }
  });
});
