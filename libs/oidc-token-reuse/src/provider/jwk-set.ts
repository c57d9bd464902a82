/** A provider's public signing keys (RFC 7517). */
import { calculateJwkThumbprint, importJWK, type CryptoKey, type JWK } from 'jose';
import { isJsonObject, MalformedDocumentError, parseJsonObject, type JsonObject } from './json.js';

/** Asymmetric algorithms only: a symmetric one would make the public key a secret (RFC 8725 section 2.1). */
export const SIGNING_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

/** More keys than this are no JWK Set of a provider. */
const MAX_KEYS = 100;
export const MAX_KID_LENGTH = 256;
/** RFC 7518 section 3.3. */
const MIN_RSA_BITS = 2048;

/** One public key that may verify signatures. */
export class SigningKey {
  readonly kid: string | undefined;
  /** Entra's `issuer` member: the issuer, or template, whose tokens the key may sign. */
  readonly issuer: string | undefined;
  /** The same for the same key published in the same way (RFC 7638 thumbprint, `kid`, `alg`, `issuer`). */
  readonly identity: string;
  private readonly imported = new Map<SigningAlgorithm, CryptoKey | Promise<CryptoKey>>();

  constructor(
    private readonly jwk: JWK & { readonly issuer?: unknown },
    private readonly algorithms: readonly SigningAlgorithm[],
    readonly thumbprint: string,
  ) {
    this.kid = jwk.kid;
    this.issuer = typeof jwk.issuer === 'string' ? jwk.issuer : undefined;
    this.identity = JSON.stringify([thumbprint, jwk.kid, jwk.alg, this.issuer]);
  }

  /** True when the key's type, curve and `alg` allow the algorithm. */
  supports(algorithm: SigningAlgorithm): boolean {
    return this.algorithms.includes(algorithm);
  }

  /** The key ready for use; a promise when it has not been used with this algorithm before. */
  import(algorithm: SigningAlgorithm): CryptoKey | Promise<CryptoKey> {
    const known = this.imported.get(algorithm);
    if (known !== undefined) return known;
    const created = importJWK(this.jwk, algorithm) as Promise<CryptoKey>; // a Uint8Array comes of `oct` keys only, which are left out
    const ready = created.then(
      (key) => {
        this.imported.set(algorithm, key);
        return key;
      },
      (error: unknown) => {
        this.imported.delete(algorithm);
        throw error;
      },
    );
    this.imported.set(algorithm, ready);
    return ready;
  }
}

/** The usable keys of one JWK Set document. */
export class JwkSet {
  private readonly identities: ReadonlySet<string>;

  constructor(readonly keys: readonly SigningKey[]) {
    this.identities = new Set(keys.map(({ identity }) => identity));
  }

  has({ identity }: SigningKey): boolean {
    return this.identities.has(identity);
  }

  /** True when a token with this `kid` was signed by one of these keys or by nobody. */
  knows(kid: string | undefined): boolean {
    return kid === undefined || this.keys.some((key) => key.kid === kid);
  }

  /** Keys that a token with this header may have been signed with, each once. Without a `kid`, all of the right type. */
  candidates(algorithm: SigningAlgorithm, kid: string | undefined): readonly SigningKey[] {
    const fitting = this.keys.filter((key) => (kid === undefined || key.kid === kid) && key.supports(algorithm));
    if (fitting.length < 2) return fitting;
    return [...new Map(fitting.map((key) => [key.thumbprint, key])).values()];
  }
}

/**
 * Reads a JWK Set document. Left out: symmetric and private keys, keys for encryption, of unknown type, too short, or malformed.
 *
 * @throws MalformedDocumentError when it is no JWK Set or holds no usable key: such an answer never replaces a good one
 */
export async function parseJwkSet(text: string): Promise<JwkSet> {
  const { keys } = parseJsonObject(text);
  if (!Array.isArray(keys) || keys.length > MAX_KEYS)
    throw new MalformedDocumentError('no JWK Set, or one with too many keys');
  const usable = (await Promise.all(keys.filter(isSigningJwk).map(toSigningKey))).filter((key) => key !== undefined);
  if (usable.length === 0) throw new MalformedDocumentError('a JWK Set without a usable signing key');
  return new JwkSet(usable);
}

/** Imported once here: what cannot be imported is no key. */
async function toSigningKey(jwk: JWK): Promise<SigningKey | undefined> {
  const algorithms = algorithmsOf(jwk);
  const [first] = algorithms;
  if (first === undefined) return undefined;
  try {
    const key = new SigningKey(jwk, algorithms, await calculateJwkThumbprint(jwk));
    return isLongEnough(await key.import(first)) ? key : undefined;
  } catch {
    // One malformed key does not make the others unusable.
    return undefined;
  }
}

/** What the key can verify: by its type and curve, and by its `alg` where it has one. */
function algorithmsOf(jwk: JWK): readonly SigningAlgorithm[] {
  const { alg } = jwk;
  return SIGNING_ALGORITHMS.filter(
    (algorithm) => isOfType(algorithm, jwk) && (alg === undefined || isSameAlgorithm(alg, algorithm)),
  );
}

interface KeyType {
  readonly kty?: string | undefined;
  readonly crv?: string | undefined;
}

function isOfType(algorithm: SigningAlgorithm, { kty, crv }: KeyType): boolean {
  if (isEdwards(algorithm)) return kty === 'OKP' && crv === 'Ed25519';
  if (algorithm.startsWith('ES')) return kty === 'EC' && crv === CURVES[algorithm];
  return kty === 'RSA';
}

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** `Ed25519` is what RFC 9864 calls `EdDSA` with that curve. */
function isSameAlgorithm(one: string, other: string): boolean {
  return one === other || (isEdwards(one) && isEdwards(other));
}

function isEdwards(algorithm: string): boolean {
  return algorithm === 'EdDSA' || algorithm === 'Ed25519';
}

function isLongEnough({ algorithm }: CryptoKey): boolean {
  return !('modulusLength' in algorithm) || Number(algorithm.modulusLength) >= MIN_RSA_BITS;
}

function isSigningJwk(value: unknown): value is JWK {
  if (!isJsonObject(value) || 'd' in value || typeof value['kty'] !== 'string') return false;
  return hasAcceptableKid(value) && isForSigning(value);
}

function hasAcceptableKid({ kid }: JsonObject): boolean {
  return kid === undefined || (typeof kid === 'string' && kid.length <= MAX_KID_LENGTH);
}

function isForSigning({ use, key_ops: operations, alg }: JsonObject): boolean {
  if (use !== undefined && use !== 'sig') return false;
  if (alg !== undefined && typeof alg !== 'string') return false;
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
}
