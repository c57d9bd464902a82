import { describe, expect, it } from '@jest/globals';
import { OidcException } from '../../src/errors/oidc.exception.js';
import { Secret } from '../../src/observability/secret.js';
import { assertionOf, type AssertionPolicy } from '../../src/on-behalf-of/assertion.js';
import type { PrincipalParts } from '../../src/session/principal.js';
import type { VerifiedAccessToken } from '../../src/verification/access-token.verifier.js';
import { principalOf, verifiedToken } from '../support.js';

const NOW = 1_700_000_000;
const OPTIONS = { reuseTokens: true, reusedToken: 'access_token', onBehalfOfFlavour: 'token-exchange' } as const;

const codeOf = (parts: Partial<PrincipalParts>, options: Partial<AssertionPolicy['options']> = {}) => {
  try {
    assertionOf(principalOf(parts), { options: { ...OPTIONS, ...options }, now: NOW });
    return undefined;
  } catch (error) {
    if (error instanceof OidcException) return [error.getStatus(), error.code, error.message];
    throw error;
  }
};
const withVerified = (parts: Partial<VerifiedAccessToken>) => ({ verified: verifiedToken(parts) });

describe('assertionOf', () => {
  it('is the verified access token of the end-user', () => {
    const verified = verifiedToken();
    const principal = principalOf({ accessToken: new Secret('token'), verified });
    expect(assertionOf(principal, { options: OPTIONS, now: NOW })).toEqual({ token: 'token', verified });
  });

  it('R7 refuses everything when tokens are not reused', () => {
    expect(codeOf({}, { reuseTokens: false })).toEqual([
      403,
      'token_reuse_disabled',
      'this application keeps no tokens: OPENID_REUSE_TOKENS is false',
    ]);
  });

  it('R7 refuses an ID Token (AADSTS240002)', () => {
    expect(codeOf({}, { reusedToken: 'id_token' })).toEqual([
      403,
      'token_not_reusable',
      'an ID Token is never exchanged for another token: OPENID_REUSED_TOKEN is id_token, and on-behalf-of needs access_token',
    ]);
  });

  it.each([
    ['an opaque token, or one of another API (AADSTS50013)', { verified: undefined }],
    ['no token', { accessToken: undefined }],
  ])('R7 refuses %s', (_what, parts) => {
    expect(codeOf(parts)).toEqual([
      403,
      'token_not_reusable',
      'the access token is not one of this API; request a scope of it (OPENID_SCOPE) and name its audience (OPENID_AUDIENCE)',
    ]);
  });

  it.each<[string, Partial<VerifiedAccessToken>, AssertionPolicy['options']['onBehalfOfFlavour']]>([
    ['idtyp', { claims: { idtyp: 'app' } }, 'entra'],
    ['client_id', { subject: 'client', claims: { client_id: 'client' } }, 'token-exchange'],
    ['azp', { subject: 'client', claims: { azp: 'client' } }, 'token-exchange'],
    ['the absence of scp', { scopes: [] }, 'entra'],
  ])("R7 refuses an application's own token, known by %s", (_sign, parts, onBehalfOfFlavour) => {
    expect(codeOf(withVerified(parts), { onBehalfOfFlavour })).toEqual([
      403,
      'token_not_reusable',
      'the token is an application token, not of an end-user',
    ]);
  });

  it('accepts a token without scopes from a provider that need not name them', () => {
    expect(codeOf(withVerified({ scopes: [] }))).toBeUndefined();
  });

  it('R7 refuses a token that expired since the request began, to the second', () => {
    expect(codeOf(withVerified({ expiresAt: NOW }))).toEqual([401, 'invalid_token', 'the access token has expired']);
    expect(codeOf(withVerified({ expiresAt: NOW + 1 }))).toBeUndefined();
  });
});
