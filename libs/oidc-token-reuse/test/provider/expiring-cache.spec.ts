import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ExpiringCache, type Held } from '../../src/provider/expiring-cache.js';
import { holdTimers } from './support.js';

interface Item extends Held {
  readonly until: number;
}

const item = (until: number): Item => ({ until, usedAt: 0 });

describe('ExpiringCache', () => {
  let now = 0;
  const isOver = ({ until }: Item): boolean => until <= now;
  const filled = (limits = { entries: 3, bytes: 300 }): ExpiringCache<string, Item> => {
    now = 0;
    const cache = new ExpiringCache<string, Item>(limits, isOver);
    for (const key of ['a', 'b', 'c', 'd']) cache.set(key, item(key === 'd' ? 20 : 10), 10);
    return cache;
  };

  afterEach(() => {
    jest.useRealTimers();
  });

  it('holds as many values as it may, those used last', () => {
    const cache = filled();
    cache.get('b');
    cache.set('e', item(10), 10);
    expect(['a', 'b', 'c', 'd', 'e'].map((key) => cache.get(key) !== undefined)).toEqual([
      false,
      true,
      false,
      true,
      true,
    ]);
  });

  it('pushes out first what was not used since others came', () => {
    const cache = filled();
    for (const key of ['b', 'd', 'b']) cache.get(key);
    cache.set('e', item(10), 10);
    cache.get('d');
    cache.set('f', item(10), 10);
    cache.set('g', item(10), 10);
    expect(['b', 'd', 'e', 'f', 'g'].map((key) => cache.get(key) !== undefined)).toEqual([
      false,
      true,
      false,
      true,
      true,
    ]);
  });

  it('holds as many bytes as it may', () => {
    const cache = filled({ entries: 100, bytes: 30 });
    expect(cache.size).toBe(3);
    cache.set('large', item(10), 25);
    expect(cache.size).toBe(1);
    cache.set('too large', item(10), 31);
    expect([cache.size, cache.get('too large')]).toEqual([1, undefined]);
  });

  it.each([
    { entries: 0, bytes: 300 },
    { entries: 3, bytes: 0 },
  ])('holds nothing with %j', (limits) => {
    const cache = filled(limits);
    expect([cache.size, cache.get('d')]).toEqual([0, undefined]);
  });

  it('gives nothing that is over', () => {
    const cache = filled();
    now = 10;
    expect([cache.get('c'), cache.get('d'), cache.size]).toMatchObject([undefined, { until: 20 }, 2]);
  });

  it('lets go of what is over within half a minute, also when nobody asks', () => {
    holdTimers();
    const cache = filled();
    now = 10;
    jest.advanceTimersByTime(30_000);
    expect(cache.size).toBe(1);
    now = 20;
    jest.advanceTimersByTime(30_000);
    expect([cache.size, jest.getTimerCount()]).toEqual([0, 0]);
  });

  it('lets go of what it is told to, and of everything', () => {
    holdTimers();
    const cache = filled();
    cache.deleteWhere(({ until }) => until === 20);
    expect(cache.size).toBe(2);
    cache.close();
    expect([cache.size, jest.getTimerCount()]).toEqual([0, 0]);
    cache.set('late', item(10), 10);
    expect([cache.size, cache.get('late'), jest.getTimerCount()]).toEqual([0, undefined, 0]);
  });
});
