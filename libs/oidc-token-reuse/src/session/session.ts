/** The authentication state of one browser: who signed in, when, and the provider's tokens. */
import { randomBytes } from 'node:crypto';
import type { OidcOptions } from '../config/options.js';
import type { JsonObject } from '../provider/json.js';
import { peekClaims, type TokenSet } from './token-set.js';

export interface Session {
  /** Random, renewed at every login; the key of tombstones and leases. */
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  readonly tenant: string | undefined;
  /** `sid` of the provider's session, from the ID Token of the login. */
  readonly providerSessionId: string | undefined;
  /** Epoch milliseconds at which the login began. */
  readonly startedAt: number;
  /** Epoch seconds of the last login or refresh: the idle limit counts from here. */
  readonly renewedAt: number;
  /** How many times the token set was renewed. */
  readonly generation: number;
  readonly tokens: TokenSet;
  /** Claims of the ID Token, which was verified when it came. */
  readonly claims: JsonObject;
}

export const SESSION_ID_BYTES = 16;

export function newSessionId(): string {
  return randomBytes(SESSION_ID_BYTES).toString('base64url');
}

type Lifetimes = Pick<OidcOptions, 'sessionAbsoluteLifetime' | 'sessionIdleLifetime' | 'reuseTokens'>;

/**
 * Epoch seconds at which a session ends: the least of the absolute limit, the idle limit, and what the provider says (life of the refresh token,
 * the `session_expiry` claim of the IPSIE profile, and the access token's end where nothing can renew it).
 */
export function sessionExpiresAt(session: Session, lifetimes: Lifetimes): number {
  const { tokens, claims, startedAt, renewedAt } = session;
  const limits = [
    Math.floor(startedAt / 1000) + lifetimes.sessionAbsoluteLifetime,
    renewedAt + lifetimes.sessionIdleLifetime,
  ];
  if (tokens.refreshExpiresAt !== undefined) limits.push(tokens.refreshExpiresAt);
  if (lifetimes.reuseTokens && tokens.refreshToken === undefined) limits.push(tokens.expiresAt);
  const ceiling = claims['session_expiry'];
  if (typeof ceiling === 'number' && Number.isFinite(ceiling)) limits.push(Math.floor(ceiling));
  return Math.min(...limits);
}

/** True for a session of a tenant that may sign in, where the provider has tenants: the list may have become shorter since. */
export function isOfTenant({ tenant }: Session, allowed: readonly string[]): boolean {
  return allowed.length === 0 || (tenant !== undefined && allowed.includes(tenant));
}

/** Claims of the ID Token that are about the protocol, not about the end-user. */
const PROTOCOL_CLAIMS: ReadonlySet<string> = new Set([
  ...['iss', 'aud', 'azp', 'exp', 'iat', 'nbf', 'jti', 'nonce', 'at_hash', 'c_hash', 's_hash', 'sid', 'typ'],
  // Entra
  ...['uti', 'rh', 'aio', 'ver'],
]);

/** What the ID Token says about the end-user. */
export function identityClaims(claims: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !PROTOCOL_CLAIMS.has(name)));
}

/** The claims of a session's ID Token. */
export function claimsOf(tokens: TokenSet): JsonObject {
  return peekClaims(tokens.idToken.reveal()) ?? {};
}

/** A session that holds the identity only: the ID Token stays, for the logout. */
export function withoutTokens(
  session: Session,
  { sessionAbsoluteLifetime }: Pick<OidcOptions, 'sessionAbsoluteLifetime'>,
): Session {
  const { idToken, issuedAt } = session.tokens;
  const expiresAt = issuedAt + sessionAbsoluteLifetime;
  return {
    ...session,
    tokens: {
      idToken,
      issuedAt,
      expiresAt,
      accessToken: undefined,
      refreshToken: undefined,
      refreshExpiresAt: undefined,
      scope: undefined,
    },
  };
}
