/** A provider's public signing keys (RFC 7517), imported once each. */
import { calculateJwkThumbprint, importJWK, type CryptoKey, type JWK } from 'jose';
import { isJsonObject, parseJsonObject, type JsonObject } from './json.js';

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

/** One public key that may verify signatures. */
export class SigningKey {
  private readonly imported = new Map<SigningAlgorithm, Promise<CryptoKey>>();

  constructor(
    private readonly jwk: JWK & { readonly issuer?: unknown },
    /** RFC 7638 thumbprint: the same key in a later JWK Set is the same key. */
    readonly thumbprint: string,
  ) {}

  get kid(): string | undefined {
    return this.jwk.kid;
  }

  /** Entra's `issuer` member: the issuer, or template, whose tokens the key may sign. */
  get issuer(): string | undefined {
    const { issuer } = this.jwk;
    return typeof issuer === 'string' ? issuer : undefined;
  }

  /** True when the key's type, curve and `alg` allow the algorithm. */
  supports(algorithm: SigningAlgorithm): boolean {
    if (this.jwk.alg !== undefined && this.jwk.alg !== algorithm && !(isEdwards(this.jwk.alg) && isEdwards(algorithm)))
      return false;
    if (algorithm.startsWith('RS') || algorithm.startsWith('PS')) return this.jwk.kty === 'RSA';
    if (algorithm.startsWith('ES')) return this.jwk.kty === 'EC' && this.jwk.crv === CURVES[algorithm];
    return this.jwk.kty === 'OKP' && this.jwk.crv === 'Ed25519';
  }

  /** The key ready for use. */
  import(algorithm: SigningAlgorithm): Promise<CryptoKey> {
    const known = this.imported.get(algorithm);
    if (known !== undefined) return known;
    const created = importJWK(this.jwk, algorithm) as Promise<CryptoKey>; // a Uint8Array comes of `oct` keys only, which are left out
    this.imported.set(algorithm, created);
    return created;
  }
}

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

function isEdwards(algorithm: string): boolean {
  return algorithm === 'EdDSA' || algorithm === 'Ed25519';
}

/** The usable keys of one JWK Set document. */
export class JwkSet {
  private readonly thumbprints: ReadonlySet<string>;

  constructor(readonly keys: readonly SigningKey[]) {
    this.thumbprints = new Set(keys.map((key) => key.thumbprint));
  }

  has(key: SigningKey): boolean {
    return this.thumbprints.has(key.thumbprint);
  }

  /** Keys that a token with this header may have been signed with. Without a `kid`, all of the right type. */
  candidates(algorithm: SigningAlgorithm, kid: string | undefined): readonly SigningKey[] {
    return this.keys.filter((key) => (kid === undefined || key.kid === kid) && key.supports(algorithm));
  }
}

/**
 * Reads a JWK Set document. Left out: symmetric and private keys, keys for encryption, keys of unknown type. Keys already known are kept as they are.
 *
 * @throws SyntaxError when it is no JWK Set or holds no usable key: such an answer never replaces a good one
 */
export async function parseJwkSet(text: string, known?: JwkSet): Promise<JwkSet> {
  const { keys } = parseJsonObject(text);
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw new SyntaxError('no JWK Set, or one with too many keys');
  const candidates = keys.filter(isSigningJwk);
  const usable = (await Promise.all(candidates.map(toSigningKey))).filter((key) => key !== undefined);
  if (usable.length === 0) throw new SyntaxError('a JWK Set without a usable signing key');
  return new JwkSet(usable.map((key) => known?.keys.find((old) => isSame(old, key)) ?? key));
}

function isSame(one: SigningKey, other: SigningKey): boolean {
  return one.thumbprint === other.thumbprint && one.kid === other.kid;
}

async function toSigningKey(jwk: JWK): Promise<SigningKey | undefined> {
  try {
    return new SigningKey(jwk, await calculateJwkThumbprint(jwk));
  } catch {
    // One malformed key does not make the others unusable.
    return undefined;
  }
}

function isSigningJwk(value: unknown): value is JWK {
  if (!isJsonObject(value) || 'd' in value || !KEY_TYPES.includes(value['kty'])) return false;
  return hasAcceptableKid(value) && isForSigning(value);
}

const KEY_TYPES: readonly unknown[] = ['RSA', 'EC', 'OKP'];

function hasAcceptableKid({ kid }: JsonObject): boolean {
  return kid === undefined || (typeof kid === 'string' && kid.length <= MAX_KID_LENGTH);
}

function isForSigning({ use, key_ops: operations }: JsonObject): boolean {
  if (use !== undefined && use !== 'sig') return false;
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
}
