import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { Secret } from '../../src/observability/secret.js';
import { ISSUER, principalOf, verifiedToken } from '../support.js';
import { sessionOf } from './support.js';

describe('Principal', () => {
  it('has the scopes of the verified access token, and none without one', () => {
    expect(principalOf({ verified: verifiedToken({ scopes: ['read', 'write'] }) }).scopes).toEqual(['read', 'write']);
    expect(principalOf({ verified: undefined }).scopes).toEqual([]);
  });

  it('gives its session, its token and what that says to those who ask for them', () => {
    const [session, accessToken, verified] = [sessionOf(), new Secret('the-access-token'), verifiedToken()];
    const principal = principalOf({ session, accessToken, verified });
    expect(principal.session).toBe(session);
    expect(principal.accessToken).toBe(accessToken);
    expect(principal.verifiedAccessToken).toBe(verified);
  });

  it('S12 shows none of these where it is printed', () => {
    const principal = principalOf({
      session: sessionOf(),
      kind: 'bearer',
      tenant: 't',
      roles: ['admin'],
      claims: { a: 1 },
    });
    expect(JSON.parse(JSON.stringify(principal))).toEqual({
      kind: 'bearer',
      issuer: ISSUER,
      subject: 'alice',
      tenant: 't',
      claims: { a: 1 },
      scopes: ['access_user'],
      roles: ['admin'],
      expiresAt: 2_000_000_000,
    });
    expect(inspect(principal, { showHidden: true, depth: Infinity, getters: true })).not.toMatch(
      /(access|refresh)-token/,
    );
  });
});
