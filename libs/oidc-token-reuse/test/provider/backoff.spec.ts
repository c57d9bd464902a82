import { describe, expect, it } from '@jest/globals';
import { Backoff } from '../../src/provider/backoff.js';
import { LostResponseException } from '../../src/provider/provider-fetch.js';
import { TestClock } from './support.js';

describe('Backoff', () => {
  const failure = new Error('down');

  it('does not wait before the first failure', () => {
    const backoff = new Backoff(new TestClock());
    expect([backoff.isFailing, backoff.remaining]).toEqual([false, 0]);
  });

  it('doubles the longest wait with each failure, up to 10 s', () => {
    const backoff = new Backoff(new TestClock(), () => 1);
    const waits = Array.from({ length: 12 }, () => backoff.failed(failure));
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, ...Array<number>(7).fill(10_000)]);
  });

  it('takes any part of the longest wait, but never less than 100 ms', () => {
    const waits = [0, 0.5, 1].map((random) => new Backoff(new TestClock(), () => random).failed(failure));
    expect(waits).toEqual([100, 300, 500]);
  });

  it('waits as long as Retry-After asks', () => {
    const backoff = new Backoff(new TestClock(), () => 1);
    expect(backoff.failed(new LostResponseException('busy', { retryAfter: 30 }))).toBe(30_000);
    expect(backoff.failed(new LostResponseException('busy'))).toBe(1000);
  });

  it('counts the wait on the monotonic clock', () => {
    const clock = new TestClock();
    const backoff = new Backoff(clock, () => 1);
    backoff.failed(failure);
    clock.jump(3_600_000);
    expect(backoff.remaining).toBe(500);
    clock.advance(499);
    expect(backoff.remaining).toBe(1);
    clock.advance(1);
    expect([backoff.remaining, backoff.isFailing]).toEqual([0, true]);
  });

  it('begins anew after a success', () => {
    const backoff = new Backoff(new TestClock(), () => 1);
    backoff.failed(failure);
    backoff.failed(failure);
    backoff.succeeded();
    expect([backoff.isFailing, backoff.remaining, backoff.failed(failure)]).toEqual([false, 0, 500]);
  });
});
