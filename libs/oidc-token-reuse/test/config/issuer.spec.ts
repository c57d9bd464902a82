import { describe, expect, it } from '@jest/globals';
import { presetFor } from '../../src/config/presets.js';
import { resolveOptions } from '../../src/config/resolve-options.js';
import { OPTIONS, problemsOf } from './valid-options.js';

const resolved = (issuer: string) => resolveOptions({ ...OPTIONS, issuer });
const problems = (issuer: string) => problemsOf(() => resolved(issuer));

describe('issuer', () => {
  it.each(['', ' '])('%p is refused as empty', (issuer) => {
    expect(problems(issuer)).toEqual([{ setting: 'issuer', message: 'must not be empty' }]);
  });

  it.each([
    'id.example.com',
    '/issuer',
    'https:id.example.com',
    'https:\\\\id.example.com',
    'https://a b.example.com',
    'HTTPS://id.example.com',
  ])('%s is no absolute URL', (issuer) => {
    expect(problems(issuer)).toEqual([
      { setting: 'issuer', message: 'must be an absolute URL, such as https://id.example.com' },
    ]);
  });

  it.each([
    'http://id.example.com',
    'http://localhost.example.com',
    'http://128.0.0.1',
    'http://0.0.0.0',
    'http://[::2]',
    'ftp://localhost',
  ])('%s is neither https nor http on loopback', (issuer) => {
    expect(problems(issuer)).toEqual([
      { setting: 'issuer', message: 'must be an https URL; http is accepted on loopback only' },
    ]);
  });

  it.each([
    'http://localhost',
    'http://localhost:3001',
    'http://127.0.0.1:3001/op',
    'http://127.1.2.3',
    'http://[::1]:3001',
  ])('%s may be insecure', (issuer) => {
    expect(resolved(issuer).allowInsecure).toBe(true);
  });

  it.each([
    'https://user@id.example.com',
    'https://:word@id.example.com',
    'https://id.example.com?x',
    'https://id.example.com/#',
  ])('%s holds more than an issuer may', (issuer) => {
    expect(problems(issuer)).toEqual([
      { setting: 'issuer', message: 'must not hold a user, a password, a query or a fragment' },
    ]);
  });

  it('refuses a well-known URL that does not end the issuer', () => {
    expect(problems('https://id.example.com/.well-known/oauth-authorization-server/one')).toEqual([
      { setting: 'issuer', message: 'must be the issuer itself, without /.well-known/' },
    ]);
  });

  it.each([
    ['https://id.example.com', 'https://id.example.com', 'https://id.example.com/.well-known/openid-configuration'],
    ['https://id.example.com/', 'https://id.example.com/', 'https://id.example.com/.well-known/openid-configuration'],
    [
      'https://id.example.com/a/',
      'https://id.example.com/a/',
      'https://id.example.com/a/.well-known/openid-configuration',
    ],
    [
      'https://id.example.com:443/A',
      'https://id.example.com:443/A',
      'https://id.example.com:443/A/.well-known/openid-configuration',
    ],
    [
      'https://id.example.com/a/.well-known/openid-configuration',
      'https://id.example.com/a',
      'https://id.example.com/a/.well-known/openid-configuration',
    ],
    [
      'https://id.example.com/.well-known/oauth-authorization-server',
      'https://id.example.com',
      'https://id.example.com/.well-known/oauth-authorization-server',
    ],
  ])('%s', (configured, issuer, discoveryUrl) => {
    expect(resolved(configured)).toMatchObject({ issuer, discoveryUrl, allowInsecure: false });
  });
});

describe('presetFor', () => {
  it.each([
    ['https://login.microsoftonline.com/x/v2.0', 'entra'],
    ['https://login.microsoftonline.us/x/v2.0', 'entra'],
    ['https://login.partner.microsoftonline.cn/x/v2.0', 'entra'],
    ['https://sts.windows.net/x/', 'entra'],
    ['https://evil-login.microsoftonline.com/x', 'generic'],
    ['https://id.example.com/realms/one', 'keycloak'],
    ['https://id.example.com/auth/realms/one/', 'keycloak'],
    ['https://id.example.com/realms/one/two', 'generic'],
    ['https://tenant.eu.auth0.com/', 'auth0'],
    ['https://notauth0.com/', 'generic'],
    ['https://one.okta.com/oauth2/default', 'okta'],
    ['https://one.oktapreview.com', 'okta'],
    ['https://one.okta-emea.com', 'okta'],
    ['https://accounts.google.com', 'google'],
    ['https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc', 'cognito'],
    ['https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_abc', 'cognito'],
    ['https://keycloak.eu-west-1.elb.amazonaws.com', 'generic'],
    ['https://id.example.com', 'generic'],
  ])('%s is %s', (issuer, preset) => {
    expect(presetFor(new URL(issuer))).toBe(preset);
  });
});

describe('preset', () => {
  it('wins over the host when it is named', () => {
    const { preset, roleTokenKind, rolePath } = resolveOptions({ ...OPTIONS, preset: 'keycloak' });
    expect({ preset, roleTokenKind, rolePath }).toEqual({
      preset: 'keycloak',
      roleTokenKind: 'access',
      rolePath: 'realm_access.roles',
    });
  });

  it.each([
    ['keycloak', 'openid profile email', {}],
    ['cognito', 'openid profile email', {}],
    ['google', 'openid profile email', { access_type: 'offline' }],
    ['auth0', 'openid profile email offline_access', {}],
    ['okta', 'openid profile email offline_access', {}],
    ['generic', 'openid profile email offline_access', {}],
  ] as const)('%s asks for %s', (preset, scope, authorizationParameters) => {
    expect(resolveOptions({ ...OPTIONS, preset })).toMatchObject({
      scope,
      authorizationParameters,
      refreshScope: undefined,
    });
  });

  it('gives way to every option', () => {
    const chosen = {
      scope: 'openid',
      replayWindow: 0,
      onBehalfOfFlavour: 'token-exchange',
      roleTokenKind: 'access',
      rolePath: 'r',
    } as const;
    expect(resolveOptions({ ...OPTIONS, preset: 'entra', ...chosen })).toMatchObject({
      ...chosen,
      refreshScope: 'openid',
    });
  });
});
