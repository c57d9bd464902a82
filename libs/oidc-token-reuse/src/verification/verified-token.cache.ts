/** Remembers which tokens had a good signature, and for no longer than the key that says so is published. */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { SigningKey } from '../provider/jwk-set.js';
import type { UnverifiedJws } from './jws.js';

const MAX_TOKENS = 5000;
const MAX_CHARACTERS = 10_000_000;

/** A token whose signature was checked. Its claims are checked at every use. */
export interface VerifiedJws extends UnverifiedJws {
  readonly key: SigningKey;
}

/**
 * Holds successes only, so that invalid tokens never push out valid ones; keyed by a digest of the whole token, so that no token is kept. One for
 * each provider: what one provider's keys verified means nothing to another.
 */
export class VerifiedTokenCache {
  private readonly tokens = new LRUCache<string, VerifiedJws>({ max: MAX_TOKENS, maxSize: MAX_CHARACTERS });
  private readonly pending = new Map<string, Promise<VerifiedJws>>();

  constructor(private readonly isPublished: (key: SigningKey) => Promise<boolean>) {}

  /** How many tokens are remembered. */
  get size(): number {
    return this.tokens.size;
  }

  /** The verified form of a token; `verify` runs once for all who ask at the same time. Failures are not kept. */
  async get(token: string, verify: () => Promise<VerifiedJws>): Promise<VerifiedJws> {
    const digest = hash('sha256', token, 'base64url');
    const known = this.tokens.get(digest);
    if (known !== undefined) {
      if (await this.isPublished(known.key)) return known;
      this.tokens.delete(digest);
    }
    return this.pending.get(digest) ?? this.start(digest, { size: token.length, verify });
  }

  private start(
    digest: string,
    { size, verify }: { readonly size: number; readonly verify: () => Promise<VerifiedJws> },
  ): Promise<VerifiedJws> {
    const verification = verify()
      .then((verified) => {
        this.tokens.set(digest, verified, { size });
        return verified;
      })
      .finally(() => this.pending.delete(digest));
    this.pending.set(digest, verification);
    return verification;
  }
}
