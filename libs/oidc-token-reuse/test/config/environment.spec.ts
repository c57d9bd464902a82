import { describe, expect, it } from '@jest/globals';
import { KNOWN_VARIABLES, VARIABLES } from '../../src/config/environment-names.js';
import { VALUES } from '../../src/config/environment-values.js';
import { readEnvironment } from '../../src/config/environment.js';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { resolveOptions } from '../../src/config/resolve-options.js';
import { ENVIRONMENT, problemsOf, SECRET } from './valid-options.js';

type Variables = Readonly<Record<string, string | undefined>>;

const read = (changes: Variables) => readEnvironment({ ...ENVIRONMENT, ...changes });
const problems = (changes: Variables) => problemsOf(() => read(changes));
const resolved = (changes: Variables) => resolveOptions(read(changes).options);

const BOOLEAN = 'must be true or false (or 1, 0, yes, no, on, off)';
const INTEGER = 'must be a whole number in digits only, without sign, fraction, unit or expression';
const TENANT = '11111111-2222-3333-4444-55555555555a';

const BOOLEANS = {
  OPENID_USE_PAR: 'usePar',
  OPENID_REUSE_TOKENS: 'reuseTokens',
  OPENID_JWKS_URL_CACHE_ENABLED: 'jwksCache',
  OPENID_ON_BEHALF_FLOW_FOR_USERINFRO_REQUIRED: 'userInfoOnBehalfOf',
  OPENID_ON_BEHALF_FLOW_FOR_USERINFO_REQUIRED: 'userInfoOnBehalfOf',
  OPENID_USE_END_SESSION_ENDPOINT: 'useEndSessionEndpoint',
  OPENID_USE_PKCE: 'usePkce',
  OPENID_EXPOSE_ACCESS_TOKEN: 'exposeAccessToken',
} as const satisfies Record<string, keyof OidcModuleOptions>;

const INTEGERS = {
  OPENID_MAX_AGE: 'maxAge',
  OPENID_SESSION_ABSOLUTE_LIFETIME: 'sessionAbsoluteLifetime',
  OPENID_SESSION_IDLE_LIFETIME: 'sessionIdleLifetime',
  OPENID_REUSE_MAX_SESSION_AGE_MS: 'reuseMaxSessionAge',
  OPENID_JWKS_URL_CACHE_TIME: 'jwksCacheTime',
  OPENID_SUCCESSOR_GRACE: 'successorGrace',
  OPENID_REPLAY_WINDOW: 'replayWindow',
  OPENID_MAX_LOGOUT_URL_LENGTH: 'maxLogoutUrlLength',
  OPENID_CLOCK_TOLERANCE: 'clockTolerance',
} as const satisfies Record<string, keyof OidcModuleOptions>;

describe('readEnvironment: what is refused', () => {
  it('names every variable that is required', () => {
    expect(problemsOf(() => readEnvironment({ PORT: 'a pipe' }))).toEqual([
      { setting: 'OPENID_ISSUER', message: 'is required: the issuer URL of the OpenID Provider' },
      {
        setting: 'OPENID_CLIENT_ID',
        message: 'is required: the client id that the OpenID Provider gave to this application',
      },
      {
        setting: 'PUBLIC_URL',
        message: 'is required: the origin that browsers use, such as https://app.example.com',
      },
      {
        setting: 'OPENID_SESSION_SECRET',
        message: 'is required: a secret of at least 32 characters, such as the output of: openssl rand -base64 48',
      },
    ]);
  });

  it('lists faults of syntax and of meaning together', () => {
    const found = problems({
      OPENID_USE_PAR: 'perhaps',
      OPENID_CLOCK_TOLERANCE: '5 min',
      OPENID_ISSUER: 'nowhere',
      OPENID_SESSION_SECRET: 'short',
      OPENID_CLIENT_KEY: 'key.pem',
    });
    expect(found).toEqual([
      {
        setting: 'OPENID_CLIENT_KEY',
        message: 'is not available in this version; remove it and set OPENID_CLIENT_SECRET',
      },
      { setting: 'OPENID_USE_PAR', message: BOOLEAN },
      { setting: 'OPENID_CLOCK_TOLERANCE', message: INTEGER },
      { setting: 'OPENID_SESSION_SECRET', message: 'needs at least 32 characters in each secret' },
      { setting: 'OPENID_ISSUER', message: 'must be an absolute URL, such as https://id.example.com' },
    ]);
  });

  it.each(Object.keys(BOOLEANS).concat('OPENID_GENERATE_NONCE'))('%s=maybe', (setting) => {
    expect(problems({ [setting]: 'maybe' })).toEqual([{ setting, message: BOOLEAN }]);
  });

  it.each(
    Object.keys(INTEGERS).flatMap((name) => ['-1', '1.5', '10*60', '60s', '1e3', '0x10'].map((value) => [name, value])),
  )('%s=%s', (setting, value) => {
    expect(problems({ [setting]: value })).toEqual([{ setting, message: INTEGER }]);
  });

  it.each([
    ['OPENID_ISSUER', 'http://id.example.com', 'must be an https URL; http is accepted on loopback only'],
    ['OPENID_TOKEN_ENDPOINT_AUTH_METHOD', 'client_secret_basic', 'client_secret_basic needs OPENID_CLIENT_SECRET'],
    [
      'OPENID_TOKEN_ENDPOINT_AUTH_METHOD',
      'private_key_jwt',
      'is not available in this version; must be one of client_secret_basic, client_secret_post, none',
    ],
    [
      'OPENID_TOKEN_ENDPOINT_AUTH_METHOD',
      'tls_client_auth',
      'is not available in this version; must be one of client_secret_basic, client_secret_post, none',
    ],
    ['OPENID_CALLBACK_URL', 'https://other.example.com/cb', 'must be on the origin of PUBLIC_URL, or only a path'],
    ['OPENID_RESPONSE_MODE', 'FORM_POST', 'must be one of query, form_post'],
    ['OPENID_RESOURCE', 'orders', 'must be an absolute URI without a fragment'],
    ['OPENID_TENANTS', TENANT, 'means nothing with preset generic; remove it, or set OPENID_PRESET to entra'],
    ['PUBLIC_URL', 'http://app.example.com', 'must be an https URL; http is accepted on loopback only'],
    ['OPENID_SESSION_SECRET', `${SECRET},${SECRET}`, 'holds the same secret twice; remove one'],
    ['OPENID_SESSION_SECRET', ',', 'needs at least one secret, such as the output of: openssl rand -base64 48'],
    ['OPENID_SESSION_ABSOLUTE_LIFETIME', '0', 'must be a whole number, at least 1'],
    ['OPENID_SESSION_IDLE_LIFETIME', '9'.repeat(30), 'must be a whole number, at least 1'],
    ['OPENID_SESSION_IDLE_LIFETIME', '9'.repeat(400), 'must be a whole number, at least 1'],
    ['OPENID_SCOPE', 'openid,profile', 'must hold openid, such as: openid profile email'],
    ['OPENID_ON_BEHALF_FLAVOUR', 'obo', 'must be one of entra, token-exchange'],
    ['OPENID_REUSED_TOKEN', 'both', 'must be one of access_token, id_token'],
    ['OPENID_CLIENT_KEY', 'k', 'is not available in this version; remove it and set OPENID_CLIENT_SECRET'],
    ['OPENID_CLIENT_CERT', 'c', 'is not available in this version; remove it and set OPENID_CLIENT_SECRET'],
    ['OPENID_POST_LOGOUT_REDIRECT_URI', '/bye', 'must be an absolute http or https URL'],
    ['OPENID_CLOCK_TOLERANCE', '301', 'must be a whole number, from 0 to 300'],
    ['OPENID_REQUIRED_ROLE_TOKEN_KIND', 'refresh', 'must be one of access, id, userinfo'],
    ['OPENID_REQUIRED_ROLE_PARAMETER_PATH', 'a b', 'must be names joined by dots, such as realm_access.roles'],
    ['OPENID_PRESET', 'azure', 'must be one of entra, keycloak, auth0, okta, google, cognito, generic'],
    ['OPENID_CUSTODY', 'browser', 'must be one of cookie, store'],
  ])('%s=%s', (setting, value, message) => {
    expect(problems({ [setting]: value })).toEqual([{ setting, message }]);
  });

  it.each([
    ['OPENID_ON_BEHALF_FLOW_FOR_USERINFRO_REQUIRED', 'true', 'OPENID_ON_BEHALF_FLOW_FOR_USERINFO_REQUIRED', 'false'],
    ['OPENID_ON_BEHALF_FLOW_USERINFRO_SCOPE', 'a', 'OPENID_ON_BEHALF_FLOW_USERINFO_SCOPE', 'b'],
  ])('%s=%s beside %s=%s', (setting, value, other, otherValue) => {
    expect(problems({ [setting]: value, [other]: otherValue })).toEqual([
      { setting, message: `differs from ${other}, which is the same setting; remove one of the two` },
    ]);
  });

  it('uses the spelling that is set', () => {
    const setting = 'OPENID_ON_BEHALF_FLOW_FOR_USERINFO_REQUIRED';
    expect(problems({ [setting]: 'maybe' })).toEqual([{ setting, message: BOOLEAN }]);
  });
});

describe('readEnvironment: what is accepted', () => {
  it('knows the variable of every option, and the value of every variable', () => {
    const withVariable = Object.entries(VARIABLES).filter(([, spellings]) => spellings.length > 0);
    expect(Object.keys(VALUES.shape)).toEqual(withVariable.map(([option]) => option));
    expect(new Set(KNOWN_VARIABLES).size).toBe(KNOWN_VARIABLES.length);
  });

  it('adds nothing to what is set', () => {
    expect(readEnvironment(ENVIRONMENT)).toEqual({
      options: {
        issuer: 'https://id.example.com',
        clientId: 'client-1',
        publicUrl: 'https://app.example.com',
        sessionSecrets: [SECRET],
      },
      warnings: [],
    });
  });

  it.each([
    ['OPENID_ISSUER', ' https://x.example.com ', 'issuer', 'https://x.example.com'],
    ['OPENID_CLIENT_ID', 'other', 'clientId', 'other'],
    ['OPENID_CLIENT_SECRET', 'secret', 'clientSecret', 'secret'],
    ['OPENID_TOKEN_ENDPOINT_AUTH_METHOD', 'none', 'clientAuthMethod', 'none'],
    ['PUBLIC_URL', 'http://localhost:8080', 'publicUrl', 'http://localhost:8080'],
    ['OPENID_CALLBACK_URL', '/oauth/openid/callback', 'callbackUrl', '/oauth/openid/callback'],
    ['OPENID_RESPONSE_MODE', 'form_post', 'responseMode', 'form_post'],
    ['OPENID_ACR_VALUES', 'silver gold', 'acrValues', 'silver gold'],
    ['OPENID_RESOURCE', 'https://api.example.com', 'resource', 'https://api.example.com'],
    ['OPENID_SESSION_SECRET', `${SECRET}x , ${SECRET},`, 'sessionSecrets', [`${SECRET}x`, SECRET]],
    ['OPENID_SCOPE', 'openid offline_access', 'scope', 'openid offline_access'],
    ['OPENID_AUDIENCE', 'a, b,,', 'audience', ['a', 'b']],
    ['OPENID_REFRESH_AUDIENCE', 'a', 'refreshAudience', 'a'],
    ['OPENID_ON_BEHALF_FLOW_USERINFRO_SCOPE', 'a', 'userInfoScope', 'a'],
    ['OPENID_ON_BEHALF_FLOW_USERINFO_SCOPE', 'a', 'userInfoScope', 'a'],
    ['OPENID_ON_BEHALF_FLAVOUR', 'entra', 'onBehalfOfFlavour', 'entra'],
    ['OPENID_REUSED_TOKEN', 'id_token', 'reusedToken', 'id_token'],
    ['OPENID_POST_LOGOUT_REDIRECT_URI', 'https://x.example.com', 'postLogoutRedirectUri', 'https://x.example.com'],
    ['OPENID_REQUIRED_ROLE', 'admin,staff', 'requiredRoles', ['admin', 'staff']],
    ['OPENID_REQUIRED_ROLE_TOKEN_KIND', 'access', 'roleTokenKind', 'access'],
    ['OPENID_REQUIRED_ROLE_PARAMETER_PATH', 'a.b', 'rolePath', 'a.b'],
    ['OPENID_PRESET', 'okta', 'preset', 'okta'],
    ['OPENID_CUSTODY', 'store', 'custody', 'store'],
    ...Object.entries(INTEGERS).map(([name, option]) => [name, '007', option, 7] as const),
  ])('%s=%s', (name, value, option, expected) => {
    expect(read({ [name]: value }).options).toMatchObject({ [option]: expected });
  });

  it('OPENID_TENANTS with an issuer of several tenants', () => {
    const OPENID_ISSUER = 'https://login.microsoftonline.com/organizations/v2.0';
    expect(read({ OPENID_ISSUER, OPENID_TENANTS: `${TENANT},` }).options.tenants).toEqual([TENANT]);
  });

  const spellings = [
    ...['true', '1', 'yes', 'on', 'TRUE', 'Yes'].map((word) => [word, true] as const),
    ...['false', '0', 'no', 'off', 'False', 'OFF'].map((word) => [word, false] as const),
  ];
  const everyBoolean = Object.entries(BOOLEANS).flatMap(([name, option]) =>
    spellings.map(([word, value]) => [name, word, option, value] as const),
  );

  it.each(everyBoolean)('%s=%s', (name, word, option, value) => {
    // a secret, so that PKCE may be off
    expect(read({ OPENID_CLIENT_SECRET: 'secret', [name]: word }).options[option]).toBe(value);
  });

  it('takes a blank value for an absent one, and ignores what is not text', () => {
    const blank = Object.fromEntries(KNOWN_VARIABLES.map((name) => [name, ' ']));
    expect(readEnvironment({ ...blank, ...ENVIRONMENT, OPENID_SCOPE: undefined, OPENID_UNKNOWN: ' ' })).toEqual(
      readEnvironment(ENVIRONMENT),
    );
  });

  it('agrees with itself when both spellings are set alike', () => {
    const both = {
      OPENID_ON_BEHALF_FLOW_FOR_USERINFRO_REQUIRED: 'true',
      OPENID_ON_BEHALF_FLOW_FOR_USERINFO_REQUIRED: 'true ',
    };
    expect(read(both).options.userInfoOnBehalfOf).toBe(true);
  });

  it.each([
    [undefined, 'http://localhost:3000'],
    ['8080', 'http://localhost:8080'],
  ])('PUBLIC_URL is localhost at PORT=%s', (PORT, origin) => {
    expect(resolved({ PUBLIC_URL: undefined, PORT }).publicUrl()).toBe(origin);
  });

  it.each([
    ['true', 'TRUE'],
    ['yes', '1'],
    ['off', 'false'],
  ])('%s and %s are one value of two spellings of a flag', (one, other) => {
    const both = {
      OPENID_ON_BEHALF_FLOW_FOR_USERINFRO_REQUIRED: one,
      OPENID_ON_BEHALF_FLOW_FOR_USERINFO_REQUIRED: other,
    };
    expect(resolved(both).userInfoOnBehalfOf).toBe(one !== 'off');
  });

  it('PUBLIC_URL is localhost at a PORT with a zero in front', () => {
    expect(resolved({ PUBLIC_URL: undefined, PORT: '04390' }).publicUrl()).toBe('http://localhost:4390');
  });

  it.each(['0', '/run/app.sock', '70000'])('PUBLIC_URL is needed at PORT=%s', (PORT) => {
    expect(problems({ PUBLIC_URL: undefined, PORT }).map(({ setting }) => setting)).toEqual(['PUBLIC_URL']);
  });

  it('reads own variables only', () => {
    // as: what JSON and prototypes of the environment may bring
    const environment = JSON.parse(
      JSON.stringify(ENVIRONMENT).replace('{', '{"__proto__":{"OPENID_SCOPE":"openid evil"},'),
    ) as Variables;
    expect(readEnvironment(environment)).toEqual(readEnvironment(ENVIRONMENT));
    expect(readEnvironment(Object.assign(Object.create({ OPENID_SCOPE: 'evil' }), ENVIRONMENT))).toEqual(
      readEnvironment(ENVIRONMENT),
    );
  });
});

describe('readEnvironment: warnings', () => {
  it('names the nearest known name of an unknown one', () => {
    const { warnings } = read({ OPENID_ISUER: 'x', OPENID_CALBACK_URI: 'x', openid_scope: 'x', OTHER: 'x' });
    expect(warnings).toEqual([
      'OPENID_ISUER: is not known and has no effect; the nearest known name is OPENID_ISSUER',
      'OPENID_CALBACK_URI: is not known and has no effect; the nearest known name is OPENID_CALLBACK_URL',
      'openid_scope: is not known and has no effect; the nearest known name is OPENID_SCOPE',
    ]);
  });

  it('names it among the problems where something is missing that it may stand for', () => {
    expect(problems({ OPENID_CLIENT_ID: undefined, OPENID_CLIENT_IDD: 'x' })).toEqual([
      { setting: 'OPENID_CLIENT_ID', message: expect.stringContaining('is required') },
      {
        setting: 'OPENID_CLIENT_IDD',
        message: 'is not known and has no effect; the nearest known name is OPENID_CLIENT_ID',
      },
    ]);
  });

  it.each([
    ['OPENID_BUTTON_LABEL', 'the page that signs in decides it'],
    ['OPENID_IMAGE_URL', 'the page that signs in decides it'],
    ['OPENID_AUTO_REDIRECT', 'a page load of a protected route always goes to the provider'],
    ['OPENID_USERNAME_CLAIM', 'map claims to a user with PrincipalResolver'],
    ['OPENID_NAME_CLAIM', 'map claims to a user with PrincipalResolver'],
    ['OPENID_EMAIL_CLAIM', 'map claims to a user with PrincipalResolver'],
    ['OPENID_AVATAR_AUTHORIZED_ORIGINS', 'pictures are not fetched'],
    ['OPENID_ADMIN_ROLE', 'use @RequireRoles() on the routes'],
    ['OPENID_ADMIN_ROLE_TOKEN_KIND', 'use @RequireRoles() on the routes'],
    ['OPENID_ADMIN_ROLE_PARAMETER_PATH', 'use @RequireRoles() on the routes'],
    ['OPENID_ROLE_SYNC_ENABLED', 'map claims to a user with PrincipalResolver'],
    ['OPENID_ROLE_SYNC_API_ENABLED', 'map claims to a user with PrincipalResolver'],
    ['OPENID_ROLE_SYNC_SOURCE', 'map claims to a user with PrincipalResolver'],
    ['OPENID_ROLE_SYNC_CLAIM', 'map claims to a user with PrincipalResolver'],
    ['OPENID_ROLE_SYNC_ROLE_PRIORITY', 'map claims to a user with PrincipalResolver'],
    ['OPENID_ROLE_SYNC_FALLBACK_ROLE', 'map claims to a user with PrincipalResolver'],
    ['OPENID_GRAPH_SCOPES', 'name the scopes in @OnBehalfOf()'],
    ['OPENID_JWKS_URL', 'the keys are those that discovery names'],
    ['OPENID_DISCOVERY_RETRY_ATTEMPTS', 'discovery is repeated until it succeeds'],
    ['OPENID_DISCOVERY_RETRY_DELAY_MS', 'discovery is repeated until it succeeds'],
  ])('%s has no effect here', (name, replacement) => {
    expect(read({ [name]: 'x' }).warnings).toEqual([`${name}: has no effect here; ${replacement}`]);
  });

  it('OPENID_GENERATE_NONCE=false is accepted and changes nothing', () => {
    expect(read({ OPENID_GENERATE_NONCE: 'true' }).warnings).toEqual([]);
    expect(read({ OPENID_GENERATE_NONCE: 'false' })).toEqual({
      options: readEnvironment(ENVIRONMENT).options,
      warnings: ['OPENID_GENERATE_NONCE: false has no effect; the nonce is always sent and checked'],
    });
  });

  it('OPENID_USE_PKCE=false is honoured', () => {
    expect(read({ OPENID_CLIENT_SECRET: 'secret', OPENID_USE_PKCE: 'false' })).toMatchObject({
      options: { usePkce: false },
      warnings: ['usePkce / OPENID_USE_PKCE: PKCE is off; turn it off only for a provider that refuses it'],
    });
  });

  it('PUBLIC_URL is missed in production only', () => {
    const warning = 'PUBLIC_URL: is not set in production; browsers are sent to localhost';
    expect(read({ PUBLIC_URL: undefined, NODE_ENV: 'production' }).warnings).toContain(warning);
    expect(read({ PUBLIC_URL: undefined, NODE_ENV: 'development' }).warnings).not.toContain(warning);
    expect(read({ NODE_ENV: 'production' }).warnings).toEqual([]);
  });
});
