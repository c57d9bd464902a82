/** Random numbers that a seed determines, so that every case can be made again. */
import { createHash } from 'node:crypto';

/** Of this module, since a test's globals are found slowly. */
const { imul, max, min } = Math;

/** Mulberry32: 32 bits of state are plenty for a few million cases. */
export class Random {
  private state: number;

  constructor(seed: string) {
    this.state = createHash('sha256').update(seed).digest().readInt32LE(0);
  }

  /** A whole number from 0 up to, and not including, the limit. */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % max(1, limit);
  }

  /** True this many times in a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[this.below(values.length)] ?? values[0];
  }

  /** A piece of something this long: where it begins, and where it ends. */
  range(length: number): readonly [start: number, end: number] {
    const start = this.below(length);
    return [start, start + this.below(min(length - start, 64)) + 1];
  }
}
