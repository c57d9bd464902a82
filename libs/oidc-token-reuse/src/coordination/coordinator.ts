/** The port for what several processes must agree on. In memory for one process; Redis for many. */

/** What every process is told at once, and nobody takes back. */
export const PUSHED_SPACES = ['tombstone', 'unverified-tombstone'] as const;
export type PushedSpace = (typeof PUSHED_SPACES)[number];
export type KeptSpace = 'attempt' | 'jti' | 'session' | 'spent' | 'successor' | 'transaction';
/** What is recorded, each kind in a space of its own so that a flood of one never pushes out another. */
export type Space = KeptSpace | PushedSpace;

/** Members of one set at most: the newest. */
export const MAX_MEMBERS = 1000;

export interface StoredRecord {
  readonly value: string;
  /** Seconds. */
  readonly ttl: number;
  /** Counts upwards with every change of the record; 0 where nothing ever replaces it. */
  readonly version?: number;
}

/** What a record says; an undefined value says that there is none. */
export interface KnownRecord {
  readonly value: string | undefined;
}

/** A record and where it belongs. */
export interface PlacedRecord extends StoredRecord {
  readonly space: KeptSpace;
  readonly key: string;
}

export interface LeaseLimits {
  /** Milliseconds to wait for the lease to become free. */
  readonly wait: number;
}

/** The exclusive right to redeem one session's refresh token, for as long as its holder lives. */
export interface Lease {
  /** Writes all records or none: none when the lease has been lost, so that a holder that was slow never overwrites its successor's result. */
  publish(records: readonly PlacedRecord[]): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * Records with a lifetime, and leases. The part of a key before its first colon is its group; what is published together is in one group, which a
 * cluster keeps in one place. An implementation throws `CoordinationUnavailableException` when it cannot answer: a failure is never read as a miss.
 *
 * @publicApi
 */
export abstract class Coordinator {
  /** False while the last answer is a failure. */
  abstract readonly isHealthy: boolean;
  /** True where a set commonly lacks what was added to it: it is gone with the process that held it. Of more than `MAX_MEMBERS` the oldest always are. */
  abstract readonly mayLackMembers: boolean;
  abstract get(space: Space, key: string): Promise<string | undefined>;
  /**
   * What is known of a record here, without asking anybody; undefined when `get` has to tell. Of what is pushed, a record that another process put less
   * than a second ago may be missing; what is older never is.
   */
  atOnce(_space: Space, _key: string): KnownRecord | undefined {
    return undefined;
  }
  /** As `get`, for every request: what is known here answers. */
  glance(space: PushedSpace, key: string): Promise<string | undefined> {
    const known = this.atOnce(space, key);
    return known === undefined ? this.get(space, key) : Promise.resolve(known.value);
  }
  abstract put(space: Space, key: string, record: StoredRecord): Promise<void>;
  /** Writes a record unless there is one. True when this call wrote it. */
  abstract putIfAbsent(space: Space, key: string, record: StoredRecord): Promise<boolean>;
  /** Writes a record in place of an older version of itself. False when there is none, or none older: it was deleted, or somebody was faster. */
  abstract replace(
    space: KeptSpace,
    key: string,
    record: StoredRecord & { readonly version: number },
  ): Promise<boolean>;
  abstract delete(space: KeptSpace, key: string): Promise<void>;
  /** Adds a member to a set, for `ttl` seconds. */
  abstract addMember(key: string, member: string, ttl: number): Promise<void>;
  abstract removeMember(key: string, member: string): Promise<void>;
  abstract members(key: string): Promise<readonly string[]>;
  /** Holds the lease `key`, or nothing when it did not become free in time. */
  abstract acquire(key: string, limits: LeaseLimits): Promise<Lease | undefined>;
  /** Lets go of what it holds. */
  close(): void {
    // In memory there is nothing to let go of.
  }
}
