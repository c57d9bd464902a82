/** Reads what the wire says about a request beyond its status: whether it was sent at all, and when the provider wants to be asked again. */
import { isJsonObject } from './json.js';

/** The longest `Retry-After` that is believed, in seconds. */
const MAX_RETRY_AFTER = 120;

/** `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3), at least 1 and at most 120 seconds; undefined when it says neither. */
export function retryAfterOf(response: Response, nowMillis: number): number | undefined {
  const value = response.headers.get('retry-after');
  if (value === null) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - nowMillis) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 1), MAX_RETRY_AFTER);
}

/** Codes of failures that come before a request: no address, no connection, or a certificate that was not accepted. */
const BEFORE_SENDING =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_CERT_ALTNAME_INVALID|CERT_[A-Z_]+|UNABLE_TO_[A-Z_]+|(DEPTH_ZERO_)?SELF_SIGNED_CERT[A-Z_]*)$/;

/** True for what `fetch` throws when no byte of the request can have reached the provider. */
export function wasNeverSent(error: unknown): boolean {
  if (!isJsonObject(error)) return false;
  // `fetch` wraps the failure of the connection.
  const failure = error['cause'] ?? error;
  return isJsonObject(failure) && typeof failure['code'] === 'string' && BEFORE_SENDING.test(failure['code']);
}
