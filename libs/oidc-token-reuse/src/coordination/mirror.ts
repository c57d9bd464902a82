/** A copy of what all processes push to each other: bounded, and honest about whether anything is missing from it. */
import type { Clock } from '../clock.js';
import { PUSHED_SPACES, type PushedSpace } from './coordinator.js';

export interface PushedRecord {
  readonly space: PushedSpace;
  readonly key: string;
  readonly value: string;
  /** Milliseconds. */
  readonly ttl: number;
}

/** Milliseconds for which a copy that was whole counts as whole: what is pushed meanwhile may be on its way. */
const WHOLE_FOR_MS = 1000;
/** Milliseconds after which a space that did not fit is looked at again. */
const FULL_FOR_MS = 60_000;
/** Records held of each space, some 200 bytes each. */
const BOUNDS: Readonly<Record<PushedSpace, number>> = { tombstone: 100_000, 'unverified-tombstone': 20_000 };

/**
 * Pushes are counted by who orders them. The copy is whole when all up to a count were read, each later one has come in turn, and a sign of life that we
 * sent has come back behind them with the same count.
 */
export class Mirror {
  private readonly shelves: Readonly<Record<PushedSpace, Shelf>>;
  /** Count of the newest push that is known of. */
  private newest: number | undefined;
  private isRead = false;
  /** Monotonic milliseconds at which the sign of life was sent that came back last. */
  private wholeAt = -Infinity;
  private gaps = 0;

  constructor(
    private readonly clock: Clock,
    bounds = BOUNDS,
  ) {
    this.shelves = {
      tombstone: new Shelf(bounds.tombstone),
      'unverified-tombstone': new Shelf(bounds['unverified-tombstone']),
    };
  }

  /** What is known of a record; undefined when only those who keep it can tell. A record that is there counts whatever else may be missing. */
  find(space: PushedSpace, key: string): { readonly value: string | undefined } | undefined {
    const now = this.clock.monotonic();
    const value = this.shelves[space].get(key, now);
    return value !== undefined || (this.isWhole(now) && this.shelves[space].isWhole) ? { value } : undefined;
  }

  /** Takes in a record, wherever it comes from. */
  note({ space, key, value, ttl }: PushedRecord): void {
    this.shelves[space].put(key, { value, ttl, now: this.clock.monotonic() });
  }

  /** Takes in a push. */
  pushed(count: number, record: PushedRecord): void {
    this.note(record);
    if (this.newest !== undefined && count <= this.newest) return;
    if (this.newest === undefined || count > this.newest + 1) this.missed();
    this.newest = count;
  }

  /** A sign of life came back: everything that was pushed before it, up to `count`, should be here. */
  confirm({ count, sentAt }: { readonly count: number; readonly sentAt: number }): void {
    if (count !== this.newest) {
      this.missed();
      this.newest = count;
    }
    this.wholeAt = sentAt;
  }

  /** Something was pushed that is not here. */
  missed(): void {
    this.isRead = false;
    this.gaps += 1;
  }

  /** True when everything has to be read, since something is missing. Nothing is read before it is known where counting begins. */
  get needsReading(): boolean {
    const now = this.clock.monotonic();
    return (
      this.newest !== undefined &&
      (!this.isRead || PUSHED_SPACES.some((space) => this.shelves[space].isWorthALook(now)))
    );
  }

  /** Reads everything, each space until it is full. What is pushed meanwhile may come in between. */
  async read(records: (space: PushedSpace) => AsyncIterable<PushedRecord>): Promise<void> {
    const { gaps } = this;
    this.isRead = false;
    for (const space of PUSHED_SPACES) await this.readSpace(space, records(space));
    this.isRead = this.gaps === gaps;
  }

  private async readSpace(space: PushedSpace, records: AsyncIterable<PushedRecord>): Promise<void> {
    const shelf = this.shelves[space];
    shelf.begin();
    for await (const record of records) {
      this.note(record);
      if (!shelf.isWhole) return;
    }
  }

  private isWhole(now: number): boolean {
    const age = now - this.wholeAt;
    return this.isRead && age >= 0 && age < WHOLE_FOR_MS;
  }
}

/** The records of one space. When there are too many the oldest go, and it says so. */
class Shelf {
  isWhole = true;
  private readonly records = new Map<string, { readonly value: string; readonly until: number }>();
  /** Monotonic milliseconds. */
  private fullSince = -Infinity;

  constructor(private readonly bound: number) {}

  get(key: string, now: number): string | undefined {
    const record = this.records.get(key);
    return record !== undefined && record.until > now ? record.value : undefined;
  }

  /** The record that lives longer counts, since it is the newer one. */
  put(key: string, { value, ttl, now }: { readonly value: string; readonly ttl: number; readonly now: number }): void {
    const until = now + ttl;
    if ((this.records.get(key)?.until ?? -Infinity) > until) return;
    this.records.delete(key);
    this.records.set(key, { value, until });
    if (this.records.size > this.bound) this.makeRoom(now);
  }

  begin(): void {
    this.isWhole = true;
  }

  isWorthALook(now: number): boolean {
    return !this.isWhole && now - this.fullSince >= FULL_FOR_MS;
  }

  private makeRoom(now: number): void {
    if (now - this.fullSince >= FULL_FOR_MS) {
      this.fullSince = now;
      for (const [key, { until }] of this.records) if (until <= now) this.records.delete(key);
    }
    for (const key of this.records.keys()) {
      if (this.records.size <= this.bound) return;
      this.records.delete(key);
      this.isWhole = false;
    }
  }
}
