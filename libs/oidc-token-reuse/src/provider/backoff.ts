/** Waiting times between attempts that failed: doubling, capped, with full jitter so that many instances do not ask at once. */

const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/** Milliseconds to wait after the given number of failures in a row. */
export function backoff(failures: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 10));
  return Math.round(ceiling * (0.5 + random() / 2));
}
