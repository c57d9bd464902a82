/** Key ids that no published key has: which of them were looked for in vain, and whether another may be looked for now. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';

/** Milliseconds for which a `kid` that was looked for in vain causes no further fetch. */
const MEMORY_MS = 60_000;
const MAX_KIDS = 1000;

export class UnknownKids {
  private next = 0;
  private readonly inVain: LRUCache<string, true>;

  /** @param window Milliseconds in which all of them together cause one fetch at most. */
  constructor(
    private readonly clock: Clock,
    private readonly window: number,
  ) {
    this.inVain = new LRUCache({
      max: MAX_KIDS,
      ttl: MEMORY_MS,
      ttlResolution: 0,
      perf: { now: () => clock.monotonic() },
    });
  }

  has(kid: string): boolean {
    return this.inVain.has(kid);
  }

  add(kid: string): void {
    this.inVain.set(kid, true);
  }

  get mayLook(): boolean {
    return this.clock.monotonic() >= this.next;
  }

  /** Counted before anything is fetched, and whatever comes of it. */
  takeLook(): boolean {
    if (!this.mayLook) return false;
    this.next = this.clock.monotonic() + this.window;
    return true;
  }
}
