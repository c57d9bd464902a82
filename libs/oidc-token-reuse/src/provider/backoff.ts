/** When to ask again after attempts that failed: later each time, at random so that many instances do not ask at once, and as the provider wishes. */
import type { Clock } from '../clock.js';
import { requestedWait } from './provider-fetch.js';

const SHORTEST_MS = 100;
const FIRST_LIMIT_MS = 500;
const LONGEST_MS = 10_000;

/** Counts the failures in a row of one kind of request, and says when the next attempt may be made. */
export class Backoff {
  private failures = 0;
  private notBefore = 0;

  constructor(
    private readonly clock: Clock,
    private readonly random: () => number = Math.random,
  ) {}

  /** The last attempt failed. */
  get isFailing(): boolean {
    return this.failures > 0;
  }

  /** Milliseconds until the next attempt may be made; 0 when it may be made now. */
  get remaining(): number {
    return Math.max(0, this.notBefore - this.clock.monotonic());
  }

  succeeded(): void {
    this.failures = 0;
    this.notBefore = 0;
  }

  /**
   * Counts a failure. The wait has full jitter below a limit that doubles each time, up to 10 s, and is never shorter than `Retry-After` asks.
   *
   * @returns milliseconds to wait
   */
  failed(error: unknown): number {
    const limit = Math.min(LONGEST_MS, FIRST_LIMIT_MS * 2 ** Math.min(this.failures, 10));
    const jittered = SHORTEST_MS + this.random() * (limit - SHORTEST_MS);
    const wait = Math.ceil(Math.max(jittered, requestedWait(error) * 1000));
    this.failures += 1;
    this.notBefore = this.clock.monotonic() + wait;
    return wait;
  }
}
