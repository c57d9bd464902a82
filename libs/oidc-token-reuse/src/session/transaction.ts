/** One attempt to sign in, from the authorization request to its response: small enough for a cookie, and enough to check everything. */
import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { SESSION_ID_BYTES, type Session } from './session.js';

/** Seconds an attempt may take. */
export const TRANSACTION_LIFETIME = 600;

export interface Transaction {
  /** 128 random bits, from which `state`, `nonce` and the PKCE verifier are derived. */
  readonly seed: Uint8Array;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Mark of the issuer the attempt was made with (RFC 9700 section 4.4: mix-up). */
  readonly issuer: Uint8Array;
  /** The session that the browser had when the attempt began. */
  readonly startedIn: StartingSession | undefined;
  /** `max_age` of the authorization request, in seconds. */
  readonly maxAge: number | undefined;
  /** The end-user has to sign in anew (`prompt=login`). */
  readonly isForced: boolean;
  /** Path on this origin. */
  readonly returnTo: string;
}

export interface StartingSession {
  readonly id: string;
  /** Mark of the end-user. */
  readonly identity: Uint8Array;
}

/** What an attempt begins with. */
export interface Attempt extends Pick<Transaction, 'startedAt' | 'maxAge' | 'isForced' | 'returnTo'> {
  readonly issuer: string;
  readonly current: Session | undefined;
}

const SEED_BYTES = 16;
const MARK_BYTES = 6;

/** A new attempt with secrets of its own, whose `state` is one that the caller accepts. */
export function newTransaction(
  { issuer, current, ...rest }: Attempt,
  accepts: (state: string) => boolean = () => true,
): Transaction {
  let seed = randomBytes(SEED_BYTES);
  while (!accepts(stateOf({ seed }))) seed = randomBytes(SEED_BYTES);
  const startedIn = current === undefined ? undefined : { id: current.id, identity: identityMark(seed, current) };
  return { ...rest, seed, issuer: mark(seed, issuer), startedIn };
}

/** True when the attempt was made with this issuer. */
export function wasMadeWith({ seed, issuer }: Transaction, candidate: string): boolean {
  return Buffer.from(issuer).equals(mark(seed, candidate));
}

/** True unless the attempt began in the session of another end-user. */
export function mayEndAs({ seed, startedIn }: Transaction, session: Session): boolean {
  return startedIn === undefined || Buffer.from(startedIn.identity).equals(identityMark(seed, session));
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

function derive(seed: Uint8Array, info: string, length: number): string {
  return Buffer.from(hkdfSync('sha256', seed, 'oidc-transaction', info, length)).toString('base64url');
}

function identityMark(seed: Uint8Array, { issuer, subject }: Session): Buffer {
  return mark(seed, issuer, subject);
}

/** For comparison inside one attempt. It is keyed by the attempt's secret, so that nobody can look for a second value with the same few bytes. */
function mark(seed: Uint8Array, ...parts: readonly string[]): Buffer {
  return createHmac('sha256', seed).update(JSON.stringify(parts)).digest().subarray(0, MARK_BYTES);
}

/** The format's version is the upper half of the first byte, what is there the lower. */
const VERSION = 0x10;
const HAS_SESSION = 1;
const HAS_MAX_AGE = 2;
const IS_FORCED = 4;
const TIME_BYTES = 6;
const AGE_BYTES = 4;
const LONGEST_AGE = 0xffff_ffff;
/** The first byte, and what is always there in front of `returnTo`. */
const FIXED_BYTES = 1 + SEED_BYTES + TIME_BYTES + MARK_BYTES;

/** Fixed lengths and no separators: with the longest `returnTo` there is not a byte to spare in a cookie of 600. */
export function encodeTransaction(transaction: Transaction): Uint8Array {
  const { seed, startedAt, issuer, startedIn, maxAge, isForced, returnTo } = transaction;
  const flags =
    (startedIn === undefined ? 0 : HAS_SESSION) | (maxAge === undefined ? 0 : HAS_MAX_AGE) | (isForced ? IS_FORCED : 0);
  return Buffer.concat([
    Uint8Array.of(VERSION | flags),
    seed,
    unsigned(startedAt, TIME_BYTES),
    issuer,
    ...(startedIn === undefined ? [] : [Buffer.from(startedIn.id, 'base64url'), startedIn.identity]),
    ...(maxAge === undefined ? [] : [unsigned(Math.min(maxAge, LONGEST_AGE), AGE_BYTES)]),
    Buffer.from(returnTo),
  ]);
}

/** A transaction from its bytes; undefined when another version wrote them. */
export function decodeTransaction(bytes: Uint8Array): Transaction | undefined {
  const [first = 0] = bytes;
  const hasSession = (first & HAS_SESSION) !== 0;
  const hasMaxAge = (first & HAS_MAX_AGE) !== 0;
  const front = FIXED_BYTES + (hasSession ? SESSION_ID_BYTES + MARK_BYTES : 0) + (hasMaxAge ? AGE_BYTES : 0);
  if ((first & 0xf0) !== VERSION || bytes.length < front) return undefined;
  const next = readerOf(bytes.subarray(1));
  return {
    seed: next(SEED_BYTES),
    startedAt: next(TIME_BYTES).readUIntBE(0, TIME_BYTES),
    issuer: next(MARK_BYTES),
    startedIn: hasSession
      ? { id: next(SESSION_ID_BYTES).toString('base64url'), identity: next(MARK_BYTES) }
      : undefined,
    maxAge: hasMaxAge ? next(AGE_BYTES).readUIntBE(0, AGE_BYTES) : undefined,
    isForced: (first & IS_FORCED) !== 0,
    returnTo: Buffer.from(bytes.subarray(front)).toString('utf8'),
  };
}

function readerOf(bytes: Uint8Array): (length: number) => Buffer {
  let offset = 0;
  return (length) => {
    offset += length;
    return Buffer.from(bytes.subarray(offset - length, offset));
  };
}

function unsigned(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  return bytes;
}
