/** Coordination inside one process: bounded maps, and a queue per lease. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';
import { Coordinator, type Lease, type LeaseLimits, type Space, type StoredRecord } from './coordinator.js';

interface Stored {
  readonly value: string;
  /** Monotonic milliseconds. */
  readonly until: number;
}

/** Keeps the newest records of each space up to a bound; what is older than its lifetime is never returned. */
export class MemoryCoordinator extends Coordinator {
  private readonly spaces: Readonly<Record<Space, LRUCache<string, Stored>>> = {
    successor: new LRUCache({ max: 20_000 }),
    spent: new LRUCache({ max: 100_000 }),
    tombstone: new LRUCache({ max: 100_000 }),
    transaction: new LRUCache({ max: 100_000 }),
  };
  private readonly tails = new Map<string, Promise<void>>();

  constructor(private readonly clock: Clock) {
    super();
  }

  get(space: Space, key: string): Promise<string | undefined> {
    return Promise.resolve(this.read(space, key));
  }

  put(space: Space, key: string, { value, ttl }: StoredRecord): Promise<void> {
    this.spaces[space].set(key, { value, until: this.clock.monotonic() + ttl * 1000 });
    return Promise.resolve();
  }

  async putIfAbsent(space: Space, key: string, record: StoredRecord): Promise<boolean> {
    if (this.read(space, key) !== undefined) return false;
    await this.put(space, key, record);
    return true;
  }

  async acquire(key: string, { wait }: LeaseLimits): Promise<Lease | undefined> {
    const turn = this.tails.get(key);
    const lease = new MemoryLease();
    const tail = Promise.all([turn, lease.released]).then(() => {
      if (this.tails.get(key) === tail) this.tails.delete(key);
    });
    this.tails.set(key, tail);
    if (turn === undefined || (await settlesWithin(turn, wait))) return lease;
    await lease.release();
    return undefined;
  }

  private read(space: Space, key: string): string | undefined {
    const stored = this.spaces[space].get(key);
    return stored !== undefined && stored.until > this.clock.monotonic() ? stored.value : undefined;
  }
}

/** Held until it is released: inside one process a holder that dies takes the lease with it. */
class MemoryLease implements Lease {
  readonly released: Promise<void>;
  private held = true;
  private open: () => void = () => undefined;

  constructor() {
    this.released = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  isHeld(): boolean {
    return this.held;
  }

  release(): Promise<void> {
    this.held = false;
    this.open();
    return this.released;
  }
}

async function settlesWithin(promise: Promise<void>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => {
      resolve(false);
    }, milliseconds);
  });
  const settled = await Promise.race([promise.then(() => true), timeout]);
  clearTimeout(timer);
  return settled;
}
