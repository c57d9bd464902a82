/** Rules for the claims that every token has in common (RFC 7519 section 4.1, OpenID Connect Core section 3.1.3.7). Pure: claims in, or throw. */
import { ReportableError } from '../observability/reason.js';
import { isStringList, type JsonObject } from '../provider/json.js';

/** No token lives longer than this many seconds (400 days): an `exp` beyond it is a mistake or an attack. */
const MAX_LIFETIME = 34_560_000;
const MAX_SUBJECT_LENGTH = 255;

/** A verified token whose claims are not acceptable. The message names the claim, never its value. */
export class UnacceptableClaimError extends ReportableError {
  override readonly name = 'UnacceptableClaimError';

  constructor(
    /** Name of the claim. */
    readonly claim: string,
    message: string,
  ) {
    super(message);
  }
}

/** When a token may be used, in epoch seconds. */
export interface TokenTimes {
  readonly expiresAt: number;
  readonly notBefore: number | undefined;
  readonly issuedAt: number | undefined;
}

export interface TimePolicy {
  /** Epoch seconds. */
  readonly now: number;
  /** Seconds. */
  readonly clockTolerance: number;
}

/** A token that is well but for its times: what a clock that was set, here or there, makes of a good one. */
export class MistimedTokenError extends UnacceptableClaimError {}

/** A token that is only expired: it was good, and a newer one may be. */
export class ExpiredTokenError extends MistimedTokenError {}

export function unexpected(claim: string, what = 'unexpected'): never {
  throw new UnacceptableClaimError(claim, `${what} "${claim}" claim value`);
}

/**
 * Requires `exp`, and validates `exp`, `nbf` and `iat`.
 *
 * @throws ExpiredTokenError when only `exp` has passed, MistimedTokenError when another time is still to come
 */
export function validateTimes(claims: JsonObject, policy: TimePolicy): TokenTimes {
  const times = {
    expiresAt: numericDate(claims, 'exp') ?? unexpected('exp', 'missing'),
    notBefore: numericDate(claims, 'nbf'),
    issuedAt: numericDate(claims, 'iat'),
  };
  const fault = faultOfTimes(times, policy);
  if (fault !== undefined) throw fault;
  return times;
}

/** What is wrong with the times of a token by now, if anything. */
export function faultOfTimes(times: TokenTimes, { now, clockTolerance }: TimePolicy): MistimedTokenError | undefined {
  const { expiresAt, notBefore, issuedAt } = times;
  if (expiresAt > now + MAX_LIFETIME) return mistimed('exp', 'too distant');
  if (notBefore !== undefined && notBefore > now + clockTolerance) return mistimed('nbf', 'future');
  if (issuedAt !== undefined && issuedAt > now + clockTolerance) return mistimed('iat', 'future');
  return expiresAt <= now - clockTolerance ? new ExpiredTokenError('exp', 'the token has expired') : undefined;
}

function mistimed(claim: string, what: string): MistimedTokenError {
  return new MistimedTokenError(claim, `${what} "${claim}" claim value`);
}

/** A NumericDate in whole seconds, if the claim is there (RFC 7519 section 2). */
export function numericDate(claims: JsonObject, name: string): number | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  if (!isWholeSeconds(value)) unexpected(name, 'malformed');
  return value;
}

function isWholeSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** The subject identifier (OpenID Connect Core section 2: at most 255 ASCII characters). */
export function subjectOf(claims: JsonObject): string {
  const { sub } = claims;
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT_LENGTH)
    unexpected('sub', 'missing or malformed');
  return sub;
}

/** The values of `aud`, which is one string or a list of strings (RFC 7519 section 4.1.3). */
export function audiencesOf(claims: JsonObject): readonly string[] {
  const { aud } = claims;
  if (typeof aud === 'string') return [aud];
  if (!isStringList(aud) || aud.length === 0) unexpected('aud', 'missing or malformed');
  return aud;
}

/** Requires at least one value of `aud` to be exactly one of ours, and gives it. */
export function validateAudience(claims: JsonObject, accepted: readonly string[]): string {
  for (const value of audiencesOf(claims)) if (accepted.includes(value)) return value;
  return unexpected('aud');
}

/** An optional string claim. */
export function stringClaim(claims: JsonObject, name: string): string | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string') unexpected(name, 'malformed');
  return value;
}
