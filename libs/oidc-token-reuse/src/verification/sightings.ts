/** Tells what comes again from what comes once. */

/** Characters at the end of a name that tell it from others: those of a signature are as good as random. */
const TOLD_BY = 8;

/**
 * Remembers that names were seen, not the names: 32 bits of each, of the latest `count` at most and of half as many at least. Two names may be taken for
 * the same once in some billions, which costs nothing but a place.
 */
export class Sightings {
  private recent = new Set<number>();
  private earlier: ReadonlySet<number> = new Set<number>();

  constructor(private readonly count: number) {}

  /** True when the name was seen before. */
  note(name: string): boolean {
    const mark = markOf(name);
    if (this.recent.has(mark) || this.earlier.has(mark)) return true;
    if (this.recent.size >= this.count / 2) {
      this.earlier = this.recent;
      this.recent = new Set();
    }
    this.recent.add(mark);
    return false;
  }
}

function markOf(name: string): number {
  let mark = 0;
  for (let index = Math.max(0, name.length - TOLD_BY); index < name.length; index += 1)
    mark = Math.imul(mark, 65) + name.charCodeAt(index);
  return mark | 0;
}
