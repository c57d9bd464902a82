import { describe, expect, it } from '@jest/globals';
import { UnknownKids } from '../../src/provider/unknown-kids.js';
import { TestClock } from '../session/support.js';

describe('unknown kids', () => {
  it('are remembered for a minute, a thousand of them at most, the newest', () => {
    const clock = new TestClock();
    // The map takes a beginning of 0 for none.
    clock.advance(1);
    const kids = new UnknownKids(clock, 0);
    for (let count = 0; count < 1_000_000; count += 1) kids.add(`kid-${String(count)}`);
    const remembered = Array.from({ length: 2000 }, (_, index) => kids.has(`kid-${String(999_999 - index)}`));
    expect(remembered.filter(Boolean)).toHaveLength(1000);
    expect([kids.has('kid-999999'), kids.has('kid-0')]).toEqual([true, false]);
    clock.advance(60.001);
    expect(kids.has('kid-999999')).toBe(false);
  });

  it('may be looked for once in a window', () => {
    const clock = new TestClock();
    const kids = new UnknownKids(clock, 30_000);
    expect([kids.takeLook(), kids.takeLook()]).toEqual([true, false]);
    clock.advance(29.999);
    expect(kids.takeLook()).toBe(false);
    clock.advance(0.001);
    expect([kids.takeLook(), kids.takeLook()]).toEqual([true, false]);
  });

  it('may be looked for each by itself where there is no window', () => {
    const kids = new UnknownKids(new TestClock(), 0);
    expect([kids.takeLook(), kids.takeLook()]).toEqual([true, true]);
  });
});
