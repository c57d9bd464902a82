/** What happens to commands while Redis does not answer: a client that answers when a test says so. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RedisConnection, type RedisClient } from '../../src/coordination/redis.connection.js';
import { RedisCoordinator } from '../../src/coordination/redis.coordinator.js';
import { CoordinationUnavailableException } from '../../src/errors/exceptions.js';
import { failureOf } from '../provider/support.js';
import { TestClock } from '../session/support.js';

type Answer = (value: string | null) => void;
/** Milliseconds. */
const STEP = 10;

function bench() {
  const clock = new TestClock();
  /** Commands that wait for their answers. */
  const sets: Answer[] = [];
  const evaluated: (readonly string[])[] = [];
  /** Milliseconds for which leases were asked for. */
  const leases: number[] = [];
  const answer = new Promise<never>(() => undefined);
  const client: RedisClient = {
    isOpen: true,
    get: () => answer,
    set: (key, _value, { PX }) => {
      if (key.includes(':lease')) leases.push(PX);
      return new Promise((resolve: Answer) => sets.push(resolve));
    },
    del: () => answer,
    zRem: () => answer,
    zRange: () => answer,
    eval: (_script, { keys }) => {
      evaluated.push(keys);
      return Promise.resolve(1);
    },
    subscribe: () => answer,
    unsubscribe: () => answer,
  };
  const connection = new RedisConnection({ getClient: () => Promise.resolve(client) }, clock);
  const put = (): Promise<unknown> => connection.run((redis) => redis.set('key', 'value', { PX: 1 }));
  const wait = async (milliseconds: number): Promise<void> => {
    // What was asked is sent first.
    await jest.advanceTimersByTimeAsync(0);
    for (let passed = 0; passed < milliseconds; passed += STEP) {
      clock.advance(STEP / 1000);
      await jest.advanceTimersByTimeAsync(STEP);
    }
  };
  const coordinator = new RedisCoordinator(connection, { namespace: 'test', clock, warn: () => undefined });
  return { clock, connection, coordinator, put, wait, sets, evaluated, leases };
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('RedisConnection', () => {
  /** Three commands that hear nothing. */
  async function silent({ put, wait }: ReturnType<typeof bench>): Promise<void> {
    const failures = Promise.all([put(), put(), put()].map((command) => failureOf(command)));
    await wait(560);
    expect(await failures).toEqual(Array(3).fill(expect.any(CoordinationUnavailableException)));
  }

  it('sends nothing for a while after three failures, and then one command alone until that has its answer', async () => {
    const room = bench();
    const { connection, put, wait, sets } = room;
    await silent(room);
    expect(await failureOf(put())).toBeInstanceOf(CoordinationUnavailableException);
    expect([sets.length, connection.isHealthy]).toEqual([3, false]);
    await wait(500);
    const trial = put();
    const others = [put(), put()];
    for (const other of others) expect(await failureOf(other)).toBeInstanceOf(CoordinationUnavailableException);
    await wait(0);
    expect(sets).toHaveLength(4);
    sets[3]?.('OK');
    expect([await trial, connection.isHealthy]).toEqual(['OK', true]);
    const next = put();
    await wait(0);
    sets[4]?.('OK');
    expect(await next).toBe('OK');
  });

  it('pauses again after a trial that hears nothing', async () => {
    const room = bench();
    const { put, wait, sets } = room;
    await silent(room);
    await wait(500);
    const trial = failureOf(put());
    await wait(560);
    expect(await trial).toBeInstanceOf(CoordinationUnavailableException);
    expect(await failureOf(put())).toBeInstanceOf(CoordinationUnavailableException);
    await wait(500);
    void failureOf(put());
    await wait(0);
    expect(sets).toHaveLength(5);
  });
});

describe('a process that is late with everything', () => {
  /** Three seconds at once, as when something else has the machine. */
  async function stall({ clock }: ReturnType<typeof bench>): Promise<void> {
    clock.advance(3);
    await jest.advanceTimersByTimeAsync(60);
  }

  it('does not take its own lateness for the silence of Redis', async () => {
    const room = bench();
    const { connection, put, wait, sets } = room;
    const command = put();
    await wait(0);
    for (let count = 0; count < 8; count += 1) await stall(room);
    sets[0]?.('OK');
    expect([await command, connection.isHealthy]).toEqual(['OK', true]);
  });

  it('holds its leases longer, and as long as before when it is in time again', async () => {
    const room = bench();
    const { coordinator, put, wait, sets, leases } = room;
    const take = async (): Promise<void> => {
      void coordinator.acquire('session:refresh', { wait: 0 });
      await wait(0);
      sets.at(-1)?.('OK');
    };
    await take();
    const command = put();
    await wait(0);
    await stall(room);
    await take();
    sets[1]?.('OK');
    await command;
    await wait(100);
    await take();
    expect(leases.map((time) => Math.round(time / 1000))).toEqual([5, 17, 5]);
  });
});

describe('a lease of Redis', () => {
  it('that is given when nobody waits for it any more is given back at once', async () => {
    const { coordinator, wait, sets, evaluated } = bench();
    const asked = failureOf(coordinator.acquire('session:refresh', { wait: 0 }));
    await wait(560);
    expect(await asked).toBeInstanceOf(CoordinationUnavailableException);
    sets[0]?.('OK');
    await wait(0);
    expect(evaluated).toEqual([['test:{session}:lease:refresh']]);
  });

  it('is asked for less and less often while somebody else holds it', async () => {
    const { coordinator, wait, sets } = bench();
    const lease = coordinator.acquire('session:refresh', { wait: 10_000 });
    for (let passed = 0; passed < 10_000; passed += 10) {
      sets.at(-1)?.(null);
      await wait(10);
    }
    expect(sets.length).toBeGreaterThan(20);
    expect(sets.length).toBeLessThan(60);
    let isGiven = false;
    void lease.then(() => (isGiven = true));
    while (!isGiven) {
      sets.at(-1)?.('OK');
      await wait(10);
    }
    await (await lease)?.release();
  });

  it('is kept by who waited for it, and nothing is given back that was never given', async () => {
    const { coordinator, wait, sets, evaluated } = bench();
    const asked = coordinator.acquire('session:refresh', { wait: 0 });
    await wait(0);
    sets[0]?.('OK');
    const lease = await asked;
    expect([lease === undefined, evaluated]).toEqual([false, []]);
    await lease?.release();
    const another = failureOf(coordinator.acquire('session:refresh', { wait: 0 }));
    await wait(560);
    await another;
    sets[1]?.(null);
    await wait(0);
    expect(evaluated).toHaveLength(1);
  });
});
