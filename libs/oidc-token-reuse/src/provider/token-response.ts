/** Reads a token endpoint response (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3) without losing what it carries. */
import type { JsonObject } from './json.js';

/** What the provider granted. Values that are absent or make no sense are undefined: a rotated refresh token must not be lost over them. */
export interface TokenResponse {
  readonly accessToken: string;
  /** Seconds from now; undefined when `expires_in` is missing or not a positive number. */
  readonly expiresIn: number | undefined;
  readonly refreshToken: string | undefined;
  /** Seconds from now (`refresh_expires_in` of Keycloak, `refresh_token_expires_in` of others); undefined when unknown. */
  readonly refreshExpiresIn: number | undefined;
  readonly idToken: string | undefined;
  /** Granted scope as sent, space separated. */
  readonly scope: string | undefined;
}

/** Reads the members this library uses. Only `access_token` is required, and openid-client has checked that one. */
export function readTokenResponse(accessToken: string, body: JsonObject): TokenResponse {
  return {
    accessToken,
    expiresIn: positiveSeconds(body['expires_in']),
    refreshToken: tokenOf(body['refresh_token']),
    refreshExpiresIn: positiveSeconds(body['refresh_expires_in'] ?? body['refresh_token_expires_in']),
    idToken: nonEmpty(body['id_token']),
    scope: nonEmpty(body['scope']),
  };
}

/** A token as the standard has them (RFC 6749 appendices A.12, A.17): no other could be kept and sent as it came. */
export function tokenOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x20-\x7e]+$/.test(value) ? value : undefined;
}

/** Ten years: what lives longer lives as long as our own limits say. */
const MAX_SECONDS = 315_360_000;

function positiveSeconds(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 1) return undefined;
  return Math.min(Math.floor(seconds), MAX_SECONDS);
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
