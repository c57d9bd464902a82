/** Stops asking a provider that does not answer, so that an outage costs a request microseconds instead of a timeout. */
import type { Clock } from '../clock.js';
import { ProviderUnavailableException } from '../errors/exceptions.js';

/** Failures within the window that open the circuit. */
const THRESHOLD = 10;
const WINDOW_MS = 10_000;
/** How long the circuit stays open before one request may try again. */
const OPEN_MS = 1000;

/** Counts transport failures and 5xx answers only: what a provider refuses with 4xx says that it is well. */
export class CircuitBreaker {
  private failures: number[] = [];
  private openUntil = 0;

  constructor(private readonly clock: Clock) {}

  /** @throws ProviderUnavailableException while the circuit is open */
  assertClosed(): void {
    const now = this.clock.monotonic();
    if (now < this.openUntil) {
      throw new ProviderUnavailableException('the OpenID Provider does not answer', { retryAfter: 1 });
    }
    // Half open: the next request tries, others wait for its result.
    if (this.openUntil > 0) this.openUntil = now + OPEN_MS;
  }

  succeeded(): void {
    this.failures = [];
    this.openUntil = 0;
  }

  failed(): void {
    const now = this.clock.monotonic();
    this.failures = [...this.failures.filter((at) => now - at < WINDOW_MS), now].slice(-THRESHOLD);
    if (this.failures.length >= THRESHOLD) this.openUntil = now + OPEN_MS;
  }
}
