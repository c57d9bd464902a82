/** Remembers which tokens were accepted, and for no longer than what accepted them counts. */
import { ExpiringCache, type CacheLimits } from '../provider/expiring-cache.js';
import type { SigningKey } from '../provider/jwk-set.js';
import type { UnverifiedJws } from './jws.js';
import type { PresentedToken } from './presented-token.js';

/** A token whose signature was checked. */
export interface VerifiedJws extends UnverifiedJws {
  readonly key: SigningKey;
}

/** An accepted token. What depends on the time, the keys or the policy is checked at every use. */
export interface AcceptedToken {
  readonly key: SigningKey;
  /** Epoch seconds. */
  readonly expiresAt: number;
}

/** Bytes that an accepted token takes beside its claims, and bytes that its claims take for each of its characters, as measured. */
const OVERHEAD = 1000;
const BYTES_PER_CHARACTER = 1.2;

/**
 * Holds accepted tokens only, so that neither invalid tokens nor tokens for somebody else push out good ones; by a digest of the whole token, so that
 * no token is kept. One for each provider and policy: what another accepted means nothing here.
 */
export class VerifiedTokenCache<Accepted extends AcceptedToken> {
  private readonly tokens: ExpiringCache<Accepted>;
  private readonly pending = new Map<string, Promise<Accepted>>();

  constructor(limits: CacheLimits, isOver: (accepted: Accepted) => boolean) {
    this.tokens = new ExpiringCache(limits, isOver);
  }

  /** How many tokens are remembered. */
  get size(): number {
    return this.tokens.size;
  }

  find({ digest }: PresentedToken): Accepted | undefined {
    return this.tokens.get(digest);
  }

  forget({ digest }: PresentedToken): void {
    this.tokens.delete(digest);
  }

  /** The outcome of `verify`, which runs once for all who ask at the same time. A success is remembered, a failure is not. */
  verifyOnce({ digest, text }: PresentedToken, verify: () => Promise<Accepted>): Promise<Accepted> {
    const known = this.pending.get(digest);
    if (known !== undefined) return known;
    const verification = verify().then(
      (accepted) => {
        this.pending.delete(digest);
        this.tokens.set(digest, accepted, OVERHEAD + BYTES_PER_CHARACTER * text.length);
        return accepted;
      },
      (failure: unknown) => {
        this.pending.delete(digest);
        throw failure;
      },
    );
    this.pending.set(digest, verification);
    return verification;
  }

  /** Lets go of everything. */
  close(): void {
    this.tokens.close();
  }
}
