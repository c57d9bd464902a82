/** Takes a compact JWS apart without believing it (RFC 7515 section 7.1, RFC 8725 section 3). */
import { ReportableError } from '../observability/reason.js';
import { parseJsonObject, type JsonObject } from '../provider/json.js';
import { MAX_KID_LENGTH, SIGNING_ALGORITHMS, type SigningAlgorithm } from '../provider/jwk-set.js';

/** Replacement characters would make different bytes one claim. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Longer tokens do not fit into the request headers that common servers accept. */
export const MAX_BEARER_LENGTH = 16_384;
/** An ID Token comes by the back channel and may list many groups. */
export const MAX_ID_TOKEN_LENGTH = 65_536;

/** Where a segment is decoded to see how it is written: a buffer for each would keep the garbage collector busy. */
const scratch = Buffer.alloc(MAX_ID_TOKEN_LENGTH);

/** What the header of a token says. */
export interface JwsHeader {
  readonly algorithm: SigningAlgorithm;
  readonly kid: string | undefined;
  /** `typ` in lower case, without `application/`. */
  readonly type: string | undefined;
  readonly header: JsonObject;
}

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
 * Splits a compact JWS and reads its header. Checked: length, three segments, and of the header that it is canonical base64url of a JSON object in UTF-8
 * without repeated members, with an asymmetric algorithm of the allow-list, no `crit`, and a sane `kid`. Not checked: payload and signature.
 *
 * @param known Headers of tokens that were well signed, by their segment: most tokens of a provider have the same.
 * @throws MalformedTokenError
 */
export function readJws(
  token: string,
  maxLength: number,
  known?: { get(segment: string): JwsHeader | undefined },
): UnverifiedJws {
  assertLength(token, maxLength);
  const first = token.indexOf('.');
  const second = token.indexOf('.', first + 1);
  if (first < 1 || second < 0 || token.includes('.', second + 1))
    throw new MalformedTokenError('the token has not three parts');
  const protectedHeader = token.slice(0, first);
  const { algorithm, kid, type, header } = known?.get(protectedHeader) ?? headerOf(protectedHeader);
  const [payload, signature] = [token.slice(first + 1, second), token.slice(second + 1)];
  return { algorithm, kid, type, header, protectedHeader, payload, signature };
}

/**
 * Requires a segment to be base64url in its one spelling: stray bits or characters would let the same token appear under many (RFC 4648 section 3.5).
 *
 * @throws MalformedTokenError
 */
export function assertCanonical(segment: string, what = 'a part of the token'): void {
  const length = scratch.write(segment, 'base64url');
  if (length === 0 || scratch.toString('base64url', 0, length) !== segment)
    throw new MalformedTokenError(`${what} is not base64url`);
}

/**
 * The JSON object in UTF-8 that a header or payload is.
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

/** Comes before everything else that is done to a token. */
export function assertLength(token: string, maxLength: number): void {
  if (token.length > maxLength) throw new MalformedTokenError('the token is too long');
}

/** True for a string that looks like a compact JWS, whatever it contains. */
export function looksLikeJws(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
}

function headerOf(segment: string): JwsHeader {
  assertCanonical(segment);
  return readHeader(objectOf(Buffer.from(segment, 'base64url')));
}

function readHeader(header: JsonObject): JwsHeader {
  const { alg, kid, typ } = header;
  if ('crit' in header || 'b64' in header)
    throw new MalformedTokenError('the header has critical extensions, and none is understood');
  if (!isSigningAlgorithm(alg)) throw new MalformedTokenError('the algorithm is not allowed');
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH))
    throw new MalformedTokenError('"kid" is no short string');
  if (typ !== undefined && typeof typ !== 'string') throw new MalformedTokenError('"typ" is no string');
  return { algorithm: alg, kid, type: typ?.toLowerCase().replace(/^application\//, ''), header };
}

function isSigningAlgorithm(value: unknown): value is SigningAlgorithm {
  const known: readonly unknown[] = SIGNING_ALGORITHMS;
  return known.includes(value);
}
