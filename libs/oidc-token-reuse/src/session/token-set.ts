/** The tokens of one grant, with absolute times. */
import type { Clock } from '../clock.js';
import { Secret } from '../observability/secret.js';
import { isJsonObject } from '../provider/json.js';
import type { TokenResponse } from '../provider/token-response.js';

export interface TokenSet {
  /** Absent when tokens are not reused: the session then holds the identity only. */
  readonly accessToken: Secret | undefined;
  /** Epoch seconds of the response that brought the access token. */
  readonly issuedAt: number;
  /** Epoch seconds at which the access token is no longer used. */
  readonly expiresAt: number;
  readonly refreshToken: Secret | undefined;
  /** Epoch seconds, where the provider says it. */
  readonly refreshExpiresAt: number | undefined;
  readonly idToken: Secret;
  /** Granted scope, space separated, where the provider says it. */
  readonly scope: string | undefined;
}

/** Seconds an access token is taken to live when neither `expires_in` nor its own `exp` says it (an hour is what most providers give). */
const DEFAULT_LIFETIME = 3600;

/**
 * The token set of a token endpoint response. What the provider leaves out stays as it was: the refresh token (RFC 6749 section 6) and the
 * ID Token (OpenID Connect Core section 12.2).
 */
export function toTokenSet(response: TokenResponse & { readonly idToken: string }, clock: Clock): TokenSet {
  const issuedAt = clock.now();
  return {
    accessToken: new Secret(response.accessToken),
    issuedAt,
    expiresAt: expiryOf(response, issuedAt),
    refreshToken: response.refreshToken === undefined ? undefined : new Secret(response.refreshToken),
    refreshExpiresAt: response.refreshExpiresIn === undefined ? undefined : issuedAt + response.refreshExpiresIn,
    idToken: new Secret(response.idToken),
    scope: response.scope,
  };
}

/** `expires_in`, else the token's own `exp`, else an hour. Never the ID Token's `exp`, which is about the login. */
function expiryOf({ expiresIn, accessToken }: TokenResponse, issuedAt: number): number {
  if (expiresIn !== undefined) return issuedAt + expiresIn;
  const exp = peekClaims(accessToken)?.['exp'];
  const end = typeof exp === 'number' ? Math.floor(exp) : Number.NaN;
  return Number.isFinite(end) && end > issuedAt ? end : issuedAt + DEFAULT_LIFETIME;
}

/** The claims of a JWT without verification: for tokens that were verified before, or whose claims decide nothing. */
export function peekClaims(token: string): Readonly<Record<string, unknown>> | undefined {
  const payload = token.split('.')[1];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return isJsonObject(claims) ? claims : undefined;
  } catch {
    // Opaque to us.
    return undefined;
  }
}
