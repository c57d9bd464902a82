/** One attempt to sign in, from the authorization request to its response: small enough for a cookie, and enough to check everything. */
import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { ByteReader, ByteWriter } from './token-codec.js';

/** Seconds an attempt may take. */
export const TRANSACTION_LIFETIME = 600;

const VERSION = 1;
const SEED_BYTES = 16;
const DIGEST_BYTES = 8;

export interface Transaction {
  /** 128 random bits, from which `state`, `nonce` and the PKCE verifier are derived. */
  readonly seed: Uint8Array;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Digest of the issuer the attempt was made with (RFC 9700 section 4.4: mix-up). */
  readonly issuer: Uint8Array;
  /** Digest of the identity that was signed in when the attempt began; empty when nobody was. */
  readonly signedInAs: Uint8Array;
  /** `max_age` of the authorization request, in seconds. */
  readonly maxAge: number | undefined;
  /** Path on this origin. */
  readonly returnTo: string;
}

export function newSeed(): Uint8Array {
  return randomBytes(SEED_BYTES);
}

/** `state` (RFC 6749 section 10.12): says which attempt a response belongs to, and nothing about its other secrets. */
export function stateOf({ seed }: Pick<Transaction, 'seed'>): string {
  return derive(seed, 'state', 16);
}

/** `nonce` (OpenID Connect Core section 15.5.2). */
export function nonceOf({ seed }: Pick<Transaction, 'seed'>): string {
  return derive(seed, 'nonce', 16);
}

/** `code_verifier` (RFC 7636 section 4.1): 43 characters. */
export function codeVerifierOf({ seed }: Pick<Transaction, 'seed'>): string {
  return derive(seed, 'code_verifier', 32);
}

/** `code_challenge` of the method S256 (RFC 7636 section 4.2). */
export function codeChallengeOf(transaction: Pick<Transaction, 'seed'>): string {
  return createHash('sha256').update(codeVerifierOf(transaction)).digest('base64url');
}

/** A short digest of an issuer or an identity, for comparison only. */
export function shortDigest(...parts: readonly string[]): Uint8Array {
  return createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, DIGEST_BYTES);
}

export function encodeTransaction({ seed, startedAt, issuer, signedInAs, maxAge, returnTo }: Transaction): Uint8Array {
  const writer = new ByteWriter();
  writer.uint8(VERSION);
  for (const bytes of [
    seed,
    Buffer.from(String(startedAt)),
    issuer,
    signedInAs,
    Buffer.from(String(maxAge ?? '')),
    Buffer.from(returnTo),
  ])
    writer.bytes(bytes);
  return writer.finish();
}

/** A transaction from its bytes; undefined when another version wrote them. */
export function decodeTransaction(bytes: Uint8Array): Transaction | undefined {
  try {
    const reader = new ByteReader(bytes);
    if (reader.uint8() !== VERSION) return undefined;
    const seed = reader.bytes();
    const startedAt = Number(text(reader));
    const issuer = reader.bytes();
    const signedInAs = reader.bytes();
    const maxAge = text(reader);
    return {
      seed,
      startedAt,
      issuer,
      signedInAs,
      maxAge: maxAge === '' ? undefined : Number(maxAge),
      returnTo: text(reader),
    };
  } catch {
    // Authentic but of another format.
    return undefined;
  }
}

function text(reader: ByteReader): string {
  return Buffer.from(reader.bytes()).toString('utf8');
}

function derive(seed: Uint8Array, info: string, length: number): string {
  return Buffer.from(hkdfSync('sha256', seed, 'oidc-transaction', info, length)).toString('base64url');
}
