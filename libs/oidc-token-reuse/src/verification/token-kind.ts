/** Tells the kinds of token apart by what they say of themselves (RFC 8725 section 3.12): each entry point takes its own kind and no other. */
import type { JsonObject } from '../provider/json.js';
import { audiencesOf, UnacceptableClaimError } from './claims.js';
import type { VerifiedJws } from './verified-token.cache.js';

type Described = Pick<VerifiedJws, 'type' | 'claims'>;

/** RFC 9068 section 2.1. */
const ACCESS_TOKEN_TYPE = 'at+jwt';
/** Older providers leave `typ` out or write `JWT`, for every kind. */
const UNTYPED: readonly (string | undefined)[] = ['jwt', undefined];
/** Claims of ID Tokens, logout tokens and security events. */
const NOT_IN_ACCESS_TOKENS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events'] as const;
/** Claims about what a client may do: RFC 9068 section 2.2, and what Entra, AD FS, Okta and Auth0 have in their place. */
const ONLY_IN_ACCESS_TOKENS = ['scope', 'scp', 'client_id', 'appid', 'azpacr', 'cid', 'gty'] as const;
/** Kinds that Keycloak names in a claim `typ`. */
const NEITHER_KIND = ['refresh', 'offline', 'logout', 'initialaccesstoken', 'registrationaccesstoken'] as const;
const NO_ACCESS_TOKEN = ['id', ...NEITHER_KIND];
const NO_ID_TOKEN = ['bearer', 'dpop', ...NEITHER_KIND];
const BEARER = ['bearer'];

/**
 * Requires an access token. One that does not have its type must show in its claims that it is one, since an ID Token that leaves all its optional
 * claims out would otherwise pass for it.
 */
export function requireAccessToken({ type, claims }: Described): void {
  if (type !== ACCESS_TOKEN_TYPE && !UNTYPED.includes(type)) refuse('typ', 'access token');
  if (isNamed(claims, NO_ACCESS_TOKEN)) refuse('typ', 'access token');
  if (!isOfUse(claims, 'access')) refuse('token_use', 'access token');
  for (const name of NOT_IN_ACCESS_TOKENS) if (name in claims) refuse(name, 'access token');
  if (type !== ACCESS_TOKEN_TYPE && !showsAccess(claims)) refuse('typ', 'access token that says so');
}

/** Requires an ID Token that the provider sent us. */
export function requireIdToken({ type, claims }: Described): void {
  if (!UNTYPED.includes(type)) refuse('typ', 'ID Token');
  if (isNamed(claims, NO_ID_TOKEN)) refuse('typ', 'ID Token');
  if (!isOfUse(claims, 'id')) refuse('token_use', 'ID Token');
  if ('events' in claims) refuse('events', 'ID Token');
}

/** Requires an ID Token that a caller presented, which an access token must not pass for. */
export function requirePresentedIdToken(token: Described): void {
  requireIdToken(token);
  for (const name of ONLY_IN_ACCESS_TOKENS) if (name in token.claims) refuse(name, 'ID Token');
}

/** The party an ID Token was issued to is one of its audiences (OpenID Connect Core section 2); that of an access token is the client, which is not. */
function showsAccess(claims: JsonObject): boolean {
  const { azp } = claims;
  if (isNamed(claims, BEARER) || claims['token_use'] === 'access') return true;
  if (ONLY_IN_ACCESS_TOKENS.some((name) => name in claims)) return true;
  return typeof azp === 'string' && !audiencesOf(claims).includes(azp);
}

function isNamed({ typ }: JsonObject, kinds: readonly string[]): boolean {
  return typeof typ === 'string' && kinds.includes(typ.toLowerCase());
}

/** Cognito. */
function isOfUse({ token_use: use }: JsonObject, expected: string): boolean {
  return use === undefined || use === expected;
}

function refuse(claim: string, kind: string): never {
  throw new UnacceptableClaimError(claim, `the token is no ${kind}`);
}
