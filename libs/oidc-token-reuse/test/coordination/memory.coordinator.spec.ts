import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Space } from '../../src/coordination/coordinator.js';
import { MemoryCoordinator } from '../../src/coordination/memory.coordinator.js';
import { TestClock } from '../session/support.js';

const SPACES: readonly Space[] = [
  'attempt',
  'jti',
  'session',
  'spent',
  'successor',
  'tombstone',
  'transaction',
  'unverified-tombstone',
];
const MILLION = 1_000_000;

let clock: TestClock;
let coordinator: MemoryCoordinator;

beforeEach(() => {
  clock = new TestClock();
  coordinator = new MemoryCoordinator(clock);
});

describe('records', () => {
  it('are given back until their time is over, by the clock that never jumps', async () => {
    await coordinator.put('spent', 'a', { value: '1', ttl: 60 });
    clock.seconds += 86_400;
    clock.ticks += 59_999;
    expect(await coordinator.get('spent', 'a')).toBe('1');
    clock.ticks += 1;
    expect(await coordinator.get('spent', 'a')).toBeUndefined();
  });

  it('stay when the system clock is set back', async () => {
    await coordinator.put('tombstone', 'a', { value: '1', ttl: 60 });
    clock.seconds -= 86_400;
    expect(await coordinator.get('tombstone', 'a')).toBe('1');
  });

  it.each(SPACES)('of space %s are found in no other', async (space) => {
    await coordinator.put(space, 'a', { value: space, ttl: 60 });
    const found = await Promise.all(SPACES.map((other) => coordinator.get(other, 'a')));
    expect(found).toEqual(SPACES.map((other) => (other === space ? space : undefined)));
  });

  it('are written once by those who write what is absent, and again when their time is over', async () => {
    const record = { value: '1', ttl: 60 };
    const first = await Promise.all([1, 2, 3].map(() => coordinator.putIfAbsent('transaction', 'a', record)));
    clock.advance(60);
    expect([...first, await coordinator.putIfAbsent('transaction', 'a', record)]).toEqual([true, false, false, true]);
  });

  it('are replaced by a later version only, and not when they are gone', async () => {
    const replace = (version: number): Promise<boolean> =>
      coordinator.replace('session', 'a', { value: String(version), ttl: 60, version });
    expect(await replace(1)).toBe(false);
    await coordinator.put('session', 'a', { value: '0', ttl: 60 });
    expect([await replace(2), await replace(2), await replace(1), await replace(3)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(await coordinator.get('session', 'a')).toBe('3');
    clock.advance(60);
    expect(await replace(4)).toBe(false);
    await coordinator.put('session', 'a', { value: '5', ttl: 60, version: 5 });
    await coordinator.delete('session', 'a');
    expect(await replace(6)).toBe(false);
  });
});

describe('sets', () => {
  it('give their members until these are removed or their time is over', async () => {
    await coordinator.addMember('set', 'one', 60);
    await coordinator.addMember('set', 'two', 30);
    await coordinator.addMember('set', 'three', 60);
    await coordinator.removeMember('set', 'one');
    await coordinator.removeMember('set', 'nobody');
    expect(await coordinator.members('set')).toEqual(['two', 'three']);
    clock.advance(30);
    expect(await coordinator.members('set')).toEqual(['three']);
    await coordinator.removeMember('set', 'three');
    expect([await coordinator.members('set'), await coordinator.members('none')]).toEqual([[], []]);
  });

  it('count a member once, from when it was added last', async () => {
    await coordinator.addMember('set', 'one', 60);
    clock.advance(50);
    await coordinator.addMember('set', 'one', 60);
    clock.advance(50);
    expect(await coordinator.members('set')).toEqual(['one']);
  });
});

describe('leases', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('are held by one at a time, in the order in which they were asked for', async () => {
    const held: number[] = [];
    await Promise.all(
      [1, 2, 3].map(async (holder) => {
        const lease = await coordinator.acquire('a', { wait: 60_000 });
        held.push(holder);
        await new Promise(setImmediate);
        held.push(holder);
        await lease?.release();
      }),
    );
    expect(held).toEqual([1, 1, 2, 2, 3, 3]);
  });

  it('of other keys are free', async () => {
    await coordinator.acquire('a', { wait: 0 });
    expect(await coordinator.acquire('b', { wait: 0 })).toBeDefined();
  });

  it('are not given to who waited too long, and then to the next one', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
    const first = await coordinator.acquire('a', { wait: 0 });
    const impatient = coordinator.acquire('a', { wait: 1000 });
    const patient = coordinator.acquire('a', { wait: 5000 });
    jest.advanceTimersByTime(1000);
    expect(await impatient).toBeUndefined();
    await first?.release();
    expect(await patient).toBeDefined();
  });

  it('publish all records, and may be released twice', async () => {
    const lease = await coordinator.acquire('a', { wait: 0 });
    const records = [
      { space: 'successor', key: 'a:1', value: 'x', ttl: 60 },
      { space: 'spent', key: 'a:2', value: 'y', ttl: 60 },
    ] as const;
    expect(await lease?.publish(records)).toBe(true);
    await lease?.release();
    await lease?.release();
    expect([await coordinator.get('successor', 'a:1'), await coordinator.get('spent', 'a:2')]).toEqual(['x', 'y']);
    expect(await coordinator.acquire('a', { wait: 0 })).toBeDefined();
  });
});

describe('a million', () => {
  it.each(['spent', 'successor'] as const)(
    'records of space %s leave the newest, and those of the others',
    async (space) => {
      const other = space === 'spent' ? 'tombstone' : 'spent';
      await coordinator.put(other, 'kept', { value: '1', ttl: MILLION });
      for (let index = 0; index < MILLION; index += 1) {
        void coordinator.put(space, String(index), { value: '1', ttl: MILLION });
      }
      const found = await Promise.all(
        [0, 899_999, 901_000, 999_999].map((index) => coordinator.get(space, String(index))),
      );
      expect(found).toEqual([undefined, undefined, '1', '1']);
      expect(await coordinator.get(other, 'kept')).toBe('1');
    },
  );

  it('characters of sealed sessions fit a space 64 times', async () => {
    const value = 'x'.repeat(MILLION);
    for (let index = 0; index < 100; index += 1) await coordinator.put('session', String(index), { value, ttl: 60 });
    const found = await Promise.all(
      Array.from({ length: 100 }, (_, index) => coordinator.get('session', String(index))),
    );
    expect(found.filter((record) => record !== undefined)).toHaveLength(63);
    expect(await coordinator.get('session', '99')).toBe(value);
  });

  it('members leave a thousand of one set, and a hundred thousand of all', async () => {
    for (let index = 0; index < 10_000; index += 1) void coordinator.addMember('one', String(index), 60);
    const members = await coordinator.members('one');
    expect([members.length, members[0], members.at(-1)]).toEqual([1000, '9000', '9999']);
    for (let index = 0; index < 200_000; index += 1) void coordinator.addMember(`of ${String(index)}`, 'session', 60);
    const sets = [99_999, 100_000, 199_999].map((index) => coordinator.members(`of ${String(index)}`));
    expect(await Promise.all([coordinator.members('one'), ...sets])).toEqual([[], [], ['session'], ['session']]);
  });

  it('leases leave nothing', async () => {
    const before = heapUsed();
    for (let index = 0; index < 50_000; index += 1) {
      const lease = await coordinator.acquire(`lease ${String(index)}`, { wait: 0 });
      await lease?.release();
    }
    expect(heapUsed() - before).toBeLessThan(5_000_000);
  });
});

function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
