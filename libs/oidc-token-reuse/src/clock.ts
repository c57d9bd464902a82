/** The one source of time: wall clock for claims and lifetimes, monotonic clock for ages and timeouts. */

export abstract class Clock {
  /** Wall clock in whole epoch seconds, the unit of `exp`, `iat` and `expires_in` (RFC 7519 section 2, NumericDate). */
  abstract now(): number;
  /** Wall clock in epoch milliseconds. */
  abstract millis(): number;
  /** Milliseconds that never jump, for cache ages and timeouts. */
  abstract monotonic(): number;
}

/** The clock of the operating system. */
export class SystemClock extends Clock {
  now(): number {
    return Math.floor(Date.now() / 1000);
  }

  millis(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }
}
