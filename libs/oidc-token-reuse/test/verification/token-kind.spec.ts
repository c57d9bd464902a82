import { describe, expect, it } from '@jest/globals';
import { requireAccessToken, requireIdToken, requirePresentedIdToken } from '../../src/verification/token-kind.js';
import { outcomeOf } from '../provider/support.js';
import type { Claims } from './support.js';

interface Sample {
  readonly type: string | undefined;
  readonly claims: Claims;
}

const ID = { iss: 'i', sub: 's', aud: 'web', exp: 1, iat: 1 };
const ACCESS = { iss: 'i', sub: 's', aud: 'https://api.example.com', exp: 1 };
const EVENTS = { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } };

/** Every class of token there is, and the entry points that take it. */
const CLASSES: Record<string, readonly [Sample, ...('access' | 'id' | 'presented id')[]]> = {
  'access token of RFC 9068': [{ type: 'at+jwt', claims: { ...ACCESS, client_id: 'web' } }, 'access'],
  'access token of RFC 9068 without any optional claim': [{ type: 'at+jwt', claims: ACCESS }, 'access'],
  'access token of Keycloak': [{ type: 'jwt', claims: { ...ACCESS, typ: 'Bearer', azp: 'spa' } }, 'access'],
  'access token of Keycloak for the client': [{ type: 'jwt', claims: { ...ID, typ: 'Bearer', azp: 'web' } }, 'access'],
  'access token of Entra v1': [{ type: 'jwt', claims: { ...ACCESS, appid: 'spa', scp: 'read' } }, 'access', 'id'],
  'access token of Entra v2': [
    { type: 'jwt', claims: { ...ID, azp: 'spa', azpacr: '0', scp: 'read' } },
    'access',
    'id',
  ],
  'application token of Entra v2': [
    { type: 'jwt', claims: { ...ID, azp: 'spa', azpacr: '1', roles: [] } },
    'access',
    'id',
  ],
  'access token of Auth0 without scope': [
    { type: 'jwt', claims: { ...ACCESS, azp: 'spa' } },
    'access',
    'id',
    'presented id',
  ],
  'machine token of Auth0': [{ type: 'jwt', claims: { ...ACCESS, gty: 'client-credentials' } }, 'access', 'id'],
  'access token of Okta': [{ type: undefined, claims: { ...ACCESS, cid: 'spa', scp: ['read'] } }, 'access', 'id'],
  'access token of Cognito': [{ type: undefined, claims: { ...ACCESS, token_use: 'access' } }, 'access'],
  'ID Token without any optional claim': [{ type: undefined, claims: ID }, 'id', 'presented id'],
  'ID Token with nonce': [{ type: 'jwt', claims: { ...ID, nonce: 'n' } }, 'id', 'presented id'],
  'ID Token with at_hash': [{ type: 'jwt', claims: { ...ID, at_hash: 'h' } }, 'id', 'presented id'],
  'ID Token with c_hash': [{ type: 'jwt', claims: { ...ID, c_hash: 'h' } }, 'id', 'presented id'],
  'ID Token with s_hash': [{ type: 'jwt', claims: { ...ID, s_hash: 'h' } }, 'id', 'presented id'],
  'ID Token with azp': [{ type: 'jwt', claims: { ...ID, azp: 'web' } }, 'id', 'presented id'],
  'ID Token of several audiences': [
    { type: 'jwt', claims: { ...ID, aud: ['web', 'x'], azp: 'web' } },
    'id',
    'presented id',
  ],
  'ID Token of Keycloak': [{ type: 'jwt', claims: { ...ID, typ: 'ID', azp: 'web' } }, 'id', 'presented id'],
  'ID Token of Cognito': [{ type: undefined, claims: { ...ID, token_use: 'id' } }, 'id', 'presented id'],
  'logout token': [{ type: 'logout+jwt', claims: { ...ID, ...EVENTS } }],
  'logout token without its type': [{ type: 'jwt', claims: { ...ID, ...EVENTS } }],
  'logout token of Keycloak': [{ type: 'jwt', claims: { ...ID, typ: 'Logout' } }],
  'refresh token of Keycloak': [{ type: 'jwt', claims: { ...ID, typ: 'Refresh', scope: 'openid' } }],
  'offline token of Keycloak': [{ type: 'jwt', claims: { ...ID, typ: 'Offline', scope: 'openid' } }],
  'initial access token of Keycloak': [{ type: 'jwt', claims: { ...ID, typ: 'InitialAccessToken', scope: 'x' } }],
  'registration token of Keycloak': [{ type: 'jwt', claims: { ...ID, typ: 'RegistrationAccessToken', scope: 'x' } }],
  'security event': [{ type: 'secevent+jwt', claims: { ...ID, ...EVENTS } }],
  'UserInfo response': [
    { type: 'jwt', claims: { iss: 'i', sub: 's', aud: 'web', name: 'Alice' } },
    'id',
    'presented id',
  ],
  'introspection response': [{ type: 'token-introspection+jwt', claims: { ...ID, scope: 'x' } }],
  'authorization request': [{ type: 'oauth-authz-req+jwt', claims: { ...ID, client_id: 'web', scope: 'x' } }],
  'client assertion': [{ type: 'client-authentication+jwt', claims: ID }],
  'DPoP proof': [{ type: 'dpop+jwt', claims: { htm: 'GET', htu: 'u', iat: 1, jti: 'j' } }],
};

const passes = (check: (sample: Sample) => void, sample: Sample): boolean =>
  outcomeOf(() => {
    check(sample);
  }) === undefined;

describe('T10 every class of token at every entry point', () => {
  it.each(Object.entries(CLASSES))('%s', (_name, [sample, ...accepted]) => {
    const entries = { access: requireAccessToken, id: requireIdToken, 'presented id': requirePresentedIdToken };
    expect(
      Object.entries(entries)
        .filter(([, check]) => passes(check, sample))
        .map(([name]) => name),
    ).toEqual(accepted);
  });
});

describe('the reason', () => {
  it.each([
    [requireAccessToken, { type: 'secevent+jwt', claims: {} }, 'typ', 'the token is no access token'],
    [requireAccessToken, { type: 'at+jwt', claims: { typ: 'ID' } }, 'typ', 'the token is no access token'],
    [requireAccessToken, { type: 'at+jwt', claims: { token_use: 'id' } }, 'token_use', 'the token is no access token'],
    [requireAccessToken, { type: 'at+jwt', claims: { nonce: 'n' } }, 'nonce', 'the token is no access token'],
    [requireAccessToken, { type: 'jwt', claims: ID }, 'typ', 'the token is no access token that says so'],
    [requireIdToken, { type: 'at+jwt', claims: ID }, 'typ', 'the token is no ID Token'],
    [requireIdToken, { type: 'jwt', claims: { typ: 'DPoP' } }, 'typ', 'the token is no ID Token'],
    [requireIdToken, { type: 'jwt', claims: { token_use: 'access' } }, 'token_use', 'the token is no ID Token'],
    [requireIdToken, { type: 'jwt', claims: EVENTS }, 'events', 'the token is no ID Token'],
    [requirePresentedIdToken, { type: 'jwt', claims: { scp: 'x' } }, 'scp', 'the token is no ID Token'],
  ])('names the claim', (check, sample, claim, message) => {
    const thrown = outcomeOf(() => {
      check(sample);
    });
    expect(thrown).toMatchObject({ claim, message });
  });
});
