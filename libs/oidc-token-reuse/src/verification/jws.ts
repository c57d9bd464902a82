/** Takes a compact JWS apart without believing it (RFC 7515 section 7.1, RFC 8725 section 3). */
import { ReportableError } from '../observability/reason.js';
import { parseJsonObject, type JsonObject } from '../provider/json.js';
import type { JwsHeader, JwsHeaders } from './jws-headers.js';

/** Replacement characters would make different bytes one claim. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Longer tokens do not fit into the request headers that common servers accept. */
export const MAX_BEARER_LENGTH = 16_384;
/** An ID Token comes by the back channel and may list many groups. */
export const MAX_ID_TOKEN_LENGTH = 65_536;

/** Where a segment is decoded to see how it is written: a buffer for each would keep the garbage collector busy. */
const scratch = Buffer.alloc(MAX_ID_TOKEN_LENGTH);

/** What a token says of itself. Nothing in here is verified. */
export interface UnverifiedJws extends JwsHeader {
  /** The segments as written. */
  readonly protectedHeader: string;
  readonly payload: string;
  readonly signature: string;
}

/** A token that is no acceptable JWS. The message names the rule, never the token. */
export class MalformedTokenError extends ReportableError {
  override readonly name: string = 'MalformedTokenError';
}

/**
 * Splits a compact JWS, and reads its header. Checked: length, three segments, and the header as `JwsHeaders` says. Not checked: payload and signature.
 *
 * @throws MalformedTokenError
 */
export function readJws(token: string, maxLength: number, headers: JwsHeaders): UnverifiedJws {
  if (token.length > maxLength) throw new MalformedTokenError('the token is too long');
  const first = token.indexOf('.');
  const second = token.indexOf('.', first + 1);
  if (first < 1 || second < 0 || token.includes('.', second + 1))
    throw new MalformedTokenError('the token has not three parts');
  const protectedHeader = token.slice(0, first);
  const { algorithm, kid, type, header } = headers.of(protectedHeader);
  const [payload, signature] = [token.slice(first + 1, second), token.slice(second + 1)];
  return { algorithm, kid, type, header, protectedHeader, payload, signature };
}

/**
 * The bytes of a segment, until another segment is looked at. It has to be base64url in its one spelling: stray bits or characters would let the same
 * token appear under many (RFC 4648 section 3.5).
 *
 * @throws MalformedTokenError
 */
export function canonicalBytes(segment: string, what = 'a part of the token'): Buffer {
  const length = scratch.write(segment, 'base64url');
  if (length === 0 || scratch.toString('base64url', 0, length) !== segment)
    throw new MalformedTokenError(`${what} is not base64url`);
  return scratch.subarray(0, length);
}

/** Last digits that leave no bit over, by how many digits stand behind the last four that make whole bytes. */
const LAST_DIGITS = ['', '', 'AQgw', 'AEIMQUYcgkosw048'] as const;

/**
 * As `canonicalBytes`, for a segment that jose decodes too: it passes nothing over but white space, padding and stray bits, so that it is enough to count.
 *
 * @param byteLength How many bytes the segment has.
 * @throws MalformedTokenError
 */
export function assertNothingOver(segment: string, byteLength: number, what = 'a part of the token'): void {
  const over = segment.length % 4;
  const isWhole = byteLength > 0 && byteLength === Math.floor((segment.length * 3) / 4);
  if (!isWhole || (over > 0 && LAST_DIGITS[over]?.includes(segment.slice(-1)) !== true))
    throw new MalformedTokenError(`${what} is not base64url`);
}

/** How many bytes a segment has; what is no digit counts for nothing. */
export function byteLengthOf(segment: string): number {
  return scratch.write(segment, 'base64url');
}

/**
 * The JSON object in UTF-8 that a header or payload is, frozen.
 *
 * @throws MalformedTokenError also for a repeated member
 */
export function objectOf(bytes: Uint8Array): JsonObject {
  try {
    return parseJsonObject(utf8.decode(bytes));
  } catch (error) {
    throw new MalformedTokenError('a part of the token is no JSON object', { cause: error });
  }
}

/** True for a string that looks like a compact JWS, whatever it contains. */
export function looksLikeJws(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
}
