import { describe, expect, it, jest } from '@jest/globals';
import { SystemClock } from '../src/clock.js';

describe('SystemClock', () => {
  const clock = new SystemClock();

  it('gives whole epoch seconds, rounded down, and epoch milliseconds', () => {
    jest.useFakeTimers({ now: 1_700_000_000_999 });
    expect([clock.now(), clock.millis()]).toEqual([1_700_000_000, 1_700_000_000_999]);
    jest.useRealTimers();
  });

  it('has a monotonic side that a change of the wall clock does not move', () => {
    jest.useFakeTimers({ now: 1_700_000_000_000 });
    const before = clock.monotonic();
    jest.setSystemTime(1_600_000_000_000);
    expect([clock.now(), clock.monotonic() - before]).toEqual([1_600_000_000, 0]);
    jest.advanceTimersByTime(1500);
    expect([clock.now(), clock.monotonic() - before]).toEqual([1_600_000_001, 1500]);
    jest.useRealTimers();
  });
});
