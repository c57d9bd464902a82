import { describe, expect, it } from '@jest/globals';
import { authorize, requireAnyRole, type Requirements } from '../../src/guard/authorization.js';
import { OidcException } from '../../src/errors/oidc.exception.js';
import { principalOf, verifiedToken } from '../support.js';

const NOTHING: Requirements = { scopes: [], roles: [], acrValues: [] };

describe('authorize', () => {
  it('lets everybody do what asks for nothing', () => {
    expect(failureOf(() => authorize(principalOf({ verified: undefined }), NOTHING))).toBeUndefined();
  });

  it('requires all scopes, and names them', () => {
    const principal = principalOf({ verified: verifiedToken({ scopes: ['a', 'b'] }) });
    expect(failureOf(() => authorize(principal, { ...NOTHING, scopes: ['a', 'b'] }))).toBeUndefined();
    expect(failureOf(() => authorize(principal, { ...NOTHING, scopes: ['b', 'c'] }))).toEqual({
      status: 403,
      body: {
        error: 'insufficient_scope',
        error_description: 'the access token lacks a required scope',
        scope: 'b c',
      },
      headers: {
        'WWW-Authenticate':
          'Bearer error="insufficient_scope", error_description="the access token lacks a required scope", scope="b c"',
      },
    });
  });

  it('names the settings when the scopes of the access token are not known', () => {
    const principal = principalOf({ verified: undefined });
    expect(failureOf(() => authorize(principal, { ...NOTHING, scopes: ['a'] }))?.body).toEqual({
      error: 'insufficient_scope',
      error_description:
        'the access token is opaque or for another API, so its scopes are not known; request a scope of this API (OPENID_SCOPE, OPENID_AUDIENCE)',
      scope: 'a',
    });
  });

  it('names the setting when no access token is kept', () => {
    const principal = principalOf({ verified: undefined, accessToken: undefined });
    expect(failureOf(() => authorize(principal, { ...NOTHING, scopes: ['a'] }))?.body).toEqual({
      error: 'insufficient_scope',
      error_description: 'no access token is kept, so its scopes are not known: OPENID_REUSE_TOKENS is false',
      scope: 'a',
    });
  });

  it('requires one of the roles', () => {
    const principal = principalOf({ roles: ['reader', 'writer'] });
    expect(failureOf(() => authorize(principal, { ...NOTHING, roles: ['admin', 'writer'] }))).toBeUndefined();
    expect(failureOf(() => authorize(principal, { ...NOTHING, roles: ['admin'] }))).toEqual({
      status: 403,
      body: { error: 'insufficient_scope', error_description: 'a role of the end-user is missing' },
      headers: {
        'WWW-Authenticate': 'Bearer error="insufficient_scope", error_description="a role of the end-user is missing"',
      },
    });
  });

  it.each([[undefined], ['urn:weak'], [['urn:strong']], [5]])('refuses the authentication context %j', (acr) => {
    const principal = principalOf({ claims: { acr } });
    expect(failureOf(() => authorize(principal, { ...NOTHING, acrValues: ['urn:strong', 'undefined'] }))).toEqual({
      status: 401,
      body: {
        error: 'insufficient_user_authentication',
        error_description: 'a different authentication level is required',
      },
      headers: {
        'WWW-Authenticate':
          'Bearer error="insufficient_user_authentication", error_description="a different authentication level is required", acr_values="urn:strong undefined"',
      },
    });
  });

  it('accepts one of the authentication contexts', () => {
    const principal = principalOf({ claims: { acr: 'urn:strong' } });
    expect(
      failureOf(() => authorize(principal, { ...NOTHING, acrValues: ['urn:other', 'urn:strong'] })),
    ).toBeUndefined();
  });
});

describe('requireAnyRole', () => {
  it('asks nobody for a role when none is configured', () => {
    expect(failureOf(() => requireAnyRole(principalOf(), []))).toBeUndefined();
  });

  it('admits an end-user with one of the roles and refuses all others', () => {
    expect(failureOf(() => requireAnyRole(principalOf({ roles: ['b'] }), ['a', 'b']))).toBeUndefined();
    expect(failureOf(() => requireAnyRole(principalOf({ roles: ['c'] }), ['a', 'b']))).toEqual({
      status: 403,
      body: {
        error: 'role_required',
        error_description: 'the end-user has none of the roles that this application requires',
      },
      headers: {},
    });
  });
});

function failureOf(decide: () => void) {
  try {
    decide();
    return undefined;
  } catch (error) {
    if (!(error instanceof OidcException)) throw error;
    return { status: error.getStatus(), body: error.getResponse(), headers: error.headers };
  }
}
