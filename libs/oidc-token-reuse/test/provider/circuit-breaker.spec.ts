import { beforeEach, describe, expect, it } from '@jest/globals';
import { CircuitBreaker } from '../../src/provider/circuit-breaker.js';
import { TestClock } from './support.js';

describe('CircuitBreaker', () => {
  let clock: TestClock;
  let breaker: CircuitBreaker;
  const fail = (times: number): void => {
    for (let count = 0; count < times; count += 1) breaker.failed();
  };

  beforeEach(() => {
    clock = new TestClock();
    breaker = new CircuitBreaker(clock);
  });

  it('stays closed at nine failures in ten seconds', () => {
    fail(9);
    expect(breaker.allows()).toBe(true);
  });

  it('opens at the tenth', () => {
    fail(10);
    expect(breaker.allows()).toBe(false);
  });

  it('forgets failures after ten seconds', () => {
    fail(9);
    clock.advance(10_000);
    fail(9);
    expect(breaker.allows()).toBe(true);
  });

  it('forgets them at a success', () => {
    fail(9);
    breaker.succeeded();
    fail(9);
    expect(breaker.allows()).toBe(true);
  });

  it('lets one request per second through while it is open', () => {
    fail(10);
    clock.advance(999);
    expect(breaker.allows()).toBe(false);
    clock.advance(1);
    expect([breaker.allows(), breaker.allows()]).toEqual([true, false]);
    clock.advance(1000);
    expect([breaker.allows(), breaker.allows()]).toEqual([true, false]);
  });

  it('stays open for a second more when the trial fails, however long ago the other failures are', () => {
    fail(10);
    clock.advance(60_000);
    expect(breaker.allows()).toBe(true);
    clock.advance(500);
    breaker.failed();
    clock.advance(999);
    expect(breaker.allows()).toBe(false);
    clock.advance(1);
    expect(breaker.allows()).toBe(true);
  });

  it('closes when the trial succeeds', () => {
    fail(10);
    clock.advance(1000);
    expect(breaker.allows()).toBe(true);
    breaker.succeeded();
    expect([breaker.allows(), breaker.allows()]).toEqual([true, true]);
  });

  it('is not moved by the wall clock', () => {
    fail(10);
    clock.jump(86_400_000);
    expect(breaker.allows()).toBe(false);
    clock.jump(-86_400_000);
    clock.advance(1000);
    expect(breaker.allows()).toBe(true);
  });
});
