/** Remembers which tokens were accepted, and for no longer than what accepted them counts. */
import { ExpiringCache, type CacheLimits, type Held } from '../provider/expiring-cache.js';
import type { JsonObject } from '../provider/json.js';
import type { SigningKey } from '../provider/jwk-set.js';
import { Flights } from './flights.js';
import type { JwsHeader } from './jws-headers.js';
import type { PresentedToken } from './presented-token.js';
import { Sightings } from './sightings.js';

/** A token whose signature was checked. */
export interface VerifiedJws extends JwsHeader {
  readonly claims: JsonObject;
  readonly key: SigningKey;
}

/** An accepted token. What depends on the time, the keys or the policy is checked at every use. */
export interface AcceptedToken {
  readonly key: SigningKey;
  /** Epoch seconds. */
  readonly expiresAt: number;
}

/** Bytes that a remembered token takes beside its text and claims, and bytes that these take for each of its characters, as measured. */
const OVERHEAD = 600;
const BYTES_PER_CHARACTER = 1.8;

interface Remembered<Accepted> extends Held {
  readonly text: string;
  readonly accepted: Accepted;
}

/**
 * Holds accepted tokens only, so that neither invalid tokens nor tokens for somebody else push out good ones. A token is found by the end of its
 * signature and counts only if all of its characters are the same: that is quicker than a digest, and no two tokens can be taken for each other; the
 * rare two that end alike push each other out, and are verified again. One for each provider and policy: what another accepted means nothing here.
 */
export class VerifiedTokenCache<Accepted extends AcceptedToken, Refusal> {
  private readonly tokens: ExpiringCache<number, Remembered<Accepted>>;
  private readonly sightings: Sightings;
  private readonly flights = new Flights<Accepted | Refusal>();

  constructor(limits: CacheLimits, isOver: (accepted: Accepted) => boolean) {
    this.sightings = new Sightings(Math.min(limits.entries, limits.bytes / OVERHEAD));
    this.tokens = new ExpiringCache(limits, ({ accepted }) => isOver(accepted));
  }

  /** How many tokens are remembered. */
  get size(): number {
    return this.tokens.size;
  }

  find({ mark, text }: PresentedToken): Accepted | undefined {
    const remembered = this.tokens.get(mark);
    return remembered?.text === text ? remembered.accepted : undefined;
  }

  forget(token: PresentedToken): void {
    if (this.find(token) !== undefined) this.tokens.delete(token.mark);
  }

  /**
   * The outcome of `verify`, which runs once for all who ask at the same time. When its promise is about to be settled, and never before it has returned,
   * it calls `end`, with what it accepted if anything: one more promise that waits for it would cost more. A success is remembered from its second time on,
   * anything else never.
   */
  verifyOnce(
    token: PresentedToken,
    verify: (end: (accepted?: Accepted) => void) => Refusal | Promise<Accepted | Refusal>,
  ): Refusal | Promise<Accepted | Refusal> {
    const underWay = this.flights.get(token);
    if (underWay !== undefined) return underWay;
    const outcome = verify((accepted) => {
      this.flights.remove(token);
      if (accepted !== undefined && this.sightings.note(token)) this.remember(token, accepted);
    });
    if (outcome instanceof Promise) this.flights.add(token, outcome);
    return outcome;
  }

  /** Lets go of everything. */
  close(): void {
    this.tokens.close();
  }

  private remember({ mark, text }: PresentedToken, accepted: Accepted): void {
    this.tokens.set(mark, { text, accepted, usedAt: 0 }, OVERHEAD + BYTES_PER_CHARACTER * text.length);
  }
}
