/** Verifies access tokens that this provider issued: subject tokens of an exchange, tokens for the Graph-like API. */
import { createLocalJWKSet, errors, jwtVerify, type JWTPayload } from 'jose';
import type { ProviderParts } from '../engine/provider-parts.js';

/** The token is not one the endpoint takes; the message says why, without the token. */
export class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError';
}

/** Claims of a verified access token. */
export type AccessTokenClaims = JWTPayload & { sub: string; jti: string };

/**
 * Verifies signature, `typ`, issuer, audience and expiry of an access token, by the provider's own (skewed) clock.
 * Whether its grant still lives is for the caller to ask.
 * @throws TokenRefusedError
 */
export async function readAccessToken(
  parts: ProviderParts,
  token: string,
  audience: string,
): Promise<AccessTokenClaims> {
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(parts.keys.publicJwks()), {
      issuer: parts.issuer,
      audience,
      typ: 'at+jwt',
      requiredClaims: ['sub', 'jti', 'exp'],
      currentDate: new Date(Date.now() + parts.clock.skew * 1000),
    });
    return { ...payload, sub: String(payload.sub), jti: String(payload.jti) };
  } catch (cause) {
    if (!(cause instanceof errors.JOSEError)) throw cause;
    throw new TokenRefusedError(`the token is not a live access token for this audience (${cause.code})`, { cause });
  }
}
