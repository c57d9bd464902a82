/** Seals what leaves our hands: JWE compact, `dir` with A256GCM (RFC 7516, RFC 7518 sections 4.5 and 5.3), one key per secret and purpose. */
import { createHash, hkdfSync, webcrypto } from 'node:crypto';
import { compactDecrypt, CompactEncrypt, decodeProtectedHeader, type CryptoKey } from 'jose';

const KEY_BYTES = 32;
const KID_LENGTH = 6;
/** A token endpoint response has half a megabyte at most, and no cookie comes near that. */
const MAX_SEALED_LENGTH = 1_048_576;

/** Members of the protected header that belong to the sealed value; authenticated, not secret. */
export type SealedHeader = Readonly<Record<string, number>>;

export interface Opened {
  readonly plaintext: Uint8Array;
  readonly header: SealedHeader;
}

interface PurposeKey {
  readonly kid: string;
  readonly key: Promise<CryptoKey>;
}

/**
 * Seals and opens values for one purpose. The purpose is part of the key, so what was sealed for one never opens for another
 * (OWASP ASVS 5.0, 11.2; RFC 5869 section 3.2).
 */
export class Sealer {
  private readonly keys: readonly [PurposeKey, ...PurposeKey[]];

  constructor(secrets: readonly string[], purpose: string) {
    const [first, ...others] = secrets;
    if (first === undefined) throw new RangeError('a sealer needs a secret');
    this.keys = [purposeKey(first, purpose), ...others.map((secret) => purposeKey(secret, purpose))];
  }

  /** Seals with the first secret. */
  async seal(plaintext: Uint8Array, header: SealedHeader = {}): Promise<string> {
    const [{ kid, key }] = this.keys;
    return new CompactEncrypt(plaintext)
      .setProtectedHeader({ ...header, alg: 'dir', enc: 'A256GCM', kid })
      .encrypt(await key);
  }

  /** Opens with the secret that sealed it. Undefined for everything that is not ours, whatever it is. */
  async open(sealed: string): Promise<Opened | undefined> {
    if (sealed.length > MAX_SEALED_LENGTH) return undefined;
    try {
      const key = this.keyOf(sealed);
      if (key === undefined) return undefined;
      const { plaintext, protectedHeader } = await compactDecrypt(sealed, await key.key, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      });
      return { plaintext, header: numbersOf(protectedHeader) };
    } catch {
      // Tampered with, truncated, or sealed by somebody else: not ours.
      return undefined;
    }
  }

  /**
   * The header of a sealed value, or of its beginning, before anything is believed of it. Undefined when none of the secrets is said to have sealed
   * it: it is somebody else's, not broken.
   */
  peek(sealed: string): SealedHeader | undefined {
    return this.keyOf(sealed) === undefined ? undefined : numbersOf(peekHeader(sealed));
  }

  private keyOf(sealed: string): PurposeKey | undefined {
    const { kid, zip } = peekHeader(sealed);
    return zip === undefined ? this.keys.find((candidate) => candidate.kid === kid) : undefined;
  }
}

/** Header of a compact JWE, of which the end may be missing. */
function peekHeader(sealed: string): Readonly<Record<string, unknown>> {
  try {
    return decodeProtectedHeader({ protected: sealed.slice(0, sealed.indexOf('.')) });
  } catch {
    // No JWE at all.
    return {};
  }
}

/** A key for one purpose from one secret (HKDF-SHA256, RFC 5869). */
function purposeKey(secret: string, purpose: string): PurposeKey {
  const bytes = hkdfSync('sha256', secret, 'nestjs-oidc-token-reuse', purpose, KEY_BYTES);
  return {
    kid: createHash('sha256').update(`kid:${secret}`).digest('base64url').slice(0, KID_LENGTH),
    key: webcrypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']),
  };
}

function numbersOf(header: Readonly<Record<string, unknown>>): SealedHeader {
  return Object.fromEntries(
    Object.entries(header).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
