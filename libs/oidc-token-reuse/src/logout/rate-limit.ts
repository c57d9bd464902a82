/** Lets so many through in so much time. */
import type { Clock } from '../clock.js';

export class RateLimit {
  private windowStart = 0;
  private used = 0;

  constructor(
    private readonly clock: Clock,
    private readonly limit: { readonly count: number; /** Milliseconds. */ readonly window: number },
  ) {}

  allows(): boolean {
    const now = this.clock.monotonic();
    if (now - this.windowStart >= this.limit.window) {
      this.windowStart = now;
      this.used = 0;
    }
    this.used += 1;
    return this.used <= this.limit.count;
  }
}
