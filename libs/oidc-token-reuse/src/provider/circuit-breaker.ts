/** Stops asking somebody who does not answer, so that an outage costs a request microseconds instead of a timeout. */
import type { Clock } from '../clock.js';

/** Failures within the window that open the circuit. */
const THRESHOLD = 10;
const WINDOW_MS = 10_000;
/** How long an open circuit lets nobody through, after a failure or a trial. */
const OPEN_MS = 1000;

/** Opens after ten failures in ten seconds. While it is open, one request per second is let through as a trial; its success closes it. */
export class CircuitBreaker {
  /** Monotonic milliseconds of the latest failures. */
  private failures: readonly number[] = [];
  /** Monotonic milliseconds of the next trial; undefined while the circuit is closed. */
  private trialAt: number | undefined;

  constructor(private readonly clock: Clock) {}

  /** Whether to ask now. Whoever is told so while the circuit is open makes the trial. */
  allows(): boolean {
    if (this.trialAt === undefined) return true;
    const now = this.clock.monotonic();
    if (now < this.trialAt) return false;
    this.trialAt = now + OPEN_MS;
    return true;
  }

  succeeded(): void {
    this.failures = [];
    this.trialAt = undefined;
  }

  failed(): void {
    const now = this.clock.monotonic();
    this.failures = [...this.failures.filter((at) => now - at < WINDOW_MS), now].slice(-THRESHOLD);
    if (this.trialAt !== undefined || this.failures.length >= THRESHOLD) this.trialAt = now + OPEN_MS;
  }
}
