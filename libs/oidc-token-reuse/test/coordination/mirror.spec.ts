import { describe, expect, it } from '@jest/globals';
import { Mirror, type PushedRecord } from '../../src/coordination/mirror.js';
import { TestClock } from '../session/support.js';

const ROOMY = { tombstone: 1000, 'unverified-tombstone': 1000 };

function recordOf(key: string, parts: Partial<PushedRecord> = {}): PushedRecord {
  return { space: 'tombstone', key, value: '1', ttl: 3_600_000, ...parts };
}

async function* listOf(...records: readonly PushedRecord[]): AsyncGenerator<PushedRecord> {
  for (const record of records) yield await Promise.resolve(record);
}

const nothing = (): AsyncGenerator<PushedRecord> => listOf();

/** A mirror that is whole. */
async function wholeMirror(clock: TestClock, bounds = ROOMY): Promise<Mirror> {
  const mirror = new Mirror(clock, bounds);
  mirror.confirm({ count: 7, sentAt: clock.monotonic() });
  await mirror.read(nothing);
  return mirror;
}

const missing = { value: undefined };

describe('a copy of what is pushed', () => {
  it('knows of nothing that is missing before it was read', () => {
    const clock = new TestClock();
    const mirror = new Mirror(clock, ROOMY);
    expect(mirror.needsReading).toBe(false);
    mirror.pushed(6, recordOf('early'));
    mirror.confirm({ count: 6, sentAt: clock.monotonic() });
    expect(mirror.needsReading).toBe(true);
    expect([mirror.find('tombstone', 'early'), mirror.find('tombstone', 'other')]).toEqual([{ value: '1' }, undefined]);
  });

  it('is not whole once something was pushed that nobody can read, until it was read again', async () => {
    const clock = new TestClock();
    const mirror = await wholeMirror(clock);
    expect(mirror.find('tombstone', 'other')).toEqual(missing);
    mirror.missed();
    expect([mirror.find('tombstone', 'other'), mirror.needsReading]).toEqual([undefined, true]);
    await mirror.read(nothing);
    expect(mirror.find('tombstone', 'other')).toEqual(missing);
  });

  it('is whole once it was read, and a sign of life has come back', async () => {
    const clock = new TestClock();
    const mirror = new Mirror(clock, ROOMY);
    mirror.confirm({ count: 7, sentAt: clock.monotonic() });
    await mirror.read((space) => listOf(recordOf('kept', { space, value: space })));
    expect(mirror.needsReading).toBe(false);
    expect([
      mirror.find('tombstone', 'kept'),
      mirror.find('unverified-tombstone', 'kept'),
      mirror.find('tombstone', 'other'),
    ]).toEqual([{ value: 'tombstone' }, { value: 'unverified-tombstone' }, missing]);
  });

  it('stays whole while every push comes in turn', async () => {
    const clock = new TestClock();
    const mirror = await wholeMirror(clock);
    mirror.pushed(8, recordOf('eight'));
    mirror.pushed(9, recordOf('nine'));
    mirror.confirm({ count: 9, sentAt: clock.monotonic() });
    expect([mirror.needsReading, mirror.find('tombstone', 'nine'), mirror.find('tombstone', 'ten')]).toEqual([
      false,
      { value: '1' },
      missing,
    ]);
  });

  it('is not whole any more when a push is missing, whether the next one shows it or a sign of life', async () => {
    const clock = new TestClock();
    const [one, other] = [await wholeMirror(clock), await wholeMirror(clock)];
    one.pushed(9, recordOf('nine'));
    other.confirm({ count: 8, sentAt: clock.monotonic() });
    for (const mirror of [one, other]) {
      expect([mirror.needsReading, mirror.find('tombstone', 'eight')]).toEqual([true, undefined]);
      await mirror.read(() => listOf(recordOf('eight')));
      mirror.confirm({ count: mirror === one ? 9 : 8, sentAt: clock.monotonic() });
      expect([mirror.needsReading, mirror.find('tombstone', 'eight'), mirror.find('tombstone', 'ten')]).toEqual([
        false,
        { value: '1' },
        missing,
      ]);
    }
  });

  it('is not whole after a reading during which a push was missed', async () => {
    const clock = new TestClock();
    const mirror = new Mirror(clock, ROOMY);
    mirror.confirm({ count: 7, sentAt: clock.monotonic() });
    await mirror.read((space) => {
      if (space === 'tombstone') mirror.pushed(9, recordOf('nine'));
      return nothing();
    });
    expect([mirror.needsReading, mirror.find('tombstone', 'eight')]).toEqual([true, undefined]);
  });

  it('is not whole while it is read again', async () => {
    const clock = new TestClock();
    const mirror = await wholeMirror(clock);
    const reading = mirror.read(nothing);
    expect(mirror.find('tombstone', 'other')).toBeUndefined();
    await reading;
    expect(mirror.find('tombstone', 'other')).toEqual(missing);
  });

  it('counts as whole for a second after a sign of life was sent, and what it has counts for ever', async () => {
    const clock = new TestClock();
    const mirror = await wholeMirror(clock);
    mirror.note(recordOf('noted'));
    clock.advance(0.999);
    expect(mirror.find('tombstone', 'other')).toEqual(missing);
    clock.advance(0.001);
    expect([mirror.find('tombstone', 'other'), mirror.find('tombstone', 'noted')]).toEqual([undefined, { value: '1' }]);
  });

  it('is not whole by a sign of life from a time that has not come', async () => {
    const clock = new TestClock();
    const mirror = await wholeMirror(clock);
    mirror.confirm({ count: 7, sentAt: clock.monotonic() + 5000 });
    expect(mirror.find('tombstone', 'other')).toBeUndefined();
  });

  it('reads again when counting begins anew, as it does after a loss of data', async () => {
    const clock = new TestClock();
    const mirror = await wholeMirror(clock);
    mirror.note(recordOf('from before'));
    mirror.confirm({ count: 3, sentAt: clock.monotonic() });
    expect([mirror.needsReading, mirror.find('tombstone', 'from before')]).toEqual([true, { value: '1' }]);
  });

  it('lets records end', async () => {
    const clock = new TestClock();
    const mirror = await wholeMirror(clock);
    mirror.note(recordOf('short', { ttl: 500 }));
    clock.advance(0.5);
    expect(mirror.find('tombstone', 'short')).toEqual(missing);
  });

  it('keeps the one of two records that lives longer, whatever their order', async () => {
    const mirror = await wholeMirror(new TestClock());
    mirror.note(recordOf('twice', { value: 'newer', ttl: 2000 }));
    mirror.note(recordOf('twice', { value: 'older', ttl: 1000 }));
    expect(mirror.find('tombstone', 'twice')).toEqual({ value: 'newer' });
  });

  it('never says that a record is missing of a space that did not fit, and keeps the newest', async () => {
    const clock = new TestClock();
    const mirror = await wholeMirror(clock, { ...ROOMY, 'unverified-tombstone': 2 });
    for (const key of ['a', 'b', 'c']) mirror.note(recordOf(key, { space: 'unverified-tombstone' }));
    expect(['a', 'b', 'c', 'd'].map((key) => mirror.find('unverified-tombstone', key))).toEqual([
      undefined,
      { value: '1' },
      { value: '1' },
      undefined,
    ]);
    expect([mirror.find('tombstone', 'a'), mirror.needsReading]).toEqual([missing, false]);
  });

  it('looks again after a minute whether it fits by now, and reads no more than fits', async () => {
    const clock = new TestClock();
    const mirror = await wholeMirror(clock, { ...ROOMY, tombstone: 2 });
    for (const key of ['a', 'b', 'c']) mirror.note(recordOf(key));
    clock.advance(60);
    expect(mirror.needsReading).toBe(true);
    let taken = 0;
    await mirror.read(async function* (space) {
      for (const key of space === 'tombstone' ? ['d', 'e', 'f', 'g', 'h'] : []) {
        taken += 1;
        yield await Promise.resolve(recordOf(key));
      }
    });
    mirror.confirm({ count: 7, sentAt: clock.monotonic() });
    expect([taken, mirror.needsReading, mirror.find('tombstone', 'other')]).toEqual([1, false, undefined]);
    clock.advance(3600);
    await mirror.read(() => listOf(recordOf('i')));
    mirror.confirm({ count: 7, sentAt: clock.monotonic() });
    expect(mirror.find('tombstone', 'other')).toBeDefined();
  });

  it('stays within its bounds however much is pushed', async () => {
    const mirror = await wholeMirror(new TestClock());
    for (let count = 0; count < 5000; count += 1) mirror.pushed(8 + count, recordOf(`key ${String(count)}`));
    const held = Array.from({ length: 5000 }, (_, count) => mirror.find('tombstone', `key ${String(count)}`));
    expect(held.filter((found) => found?.value !== undefined)).toHaveLength(1000);
  });
});
