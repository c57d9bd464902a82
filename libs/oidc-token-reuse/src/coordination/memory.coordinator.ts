/** Coordination inside one process: bounded maps, and a queue per lease. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';
import {
  Coordinator,
  type Lease,
  type LeaseLimits,
  type PlacedRecord,
  type Space,
  type StoredRecord,
} from './coordinator.js';

interface Stored {
  readonly value: string;
  readonly version: number;
  /** Monotonic milliseconds. */
  readonly until: number;
}

const MANY = 100_000;
/** Characters of the sealed sessions that one space holds: some ten thousand of them. */
const MAX_CHARACTERS = 64_000_000;

/** Keeps the newest records of each space up to a bound; what is older than its lifetime is never returned. */
export class MemoryCoordinator extends Coordinator {
  readonly isHealthy = true;
  private readonly spaces: Readonly<Record<Space, LRUCache<string, Stored>>> = {
    attempt: new LRUCache({ max: MANY }),
    jti: new LRUCache({ max: MANY }),
    session: ofLimitedSize(),
    spent: new LRUCache({ max: MANY }),
    successor: ofLimitedSize(),
    tombstone: new LRUCache({ max: MANY }),
    transaction: new LRUCache({ max: MANY }),
    'unverified-tombstone': new LRUCache({ max: MANY }),
  };
  private readonly sets = new LRUCache<string, Set<string>>({ max: MANY });
  private readonly tails = new Map<string, Promise<void>>();

  constructor(private readonly clock: Clock) {
    super();
  }

  get(space: Space, key: string): Promise<string | undefined> {
    return Promise.resolve(this.read(space, key)?.value);
  }

  put(space: Space, key: string, record: StoredRecord): Promise<void> {
    this.write({ space, key, ...record });
    return Promise.resolve();
  }

  putIfAbsent(space: Space, key: string, record: StoredRecord): Promise<boolean> {
    const isAbsent = this.read(space, key) === undefined;
    if (isAbsent) this.write({ space, key, ...record });
    return Promise.resolve(isAbsent);
  }

  replace(space: Space, key: string, record: StoredRecord & { readonly version: number }): Promise<boolean> {
    const present = this.read(space, key);
    const isOlder = present !== undefined && present.version < record.version;
    if (isOlder) this.write({ space, key, ...record });
    return Promise.resolve(isOlder);
  }

  delete(space: Space, key: string): Promise<void> {
    this.spaces[space].delete(key);
    return Promise.resolve();
  }

  addMember(key: string, member: string): Promise<void> {
    this.sets.set(key, (this.sets.get(key) ?? new Set()).add(member));
    return Promise.resolve();
  }

  removeMember(key: string, member: string): Promise<void> {
    const set = this.sets.get(key);
    set?.delete(member);
    if (set?.size === 0) this.sets.delete(key);
    return Promise.resolve();
  }

  members(key: string): Promise<readonly string[]> {
    return Promise.resolve([...(this.sets.get(key) ?? [])]);
  }

  async acquire(key: string, { wait }: LeaseLimits): Promise<Lease | undefined> {
    const turn = this.tails.get(key);
    const lease = new MemoryLease((records) => {
      for (const record of records) this.write(record);
    });
    const tail = Promise.all([turn, lease.released]).then(() => {
      if (this.tails.get(key) === tail) this.tails.delete(key);
    });
    this.tails.set(key, tail);
    if (turn === undefined || (await settlesWithin(turn, wait))) return lease;
    await lease.release();
    return undefined;
  }

  private read(space: Space, key: string): Stored | undefined {
    const stored = this.spaces[space].get(key);
    return stored !== undefined && stored.until > this.clock.monotonic() ? stored : undefined;
  }

  private write({ space, key, value, ttl, version = 0 }: PlacedRecord): void {
    this.spaces[space].set(key, { value, version, until: this.clock.monotonic() + ttl * 1000 });
  }
}

function ofLimitedSize(): LRUCache<string, Stored> {
  return new LRUCache({ max: MANY, maxSize: MAX_CHARACTERS, sizeCalculation: ({ value }) => value.length + 1 });
}

/** Held until it is released: inside one process a holder that dies takes the lease with it. */
class MemoryLease implements Lease {
  readonly released: Promise<void>;
  private open: () => void = () => undefined;

  constructor(private readonly write: (records: readonly PlacedRecord[]) => void) {
    this.released = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  publish(records: readonly PlacedRecord[]): Promise<boolean> {
    this.write(records);
    return Promise.resolve(true);
  }

  release(): Promise<void> {
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
