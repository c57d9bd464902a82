import { describe, expect, it } from '@jest/globals';
import { OidcConfigurationException } from '../../src/errors/configuration.exception.js';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { resolveOptions } from '../../src/config/resolve-options.js';
import { OPTIONS, problemsOf, SECRET } from './valid-options.js';

const METHODS =
  'must be one of client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth, self_signed_tls_client_auth, none';
const CLAIMS = (part: string) => `must hold claims in "${part}", each null or an object such as {"essential":true}`;
const OTHER_SECRET = 'another-secret-of-more-than-32-characters';

/** Problems with some options changed; the values may be of any type, as from JavaScript. */
const problems = (changes: Readonly<Record<string, unknown>>) =>
  problemsOf(() => resolveOptions({ ...OPTIONS, ...changes }));
const resolved = (changes: Partial<OidcModuleOptions>) => resolveOptions({ ...OPTIONS, ...changes });

describe('resolveOptions: what is refused', () => {
  it('lists every problem at once, each with the name of its option', () => {
    const action = () =>
      resolveOptions({ ...OPTIONS, issuer: 'nowhere', clientId: '', publicUrl: 'x', sessionSecrets: [] });
    expect(action).toThrow(
      new OidcConfigurationException([
        { setting: 'clientId', message: 'must not be empty' },
        {
          setting: 'sessionSecrets',
          message: 'needs at least one secret, such as the output of: openssl rand -base64 48',
        },
        { setting: 'issuer', message: 'must be an absolute URL, such as https://id.example.com' },
        { setting: 'publicUrl', message: 'must be the origin that browsers use, such as https://app.example.com' },
      ]),
    );
  });

  it.each([
    [{ roleTokenKind: 'access' }, 'access'],
    [{ roleTokenKind: 'userinfo' }, 'userinfo'],
    [{ preset: 'keycloak' }, 'access'],
  ])('refuses roles that no session without tokens could have: %j', (changes, kind) => {
    expect(problems({ reuseTokens: false, requiredRoles: ['admin'], ...changes })).toEqual([
      {
        setting: 'roleTokenKind',
        message: `is ${kind}, and without reuseTokens a session has no token for that; write id`,
      },
    ]);
    expect(problems({ reuseTokens: false, requiredRoles: [], ...changes })).toEqual([]);
  });

  it('warns of an exchange before UserInfo that has no access token', () => {
    const { warnings } = resolved({ userInfoOnBehalfOf: true, reusedToken: 'id_token' });
    expect(warnings).toContainEqual(expect.stringContaining('UserInfo answers 403'));
  });

  it.each([{}, undefined, null])('names what is required when nothing is there: %p', (nothing) => {
    // as: JavaScript applications can pass anything, such as the result of a factory that forgot to return
    const options = nothing as OidcModuleOptions;
    const found = problemsOf(() => resolveOptions(options));
    expect(found.map(({ setting }) => setting)).toEqual(['issuer', 'clientId', 'publicUrl', 'sessionSecrets']);
    for (const { message } of found) expect(message).toMatch(/^is required: /);
  });

  it.each([
    ['issuer', 5, 'must be text'],
    ['clientId', '  ', 'must not be empty'],
    ['clientSecret', 5, 'must be text or a function'],
    ['clientSecretFile', ' ', 'must not be empty'],
    ['clientKeys', 'key.pem', 'must be a list'],
    ['clientCert', 5, 'must be text'],
    ['claims', 'email', 'must be a JSON object'],
    ['claims', ['email'], 'must be a JSON object'],
    ['claims', {}, 'must hold "id_token" or "userinfo", with the claims to ask for'],
    ['claims', { id_token: ['email'] }, CLAIMS('id_token')],
    ['claims', { id_token: null }, CLAIMS('id_token')],
    ['claims', { userinfo: { email: true } }, CLAIMS('userinfo')],
    ['claims', { userinfo: { email: [] } }, CLAIMS('userinfo')],
    ['publicUrl', 5, 'must be text or a function'],
    ['tenants', 'one', 'must be a list'],
    ['audience', [''], 'must not be empty'],
    ['audience', [5], 'must be text'],
    ['requiredRoles', [' '], 'must not be empty'],
    ['usePkce', 'false', 'must be true or false'],
    ['maxAge', -1, 'must be a whole number, at least 0'],
    ['maxAge', 1.5, 'must be a whole number, at least 0'],
    ['maxAge', Number.NaN, 'must be a whole number, at least 0'],
    ['sessionAbsoluteLifetime', 0, 'must be a whole number, at least 1'],
    ['sessionIdleLifetime', 0, 'must be a whole number, at least 1'],
    ['sessionIdleLifetime', 2 ** 53, 'must be a whole number, at least 1'],
    ['reuseMaxSessionAge', -1, 'must be a whole number, at least 0'],
    ['successorGrace', '60', 'must be a whole number, at least 0'],
    ['replayWindow', -1, 'must be a whole number, at least 0'],
    ['clockTolerance', 301, 'must be a whole number, from 0 to 300'],
    ['clockTolerance', -1, 'must be a whole number, from 0 to 300'],
    ['jwksCacheTime', 0, 'must be a whole number, at least 1'],
    ['maxLogoutUrlLength', 0, 'must be a whole number, at least 1'],
    ['httpTimeout', 600_001, 'must be a whole number, from 1 to 600000'],
    ['tokenRequestTimeout', 0, 'must be a whole number, from 1 to 600000'],
    ['fetch', 'global', 'must be a function'],
    ['preset', 'azure', 'must be one of entra, keycloak, auth0, okta, google, cognito, generic'],
    ['responseMode', 'fragment', 'must be one of query, form_post'],
    ['reusedToken', 'refresh_token', 'must be one of access_token, id_token'],
    ['onBehalfOfFlavour', 'jwt', 'must be one of entra, token-exchange'],
    ['roleTokenKind', 'refresh', 'must be one of access, id, userinfo'],
    ['custody', 'browser', 'must be one of cookie, store'],
    ['clientAuthMethod', 'basic', METHODS],
    ['clientAuthMethod', 'client_secret_jwt', `is not available in this version; ${METHODS}`],
    ['rolePath', 'roles..admin', 'must be names joined by dots, such as realm_access.roles'],
    ['rolePath', 'roles[0]', 'must be names joined by dots, such as realm_access.roles'],
    ['scope', 'profile email', 'must hold openid, such as: openid profile email'],
    ['scope', 'openid "profile"', 'must be scopes with spaces between, such as: openid profile'],
    ['resource', 'api', 'must be an absolute URI without a fragment'],
    ['resource', 'https://api.example.com/#here', 'must be an absolute URI without a fragment'],
    ['sessionSecrets', SECRET, 'must be a list'],
    ['sessionSecrets', [5], 'must be a list of text'],
    ['sessionSecrets', [], 'needs at least one secret, such as the output of: openssl rand -base64 48'],
    ['sessionSecrets', [SECRET, 'x'.repeat(31)], 'needs at least 32 characters in each secret'],
    ['sessionSecrets', [' '.repeat(40)], 'needs at least 32 characters in each secret'],
    ['sessionSecrets', [SECRET, SECRET], 'holds the same secret twice; remove one'],
    ['warnings', ['text', 5], 'must be a list of text'],
  ])('%s %p: %s', (setting, value, message) => {
    expect(problems({ [setting]: value })).toEqual([{ setting, message }]);
  });

  it('reports a fault that several entries share once', () => {
    expect(problems({ audience: ['', ' '] })).toEqual([{ setting: 'audience', message: 'must not be empty' }]);
  });

  it.each([{}, { clientAuthMethod: 'none' }])('refuses a public client without PKCE: %p', (client) => {
    expect(problems({ ...client, usePkce: false })).toEqual([
      { setting: 'usePkce', message: 'must stay true without clientSecret: nothing else protects a public client' },
    ]);
  });

  it('refuses to expose an access token that is not kept', () => {
    expect(problems({ exposeAccessToken: true, reuseTokens: false })).toEqual([
      { setting: 'exposeAccessToken', message: 'needs reuseTokens: no access token is kept without it' },
    ]);
  });

  it('never says the value of a secret', () => {
    const action = () =>
      resolved({ clientSecret: 'hush-hush', clientAuthMethod: 'none', sessionSecrets: ['too-short-to-seal'] });
    expect(action).toThrow(OidcConfigurationException);
    expect(action).not.toThrow(/hush-hush|too-short-to-seal/);
  });
});

describe('resolveOptions: what comes out', () => {
  it('fills in every default', () => {
    const { publicUrl, callbackUrl, postLogoutRedirectUri, ...values } = resolveOptions(OPTIONS);
    expect([publicUrl(), callbackUrl(), postLogoutRedirectUri()]).toEqual([
      'https://app.example.com',
      'https://app.example.com/auth/callback',
      'https://app.example.com',
    ]);
    expect(values).toEqual({
      issuer: 'https://id.example.com',
      discoveryUrl: 'https://id.example.com/.well-known/openid-configuration',
      allowInsecure: false,
      clientId: 'client-1',
      clientSecret: undefined,
      clientSecretFile: undefined,
      clientKeys: [],
      clientCert: undefined,
      clientAuthMethod: 'none',
      preset: 'generic',
      tenants: [],
      callbackPath: '/auth/callback',
      responseMode: 'query',
      scope: 'openid profile email offline_access',
      authorizationParameters: {},
      acceptedAudiences: ['client-1'],
      loginAudience: undefined,
      refreshAudience: undefined,
      refreshScope: undefined,
      resource: undefined,
      maxAge: undefined,
      acrValues: undefined,
      claims: undefined,
      usePar: undefined,
      usePkce: true,
      errorPath: undefined,
      sessionSecrets: [SECRET],
      custody: 'cookie',
      sessionAbsoluteLifetime: 604_800,
      sessionIdleLifetime: 86_400,
      reuseTokens: true,
      reuseMaxSessionAge: 0,
      reusedToken: 'access_token',
      exposeAccessToken: false,
      successorGrace: 60,
      replayWindow: 0,
      clockTolerance: 30,
      jwksCache: true,
      jwksCacheTime: 600_000,
      maxVerifiedTokens: 20_000,
      maxVerifiedTokenBytes: 50_000_000,
      maxOpenedSessions: 5000,
      maxOpenedSessionBytes: 50_000_000,
      userInfoOnBehalfOf: false,
      userInfoScope: 'user.read',
      onBehalfOfFlavour: 'token-exchange',
      requiredRoles: [],
      roleTokenKind: 'id',
      rolePath: 'roles',
      useEndSessionEndpoint: false,
      maxLogoutUrlLength: 2000,
      httpTimeout: 5000,
      tokenRequestTimeout: 15_000,
      fetch: undefined,
      warnings: [],
    });
  });

  it('keeps every value that is given', () => {
    const given = {
      clientSecret: 'secret',
      clientAuthMethod: 'client_secret_post',
      responseMode: 'form_post',
      refreshAudience: 'https://api.example.com',
      resource: 'urn:example:api',
      maxAge: 0,
      acrValues: 'silver gold',
      claims: { id_token: { email: null }, userinfo: { name: { essential: true } }, other: 1 },
      usePar: true,
      errorPath: '/failed',
      sessionSecrets: [SECRET, OTHER_SECRET],
      custody: 'cookie',
      sessionAbsoluteLifetime: 1,
      sessionIdleLifetime: 2,
      reuseTokens: false,
      reuseMaxSessionAge: 3,
      reusedToken: 'id_token',
      successorGrace: 0,
      replayWindow: 4,
      clockTolerance: 0,
      jwksCacheTime: 5,
      userInfoOnBehalfOf: true,
      userInfoScope: 'graph',
      onBehalfOfFlavour: 'entra',
      requiredRoles: ['admin'],
      roleTokenKind: 'id',
      rolePath: 'https://example.com/roles',
      useEndSessionEndpoint: true,
      maxLogoutUrlLength: 6,
      httpTimeout: 7,
      tokenRequestTimeout: 8,
      fetch: globalThis.fetch,
    } as const satisfies Partial<OidcModuleOptions>;
    expect(resolved(given)).toMatchObject(given);
  });

  it.each([
    [{}, 'none'],
    [{ clientSecret: ' ' }, 'none'],
    [{ clientAuthMethod: 'none' }, 'none'],
    [{ clientSecret: 'secret' }, 'client_secret_basic'],
    [{ clientSecret: 'secret', clientAuthMethod: 'client_secret_post' }, 'client_secret_post'],
  ] as const)('client authentication of %p is %s', (client, method) => {
    expect(resolved(client).clientAuthMethod).toBe(method);
  });

  it('puts one space between scopes', () => {
    expect(resolved({ scope: ' openid   offline_access\temail ' }).scope).toBe('openid offline_access email');
  });

  it('accepts the client id and every audience, and asks for the first at login', () => {
    const { acceptedAudiences, loginAudience } = resolved({
      audience: ['https://a.example.com', 'b', 'client-1', 'b'],
    });
    expect(acceptedAudiences).toEqual(['client-1', 'https://a.example.com', 'b']);
    expect(loginAudience).toBe('https://a.example.com');
  });
});

describe('resolveOptions: warnings', () => {
  it.each([
    [
      { usePkce: false, clientSecret: 'secret' },
      'usePkce / OPENID_USE_PKCE: PKCE is off; turn it off only for a provider that refuses it',
    ],
    [
      { jwksCache: false },
      'jwksCache / OPENID_JWKS_URL_CACHE_ENABLED: signing keys are fetched again for every token; for tests only',
    ],
    [
      { clockTolerance: 61 },
      'clockTolerance / OPENID_CLOCK_TOLERANCE: tokens are accepted up to 61 seconds after they expire',
    ],
    [
      { exposeAccessToken: true },
      'exposeAccessToken / OPENID_EXPOSE_ACCESS_TOKEN: the access token is given to JavaScript, where a script injection can read it',
    ],
    [
      { scope: 'openid' },
      'scope / OPENID_SCOPE: without offline_access the provider may issue no refresh token, and sessions end early',
    ],
  ])('%p', (changes, warning) => {
    expect(resolved(changes).warnings).toEqual([warning]);
  });

  it.each([
    { clockTolerance: 60 },
    { scope: 'openid offline_access' },
    { scope: 'openid', reuseTokens: false },
    { scope: 'openid', preset: 'keycloak' },
  ] as const)('none for %p', (changes) => {
    expect(resolved(changes).warnings).toEqual([]);
  });

  it('carries those of whoever made the options, each once', () => {
    const { warnings } = resolved({ jwksCache: false });
    expect(resolved({ jwksCache: false, warnings: ['OPENID_X: is odd', ...warnings] }).warnings).toEqual([
      'OPENID_X: is odd',
      ...warnings,
    ]);
  });
});
