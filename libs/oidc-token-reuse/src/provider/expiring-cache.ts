/** A bounded map in which nothing stays after its end, also when nobody asks for it again. */
import { LRUCache } from 'lru-cache';

/** Milliseconds between two looks at everything that is held. */
const SWEEP_MS = 30_000;

export interface CacheLimits {
  /** 0: nothing is held. */
  readonly entries: number;
  /** 0: nothing is held. */
  readonly bytes: number;
}

export interface Held {
  /** How many values had come when this one was last used: the cache's own; its owner writes 0. */
  usedAt: number;
}

/** What was not used for longest is pushed out first, to the nearest arrival of another. The bytes of a value are what its owner says of it. */
export class ExpiringCache<Key extends string | number, Value extends Held> {
  private values: LRUCache<Key, Value> | undefined;
  /** Bytes that every value counts for at least, so that one limit stands for both. */
  private readonly least: number;
  private sweep: NodeJS.Timeout | undefined;
  /** How many have come. */
  private count = 0;

  constructor(
    { entries, bytes }: CacheLimits,
    private readonly isOver: (value: Value) => boolean,
  ) {
    this.least = Math.ceil(bytes / entries);
    this.values = entries > 0 && bytes > 0 ? new LRUCache({ maxSize: bytes }) : undefined;
  }

  get size(): number {
    return this.values?.size ?? 0;
  }

  /** A value that is not over. */
  get(key: Key): Value | undefined {
    const value = this.values?.peek(key);
    if (value === undefined) return undefined;
    if (this.isOver(value)) {
      this.delete(key);
      return undefined;
    }
    if (value.usedAt !== this.count) this.use(key, value);
    return value;
  }

  set(key: Key, value: Value, bytes: number): void {
    if (this.values === undefined) return;
    this.count += 1;
    value.usedAt = this.count;
    this.values.set(key, value, { size: Math.max(this.least, Math.ceil(bytes)) });
    this.sweep ??= this.sweepLater();
  }

  delete(key: Key): void {
    this.values?.delete(key);
  }

  /** Lets go of every value that this holds of, and gives them back. */
  deleteWhere(holds: (value: Value) => boolean): readonly Value[] {
    const held = new Map<Key, Value>();
    this.values?.forEach((value, key) => {
      if (holds(value)) held.set(key, value);
    });
    for (const key of held.keys()) this.delete(key);
    return [...held.values()];
  }

  /** Lets go of everything, and takes nothing more. */
  close(): void {
    clearTimeout(this.sweep);
    this.values = undefined;
  }

  /** Puts a value behind all others. The order matters only where something has come since, and to change it costs more than to look. */
  private use(key: Key, value: Value): void {
    this.values?.get(key);
    value.usedAt = this.count;
  }

  private sweepLater(): NodeJS.Timeout {
    return setTimeout(() => {
      this.deleteWhere(this.isOver);
      this.sweep = this.size > 0 ? this.sweepLater() : undefined;
    }, SWEEP_MS).unref();
  }
}
