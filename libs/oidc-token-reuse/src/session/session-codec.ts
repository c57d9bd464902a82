/** Turns a session into bytes and back, with a version in front so that a newer reader understands an older writer. */
import { Secret } from '../observability/secret.js';
import { parseJsonObject } from '../provider/json.js';
import { claimsOf, type Session } from './session.js';
import { ByteReader, ByteWriter, readToken, writeToken } from './token-codec.js';
import type { TokenSet } from './token-set.js';

const VERSION = 1;

/** The bytes of a session: a version, the small values as JSON, then the three tokens. The claims are those of the ID Token. */
export function encodeSession(session: Session): Uint8Array {
  const { id, issuer, subject, tenant, providerSessionId, startedAt, renewedAt, generation, tokens } = session;
  const { issuedAt, expiresAt, refreshExpiresAt, scope } = tokens;
  const small = [
    id,
    issuer,
    subject,
    tenant ?? null,
    providerSessionId ?? null,
    startedAt,
    renewedAt,
    generation,
    issuedAt,
    expiresAt,
  ];
  const writer = new ByteWriter();
  writer.uint8(VERSION);
  writer.bytes(Buffer.from(JSON.stringify({ s: [...small, refreshExpiresAt ?? null, scope ?? null] })));
  writeToken(writer, tokens.accessToken?.reveal());
  writeToken(writer, tokens.refreshToken?.reveal());
  writeToken(writer, tokens.idToken.reveal());
  return writer.finish();
}

/** Reads what follows the version; undefined or a throw when it is broken. */
export type SessionReader = (reader: ByteReader) => Session | undefined;

/** A reader for each version that may still be about: a new one comes beside the one before, which goes when the longest session is over. */
const READERS: ReadonlyMap<number, SessionReader> = new Map([[VERSION, readSession]]);

/** A session from its bytes; undefined when a newer or broken writer made them. */
export function decodeSession(bytes: Uint8Array, readers = READERS): Session | undefined {
  try {
    const reader = new ByteReader(bytes);
    return readers.get(reader.uint8())?.(reader);
  } catch {
    // The bytes were authentic but of another format: as good as no session.
    return undefined;
  }
}

/** Version 1. */
export function readSession(reader: ByteReader): Session | undefined {
  const small = parseJsonObject(Buffer.from(reader.bytes()).toString('utf8'))['s'];
  return Array.isArray(small) ? assemble(small, [readToken(reader), readToken(reader), readToken(reader)]) : undefined;
}

type Tokens = readonly [accessToken: string | undefined, refreshToken: string | undefined, idToken: string | undefined];

function assemble(small: readonly unknown[], [accessToken, refreshToken, idToken]: Tokens): Session | undefined {
  if (idToken === undefined) return undefined;
  const next = new FieldReader(small);
  const identity = {
    id: next.string(),
    issuer: next.string(),
    subject: next.string(),
    tenant: next.optional('string'),
  };
  const course = {
    providerSessionId: next.optional('string'),
    startedAt: next.number(),
    renewedAt: next.number(),
    generation: next.number(),
  };
  const tokens: TokenSet = {
    issuedAt: next.number(),
    expiresAt: next.number(),
    refreshExpiresAt: next.optional('number'),
    scope: next.optional('string'),
    accessToken: secret(accessToken),
    refreshToken: secret(refreshToken),
    idToken: new Secret(idToken),
  };
  return { ...identity, ...course, tokens, claims: claimsOf(tokens) };
}

/** Reads values one after the other; throws a TypeError when one is of another type than it was written with. */
class FieldReader {
  private index = 0;

  constructor(private readonly values: readonly unknown[]) {}

  string(): string {
    const value = this.next();
    if (typeof value !== 'string') throw new TypeError('not a string');
    return value;
  }

  number(): number {
    const value = this.next();
    if (typeof value !== 'number') throw new TypeError('not a number');
    return value;
  }

  optional(type: 'string'): string | undefined;
  optional(type: 'number'): number | undefined;
  optional(type: 'string' | 'number'): string | number | undefined {
    if (this.values[this.index] !== null) return type === 'string' ? this.string() : this.number();
    this.index += 1;
    return undefined;
  }

  private next(): unknown {
    const value = this.values[this.index];
    this.index += 1;
    return value;
  }
}

function secret(token: string | undefined): Secret | undefined {
  return token === undefined ? undefined : new Secret(token);
}
