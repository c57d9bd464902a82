/** Tells what comes again from what comes once. */
import type { PresentedToken } from './presented-token.js';

/**
 * Remembers that tokens were seen, not the tokens: the mark of each, of the latest `count` at most and of half as many at least. Two tokens may be taken
 * for the same once in some 100,000, which costs nothing but a place.
 */
export class Sightings {
  private recent: MarkSet;
  private earlier: MarkSet;

  constructor(count: number) {
    this.recent = new MarkSet(count / 2);
    this.earlier = new MarkSet(count / 2);
  }

  /** True when the token was seen before. */
  note({ mark }: PresentedToken): boolean {
    if (this.recent.has(mark) || this.earlier.has(mark)) return true;
    if (this.recent.isFull) this.turn();
    this.recent.add(mark);
    return false;
  }

  private turn(): void {
    [this.recent, this.earlier] = [this.earlier, this.recent];
    this.recent.clear();
  }
}

/** Marks in one piece of memory: a `Set` of as many grows by copies that keep the garbage collector busy. */
class MarkSet {
  /** 0: free. */
  private readonly slots: Uint32Array;
  private count = 0;

  constructor(private readonly limit: number) {
    // Never more than half full, so that a free slot is near.
    this.slots = new Uint32Array(2 ** Math.ceil(Math.log2(2 * Math.max(1, limit) + 1)));
  }

  get isFull(): boolean {
    return this.count >= this.limit;
  }

  has(mark: number): boolean {
    return this.slots[this.slotOf(mark)] === mark;
  }

  add(mark: number): void {
    this.slots[this.slotOf(mark)] = mark;
    this.count += 1;
  }

  clear(): void {
    this.slots.fill(0);
    this.count = 0;
  }

  /** Where a mark is, or would be. */
  private slotOf(mark: number): number {
    const last = this.slots.length - 1;
    let slot = mark & last;
    while (this.slots[slot] !== 0 && this.slots[slot] !== mark) slot = (slot + 1) & last;
    return slot;
  }
}
