/** Writes tokens small: a JWT is base64url already, and a cookie would encode it once more, so its segments are kept as bytes. */

const MAX_SEGMENTS = 8;
const TEXT = 0;
const BYTES = 1;
/** A token endpoint response has half a megabyte at most. */
const MAX_LENGTH_BITS = 28;

/** Collects bytes: small numbers, and byte strings with their length in front. */
export class ByteWriter {
  private readonly parts: Uint8Array[] = [];

  uint8(value: number): void {
    this.parts.push(Uint8Array.of(value));
  }

  bytes(value: Uint8Array): void {
    let length = value.length;
    // Seven bits to a byte, the low ones first; the eighth says that more follow.
    for (; length > 0x7f; length >>>= 7) this.uint8((length & 0x7f) | 0x80);
    this.uint8(length);
    this.parts.push(value);
  }

  finish(): Uint8Array {
    return Buffer.concat(this.parts);
  }
}

/** Reads what a `ByteWriter` wrote; throws a RangeError when the bytes end too early. */
export class ByteReader {
  private offset = 0;

  constructor(private readonly source: Uint8Array) {}

  uint8(): number {
    const value = this.source[this.offset];
    if (value === undefined) throw new RangeError('unexpected end');
    this.offset += 1;
    return value;
  }

  bytes(): Uint8Array {
    const length = this.length();
    const value = this.source.subarray(this.offset, this.offset + length);
    if (value.length < length) throw new RangeError('unexpected end');
    this.offset += length;
    return value;
  }

  private length(): number {
    let length = 0;
    for (let shift = 0; shift < MAX_LENGTH_BITS; shift += 7) {
      const byte = this.uint8();
      length |= (byte & 0x7f) << shift;
      if (byte <= 0x7f) return length;
    }
    throw new RangeError('a length is too long');
  }
}

/** Writes a token, or its absence. */
export function writeToken(writer: ByteWriter, token: string | undefined): void {
  const segments = token === undefined ? [] : segmentsOf(token);
  writer.uint8(segments.length);
  for (const segment of segments) {
    const decoded = Buffer.from(segment, 'base64url');
    // Only where encoding again gives the identical string: a token is somebody else's and comes back to the byte.
    const kind = decoded.toString('base64url') === segment ? BYTES : TEXT;
    writer.uint8(kind);
    writer.bytes(kind === BYTES ? decoded : Buffer.from(segment, 'utf8'));
  }
}

/** Reads a token that `writeToken` wrote; throws a RangeError when the bytes end too early. */
export function readToken(reader: ByteReader): string | undefined {
  const count = reader.uint8();
  if (count === 0) return undefined;
  const segments: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const encoding = reader.uint8() === BYTES ? 'base64url' : 'utf8';
    segments.push(Buffer.from(reader.bytes()).toString(encoding));
  }
  return segments.join('.');
}

function segmentsOf(token: string): readonly string[] {
  const segments = token.split('.');
  return segments.length > MAX_SEGMENTS ? [token] : segments;
}
