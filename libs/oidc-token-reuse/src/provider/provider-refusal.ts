/** A provider's "no": an error response of RFC 6749 section 5.2 or a challenge of RFC 6750 section 3, told apart from "not now". */
import { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import { reasonOf, ReportableError } from '../observability/reason.js';
import { parseJsonObject } from './json.js';
import { LostResponseException } from './provider-fetch.js';

const CODE = /^[a-z0-9_]{1,64}$/;

export interface RefusalDetails {
  /** `claims` (Entra, OpenID Connect Core section 5.5) that a new authorization request has to carry: a JSON object. */
  readonly claims?: string | undefined;
  /** `suberror` (Entra), which is more exact where the error is `invalid_grant`. */
  readonly suberror?: string | undefined;
}

/** What the provider refused, by its standard code. Its free text is kept out, also as a cause: it may name users and repeat tokens. */
export class ProviderRefusal extends ReportableError {
  readonly claims: string | undefined;
  readonly suberror: string | undefined;

  constructor(
    /** `error` of the answer, such as `invalid_grant`; `unknown_error` when it is no plain code. */
    readonly error: string,
    readonly status: number,
    { claims, suberror }: RefusalDetails = {},
  ) {
    super(`the OpenID Provider refused with "${error}"`);
    this.name = 'ProviderRefusal';
    this.claims = claims;
    this.suberror = suberror;
  }
}

/** An answer that came, and must not be believed: about somebody else, or badly signed. The message names the rule. */
export class UnacceptableAnswerError extends ReportableError {
  override readonly name = 'UnacceptableAnswerError';
}

type OwnFailure = ProviderRefusal | ProviderUnavailableException | UnacceptableAnswerError;
const OWN_FAILURES = [ProviderRefusal, ProviderUnavailableException, UnacceptableAnswerError] as const;

/**
 * Turns what a request to the provider threw into a refusal, or into "unavailable" for everything that is neither that nor a fault of the answer.
 */
export function asProviderFailure(error: unknown): OwnFailure {
  const ours = ownFailureWithin(error);
  if (ours !== undefined) return ours;
  if (error instanceof ResponseBodyError) return fromBody(error);
  if (error instanceof WWWAuthenticateChallengeError) return fromChallenge(error);
  if (error instanceof AuthorizationResponseError) return new ProviderRefusal(codeOf(error.error), 400);
  // openid-client's own error has the answer with it, tokens included.
  const cause = new Error(reasonOf(error));
  return new LostResponseException('the OpenID Provider gave an answer that cannot be used', { cause });
}

function fromBody(error: ResponseBodyError): ProviderRefusal {
  const { claims, suberror } = error.cause;
  return new ProviderRefusal(codeOf(error.error), error.status, {
    claims: claimsOf(claims),
    suberror: typeof suberror === 'string' ? codeOf(suberror) : undefined,
  });
}

function fromChallenge(error: WWWAuthenticateChallengeError): ProviderRefusal {
  const { parameters } = error.cause[0] ?? {};
  return new ProviderRefusal(codeOf(parameters?.error ?? ''), error.status);
}

/** openid-client wraps what its fetch throws. */
function ownFailureWithin(error: unknown): OwnFailure | undefined {
  let current = error;
  for (let depth = 0; depth < 4 && current instanceof Error; depth += 1) {
    if (OWN_FAILURES.some((Failure) => current instanceof Failure)) return current as OwnFailure; // just found out
    current = current.cause;
  }
  return undefined;
}

function codeOf(error: string): string {
  return CODE.test(error) ? error : 'unknown_error';
}

const MAX_CLAIMS_LENGTH = 4096;

/** A JSON object as text, within bounds; anything else asks for nothing. */
function claimsOf(claims: unknown): string | undefined {
  if (typeof claims !== 'string' || claims.length > MAX_CLAIMS_LENGTH) return undefined;
  try {
    parseJsonObject(claims);
    return claims;
  } catch {
    // Not what a client could send on.
    return undefined;
  }
}
