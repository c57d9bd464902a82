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

/** What was used least is pushed out first. The bytes of a value are what its owner says of it. */
export class ExpiringCache<Value extends object> {
  private readonly values: LRUCache<string, Value> | undefined;
  /** Bytes that every value counts for at least, so that one limit stands for both. */
  private readonly least: number;
  private sweep: NodeJS.Timeout | undefined;

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
  get(key: string): Value | undefined {
    const value = this.values?.get(key);
    if (value === undefined || !this.isOver(value)) return value;
    this.delete(key);
    return undefined;
  }

  set(key: string, value: Value, bytes: number): void {
    if (this.values === undefined) return;
    this.values.set(key, value, { size: Math.max(this.least, Math.ceil(bytes)) });
    this.sweep ??= this.sweepLater();
  }

  delete(key: string): void {
    this.values?.delete(key);
  }

  /** Lets go of every value that this holds of, and gives them back. */
  deleteWhere(holds: (value: Value) => boolean): readonly Value[] {
    const held = new Map<string, Value>();
    this.values?.forEach((value, key) => {
      if (holds(value)) held.set(key, value);
    });
    for (const key of held.keys()) this.delete(key);
    return [...held.values()];
  }

  /** Lets go of everything. */
  close(): void {
    clearTimeout(this.sweep);
    this.values?.clear();
  }

  private sweepLater(): NodeJS.Timeout {
    return setTimeout(() => {
      this.deleteWhere(this.isOver);
      this.sweep = this.size > 0 ? this.sweepLater() : undefined;
    }, SWEEP_MS).unref();
  }
}
