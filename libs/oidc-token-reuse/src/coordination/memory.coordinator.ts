/** Coordination inside one process: bounded maps, and a queue per lease. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';
import {
  Coordinator,
  MAX_MEMBERS,
  type KeptSpace,
  type KnownRecord,
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

interface Member {
  readonly value: string;
  /** Monotonic milliseconds. */
  readonly until: number;
}

interface Placed extends StoredRecord {
  readonly space: Space;
  readonly key: string;
}

const MANY = 100_000;
/** Characters of the sealed sessions that one space holds: some ten thousand of them. */
const MAX_CHARACTERS = 64_000_000;
/** Characters that a record takes beside its value. */
const RECORD_OVERHEAD = MAX_CHARACTERS / MANY;

/** Keeps the newest records of each space up to a bound; what is older than its lifetime is never returned. */
export class MemoryCoordinator extends Coordinator {
  readonly isHealthy = true;
  readonly mayLackMembers = true;
  private readonly spaces: Readonly<Record<Space, LRUCache<string, Stored>>> = {
    attempt: ofLimitedCount(),
    jti: ofLimitedCount(),
    session: ofLimitedSize(),
    spent: ofLimitedCount(),
    successor: ofLimitedSize(),
    tombstone: ofLimitedCount(),
    transaction: ofLimitedCount(),
    'unverified-tombstone': ofLimitedCount(),
  };
  private readonly sets = new LRUCache<string, readonly Member[]>({
    maxSize: MANY,
    sizeCalculation: ({ length }) => length,
  });
  private readonly tails = new Map<string, Promise<void>>();

  constructor(private readonly clock: Clock) {
    super();
  }

  get(space: Space, key: string): Promise<string | undefined> {
    return Promise.resolve(this.read(space, key)?.value);
  }

  override atOnce(space: Space, key: string): KnownRecord | undefined {
    return { value: this.read(space, key)?.value };
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

  replace(space: KeptSpace, key: string, record: StoredRecord & { readonly version: number }): Promise<boolean> {
    const present = this.read(space, key);
    const isOlder = present !== undefined && present.version < record.version;
    if (isOlder) this.write({ space, key, ...record });
    return Promise.resolve(isOlder);
  }

  delete(space: KeptSpace, key: string): Promise<void> {
    this.spaces[space].delete(key);
    return Promise.resolve();
  }

  addMember(key: string, member: string, ttl: number): Promise<void> {
    const others = this.membersBut(key, member).slice(1 - MAX_MEMBERS);
    this.sets.set(key, [...others, { value: member, until: this.clock.monotonic() + ttl * 1000 }]);
    return Promise.resolve();
  }

  removeMember(key: string, member: string): Promise<void> {
    const others = this.membersBut(key, member);
    if (others.length === 0) this.sets.delete(key);
    else this.sets.set(key, others);
    return Promise.resolve();
  }

  members(key: string): Promise<readonly string[]> {
    return Promise.resolve(this.membersBut(key).map(({ value }) => value));
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

  /** The members that still live, the oldest first. */
  private membersBut(key: string, member?: string): readonly Member[] {
    const now = this.clock.monotonic();
    return (this.sets.get(key) ?? []).filter(({ value, until }) => until > now && value !== member);
  }

  private write({ space, key, value, ttl, version = 0 }: Placed): void {
    this.spaces[space].set(key, { value, version, until: this.clock.monotonic() + ttl * 1000 });
  }
}

/** Limited by size, since a limit by count would take its memory before the first record is there. */
function ofLimitedCount(): LRUCache<string, Stored> {
  return new LRUCache({ maxSize: MANY, sizeCalculation: () => 1 });
}

function ofLimitedSize(): LRUCache<string, Stored> {
  return new LRUCache({ maxSize: MAX_CHARACTERS, sizeCalculation: ({ value }) => value.length + RECORD_OVERHEAD });
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
