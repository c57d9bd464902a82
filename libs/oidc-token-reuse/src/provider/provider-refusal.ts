/** A provider's "no": an error response of RFC 6749 section 5.2 or a challenge of RFC 6750 section 3, told apart from "not now". */
import { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import { isJsonObject } from './json.js';
import { LostResponseException } from './provider-fetch.js';

const CODE = /^[a-z0-9_]{1,64}$/;

/** What the provider refused, by its standard code. Its free text is kept out: it may name users. */
export class ProviderRefusal extends Error {
  constructor(
    /** `error` of the answer, such as `invalid_grant`; `unknown_error` when it is no plain code. */
    readonly error: string,
    readonly status: number,
    /** `claims` (Entra, OpenID Connect Core section 5.5) that a new authorization request has to carry. */
    readonly claims: string | undefined,
    cause: unknown,
  ) {
    super(`the OpenID Provider refused with "${error}"`, { cause });
    this.name = 'ProviderRefusal';
  }
}

/** An answer that came, and must not be believed: about somebody else, or badly signed. The message names the rule. */
export class UnacceptableAnswerError extends Error {
  override readonly name = 'UnacceptableAnswerError';
}

/**
 * Turns what a request to the provider threw into a refusal, or into "unavailable" for everything that is neither that nor a fault of the answer.
 */
export function asProviderFailure(
  error: unknown,
): ProviderRefusal | ProviderUnavailableException | UnacceptableAnswerError {
  const ours = ownFailureWithin(error);
  if (ours !== undefined) return ours;
  if (error instanceof ResponseBodyError)
    return new ProviderRefusal(codeOf(error.error), error.status, claimsOf(error.cause), error);
  if (error instanceof WWWAuthenticateChallengeError) return fromChallenge(error);
  if (error instanceof AuthorizationResponseError)
    return new ProviderRefusal(codeOf(error.error), 400, undefined, error);
  return new LostResponseException('the OpenID Provider gave an answer that cannot be used', { cause: error });
}

function fromChallenge(error: WWWAuthenticateChallengeError): ProviderRefusal {
  const { parameters } = error.cause[0] ?? {};
  return new ProviderRefusal(codeOf(parameters?.error ?? ''), error.status, parameters?.['claims'], error);
}

/** openid-client wraps what its fetch throws. */
function ownFailureWithin(error: unknown): ProviderUnavailableException | UnacceptableAnswerError | undefined {
  let current = error;
  for (let depth = 0; depth < 4 && current instanceof Error; depth += 1) {
    if (current instanceof ProviderUnavailableException || current instanceof UnacceptableAnswerError) return current;
    current = current.cause;
  }
  return undefined;
}

function codeOf(error: string): string {
  return CODE.test(error) ? error : 'unknown_error';
}

const MAX_CLAIMS_LENGTH = 4096;

function claimsOf(body: unknown): string | undefined {
  const claims = isJsonObject(body) ? body['claims'] : undefined;
  return typeof claims === 'string' && claims.length <= MAX_CLAIMS_LENGTH ? claims : undefined;
}
