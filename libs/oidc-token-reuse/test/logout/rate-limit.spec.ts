import { describe, expect, it } from '@jest/globals';
import { RateLimit } from '../../src/logout/rate-limit.js';
import { TestClock } from '../session/support.js';

describe('RateLimit', () => {
  it('lets as many through as it says, and again when the window is over', () => {
    const clock = new TestClock();
    clock.advance(100);
    const limit = new RateLimit(clock, { count: 3, window: 10_000 });
    const ask = (): boolean[] => Array.from({ length: 4 }, () => limit.allows());
    expect(ask()).toEqual([true, true, true, false]);
    clock.advance(9.999);
    expect(limit.allows()).toBe(false);
    clock.advance(0.001);
    expect(ask()).toEqual([true, true, true, false]);
    clock.advance(9.999);
    expect(limit.allows()).toBe(false);
  });
});
