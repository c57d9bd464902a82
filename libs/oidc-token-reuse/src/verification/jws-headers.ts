/** Reads the headers of tokens, each once for many: most tokens of a provider have the same. */
import type { JsonObject } from '../provider/json.js';
import { MAX_KID_LENGTH, SIGNING_ALGORITHMS, type SigningAlgorithm } from '../provider/jwk-set.js';
import { canonicalBytes, MalformedTokenError, objectOf } from './jws.js';

/** A provider has few keys and kinds of token. */
const MAX_HEADERS = 100;

/** What the header of a token says. */
export interface JwsHeader {
  readonly algorithm: SigningAlgorithm;
  readonly kid: string | undefined;
  /** `typ` in lower case, without `application/`. */
  readonly type: string | undefined;
  readonly header: JsonObject;
}

interface Known extends JwsHeader {
  /** Not a piece of a token, which would keep the whole token in memory. */
  readonly segment: string;
}

export class JwsHeaders {
  /** Of tokens that were well signed: what others send pushes none of them out. */
  private readonly kept = new Map<string, Known>();
  private latest: Known | undefined;
  private latestKept: JsonObject | undefined;

  /**
   * What a header says. Checked: that it is canonical base64url of a JSON object in UTF-8 without repeated members, with an asymmetric algorithm of the
   * allow-list, no `crit`, and a sane `kid`.
   *
   * @throws MalformedTokenError
   */
  of(segment: string): JwsHeader {
    if (this.latest?.segment === segment) return this.latest;
    this.latest = this.kept.get(segment) ?? known(segment);
    return this.latest;
  }

  /** Keeps the header of a token that was well signed. */
  keep(segment: string, { algorithm, kid, type, header }: JwsHeader): void {
    if (header === this.latestKept) return;
    this.latestKept = header;
    if (this.kept.has(segment)) return;
    if (this.kept.size >= MAX_HEADERS) this.kept.clear();
    const copy = Buffer.from(segment, 'latin1').toString('latin1');
    this.kept.set(copy, { segment: copy, algorithm, kid, type, header });
  }
}

function known(segment: string): Known {
  const bytes = canonicalBytes(segment);
  return { segment: bytes.toString('base64url'), ...readHeader(objectOf(bytes)) };
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
