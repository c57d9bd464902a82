/** Tells failed requests apart: may the provider have acted on it, and when does it want to be asked again? */
import { ProviderUnavailableException } from '../errors/exceptions.js';

/** The longest `Retry-After` that is believed, in seconds. */
const MAX_RETRY_AFTER = 120;

/** One request to the provider that brought nothing. */
abstract class RequestFailure extends ProviderUnavailableException {
  /** Seconds the provider asked to be left alone for, with `Retry-After`; 0 when it did not say. */
  readonly requestedWait: number;

  constructor(description: string, options: { readonly cause?: unknown; readonly retryAfter?: number | undefined } = {}) {
    super(description, options);
    this.requestedWait = options.retryAfter ?? 0;
  }
}

/** A request that may have been processed although no usable answer came back. */
export class LostResponseException extends RequestFailure {}

/** An answer of a provider that is well and says that it did not serve the request. */
export class RefusedAnswerException extends RequestFailure {}

/** Seconds for which the provider asked not to be asked again; 0 when it did not. */
export function requestedWait(error: unknown): number {
  return error instanceof RequestFailure ? error.requestedWait : 0;
}

/** `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3), at least 1 and at most 120 seconds; undefined when it says neither. */
export function retryAfterOf(response: Response, nowMillis: number): number | undefined {
  const value = response.headers.get('retry-after');
  if (value === null) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - nowMillis) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 1), MAX_RETRY_AFTER);
}

/** Codes that prove that no request reached the provider: no address, no connection, or a certificate that was not accepted. */
const NEVER_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_CERT_ALTNAME_INVALID|CERT_[A-Z_]+|UNABLE_TO_[A-Z_]+|(DEPTH_ZERO_)?SELF_SIGNED_CERT[A-Z_]*)$/;

/** What `fetch` threw, as a failure of ours. When in doubt the request was processed. */
export function transportFailure(error: unknown): ProviderUnavailableException {
  if (error instanceof ProviderUnavailableException) return error;
  const description = 'the OpenID Provider did not answer';
  return NEVER_SENT.test(codeOf(error))
    ? new ProviderUnavailableException(description, { cause: error })
    : new LostResponseException(description, { cause: error });
}

/** `fetch` wraps the failure of the connection. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  return typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : '';
}
