/** The port for what several processes must agree on. In memory for one process; a shared implementation for many. */

/** What is recorded, each kind in a space of its own so that a flood of one never pushes out another. */
export type Space = 'successor' | 'spent' | 'tombstone' | 'transaction';

export interface StoredRecord {
  readonly value: string;
  /** Seconds. */
  readonly ttl: number;
}

export interface LeaseLimits {
  /** Milliseconds after which a lease falls to the next one if its holder has died. */
  readonly ttl: number;
  /** Milliseconds to wait for the lease to become free. */
  readonly wait: number;
}

/** The exclusive right to redeem one session's refresh token. */
export interface Lease {
  /** True while nobody else can hold the lease. */
  isHeld(): boolean;
  release(): Promise<void>;
}

/**
 * Records with a lifetime, and leases. An implementation throws when it cannot answer: a failure is never read as a miss.
 *
 * @publicApi
 */
export abstract class Coordinator {
  abstract get(space: Space, key: string): Promise<string | undefined>;
  abstract put(space: Space, key: string, record: StoredRecord): Promise<void>;
  /** Writes a record unless there is one. True when this call wrote it. */
  abstract putIfAbsent(space: Space, key: string, record: StoredRecord): Promise<boolean>;
  /** Holds the lease `key`, or nothing when it did not become free in time. */
  abstract acquire(key: string, limits: LeaseLimits): Promise<Lease | undefined>;
}
