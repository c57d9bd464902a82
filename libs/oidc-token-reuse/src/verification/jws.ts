/** Takes a compact JWS apart without believing it (RFC 7515 section 7.1, RFC 8725 section 3). */
import { isAscii } from 'node:buffer';
import { ReportableError } from '../observability/reason.js';
import { parseJsonObject, type JsonObject } from '../provider/json.js';
import { MAX_KID_LENGTH, SIGNING_ALGORITHMS, type SigningAlgorithm } from '../provider/jwk-set.js';

/** Longer tokens do not fit into the request headers that common servers accept. */
export const MAX_BEARER_LENGTH = 16_384;
/** An ID Token comes by the back channel and may list many groups. */
export const MAX_ID_TOKEN_LENGTH = 65_536;

/** What a token says of itself. Nothing in here is verified. */
export interface UnverifiedJws {
  readonly algorithm: SigningAlgorithm;
  readonly kid: string | undefined;
  /** `typ` in lower case, without `application/`. */
  readonly type: string | undefined;
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/** A token that is no acceptable JWS. The message names the rule, never the token. */
export class MalformedTokenError extends ReportableError {
  override readonly name: string = 'MalformedTokenError';
}

/**
 * Splits and decodes a compact JWS. Checked: length, three canonical base64url segments, JSON objects in UTF-8 without repeated members, an
 * asymmetric algorithm of the allow-list, no `crit`, a sane `kid`. Not checked: the signature and every claim.
 *
 * @throws MalformedTokenError
 */
export function parseJws(token: string, maxLength: number): UnverifiedJws {
  assertLength(token, maxLength);
  const first = token.indexOf('.');
  const second = token.indexOf('.', first + 1);
  if (first < 1 || second < 0 || token.includes('.', second + 1))
    throw new MalformedTokenError('the token has not three parts');
  if (bytesOf(token.slice(second + 1)) === undefined) throw new MalformedTokenError('the signature is not base64url');
  const header = decode(token.slice(0, first));
  const claims = decode(token.slice(first + 1, second));
  const { algorithm, kid, type } = readHeader(header);
  return { algorithm, kid, type, header, claims };
}

/** Comes before everything else that is done to a token. */
export function assertLength(token: string, maxLength: number): void {
  if (token.length > maxLength) throw new MalformedTokenError('the token is too long');
}

/** True for a string that looks like a compact JWS, whatever it contains. */
export function looksLikeJws(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
}

function readHeader(header: JsonObject): Pick<UnverifiedJws, 'algorithm' | 'kid' | 'type'> {
  const { alg, kid, typ } = header;
  if ('crit' in header || 'b64' in header)
    throw new MalformedTokenError('the header has critical extensions, and none is understood');
  if (!isSigningAlgorithm(alg)) throw new MalformedTokenError('the algorithm is not allowed');
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH))
    throw new MalformedTokenError('"kid" is no short string');
  if (typ !== undefined && typeof typ !== 'string') throw new MalformedTokenError('"typ" is no string');
  return { algorithm: alg, kid, type: typ?.toLowerCase().replace(/^application\//, '') };
}

function isSigningAlgorithm(value: unknown): value is SigningAlgorithm {
  const known: readonly unknown[] = SIGNING_ALGORITHMS;
  return known.includes(value);
}

/** Replacement characters would make different bytes one claim. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(segment: string): JsonObject {
  const bytes = bytesOf(segment);
  if (bytes === undefined) throw new MalformedTokenError('a part of the token is not base64url');
  try {
    return parseJsonObject(isAscii(bytes) ? bytes.toString('latin1') : utf8.decode(bytes));
  } catch (error) {
    throw new MalformedTokenError('a part of the token is no JSON object', { cause: error });
  }
}

/**
 * The bytes of a segment, if it is their one spelling: stray bits or characters would let the same signature appear under many (RFC 4648 section 3.5).
 */
function bytesOf(segment: string): Buffer | undefined {
  const bytes = Buffer.from(segment, 'base64url');
  return segment !== '' && bytes.toString('base64url') === segment ? bytes : undefined;
}
