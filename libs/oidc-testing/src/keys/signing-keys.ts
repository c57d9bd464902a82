/** The provider's signing keys: one signs, all published ones verify. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose';

/** Algorithms a signing key can have. */
export type SigningAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'EdDSA';

/** One key pair. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly privateJwk: JWK;
  readonly privateKey: CryptoKey;
}

/** How {@link SigningKeys.rotate} goes about it. */
export interface RotateOptions {
  /** `true`: only publish the next key beside the current one; the following `rotate()` starts to sign with it. */
  announce?: boolean;
  /** Algorithm of the next key. Default is that of the current key. */
  alg?: SigningAlgorithm;
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi'];

/**
 * The signing keys of a provider, in the order in which they are published: the current key, then those announced
 * or kept for verification.
 */
export class SigningKeys {
  #published: SigningKey[];
  #announced: SigningKey | undefined;
  readonly #changed: () => void;

  private constructor(published: SigningKey[], changed: () => void) {
    this.#published = published;
    this.#changed = changed;
  }

  /** Keys from an exported state, or one new key; `changed` is called after every rotation. */
  static async create(source: { alg: SigningAlgorithm; jwks?: JWK[]; changed: () => void }): Promise<SigningKeys> {
    const { alg, jwks = [], changed } = source;
    const keys = jwks.length > 0 ? await Promise.all(jwks.map(importSigningKey)) : [await generateSigningKey(alg)];
    return new SigningKeys(keys, changed);
  }

  /** The key that signs now. */
  get current(): SigningKey {
    const [current] = this.#published;
    if (!current) throw new Error('the provider has no signing key');
    return current;
  }

  /** A published key by `kid` or by algorithm. */
  find(by: { kid?: string; alg?: string }): SigningKey | undefined {
    return this.#published.find(
      (key) => (by.kid === undefined || key.kid === by.kid) && (by.alg === undefined || key.alg === by.alg),
    );
  }

  /**
   * Starts to sign with a new key at once, or with the one announced before; the old key stays published until
   * {@link SigningKeys.withdraw}. With `announce`, only publishes the next key.
   */
  async rotate(options: RotateOptions = {}): Promise<SigningKey> {
    const next = this.#announced ?? (await generateSigningKey(options.alg ?? this.current.alg));
    const others = this.#published.filter((key) => key !== next);
    this.#announced = options.announce ? next : undefined;
    this.#published = options.announce ? [...others, next] : [next, ...others];
    this.#changed();
    return next;
  }

  /** Stops publishing every key but the current one: tokens signed with the others no longer verify. */
  withdraw(): void {
    this.#published = [this.current];
    this.#announced = undefined;
    this.#changed();
  }

  /** The published JWK Set (RFC 7517), without private members. */
  publicJwks(): { keys: JWK[] } {
    return { keys: this.#published.map((key) => publicJwk(key)) };
  }

  /** The private keys, in publishing order. */
  privateJwks(): JWK[] {
    return this.#published.map((key) => ({ ...key.privateJwk }));
  }
}

/** The public half of a key, as published. */
export function publicJwk(key: SigningKey): JWK {
  return Object.fromEntries(Object.entries(key.privateJwk).filter(([name]) => !privateMembers.includes(name)));
}

async function generateSigningKey(alg: SigningAlgorithm): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, alg, privateJwk: { ...jwk, kid, alg, use: 'sig' }, privateKey };
}

async function importSigningKey(jwk: JWK): Promise<SigningKey> {
  const { kid, alg } = jwk;
  if (kid === undefined || !isSigningAlgorithm(alg)) throw new Error('a stored signing key lacks "kid" or "alg"');
  const privateKey = await importJWK(jwk, alg, { extractable: true });
  if (privateKey instanceof Uint8Array) throw new Error('a stored signing key is not an asymmetric key');
  return { kid, alg, privateJwk: jwk, privateKey };
}

function isSigningAlgorithm(alg: string | undefined): alg is SigningAlgorithm {
  return alg === 'RS256' || alg === 'PS256' || alg === 'ES256' || alg === 'EdDSA';
}
