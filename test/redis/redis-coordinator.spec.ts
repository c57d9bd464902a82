/** The coordination port against a real Redis and in memory: the same rules for both. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import KeyvRedis, { createKeyv } from '@keyv/redis';
import { SystemClock } from '../../libs/oidc-token-reuse/src/clock.js';
import type { Coordinator } from '../../libs/oidc-token-reuse/src/coordination/coordinator.js';
import { MemoryCoordinator } from '../../libs/oidc-token-reuse/src/coordination/memory.coordinator.js';
import { RedisConnection } from '../../libs/oidc-token-reuse/src/coordination/redis.connection.js';
import { RedisCoordinator } from '../../libs/oidc-token-reuse/src/coordination/redis.coordinator.js';
import { HAS_REDIS, RedisServer } from '../support/redis.js';

const describeWithRedis = HAS_REDIS ? describe : describe.skip;

interface Subject {
  readonly first: Coordinator;
  /** Another process's view; in memory there is one process only. */
  readonly second: Coordinator;
}

function behavesLikeACoordinator(subject: () => Subject): void {
  let counter = 0;
  const fresh = (): string => `group${String((counter += 1))}-${String(process.pid)}:key`;

  it('gives back what was put, to everybody', async () => {
    const key = fresh();
    await subject().first.put('successor', key, { value: 'a value with blanks', ttl: 60 });
    expect(await subject().second.get('successor', key)).toBe('a value with blanks');
  });

  it('keeps spaces apart', async () => {
    const key = fresh();
    await subject().first.put('spent', key, { value: '1', ttl: 60 });
    expect(await subject().first.get('successor', key)).toBeUndefined();
  });

  it('lets exactly one of many write what is absent', async () => {
    const key = fresh();
    const { first, second } = subject();
    const attempts = Array.from({ length: 50 }, (_, index) =>
      (index % 2 === 0 ? first : second).putIfAbsent('transaction', key, { value: String(index), ttl: 60 }),
    );
    expect((await Promise.all(attempts)).filter(Boolean)).toHaveLength(1);
  });

  it('replaces an older version only, and never what was deleted', async () => {
    const key = fresh();
    const { first, second } = subject();
    expect(await first.replace('session', key, { value: 'lost', ttl: 60, version: 1 })).toBe(false);
    await first.put('session', key, { value: 'zero', ttl: 60, version: 0 });
    expect(await second.replace('session', key, { value: 'two', ttl: 60, version: 2 })).toBe(true);
    expect(await first.replace('session', key, { value: 'one', ttl: 60, version: 1 })).toBe(false);
    expect(await first.get('session', key)).toBe('two');
    await first.delete('session', key);
    expect(await second.replace('session', key, { value: 'three', ttl: 60, version: 3 })).toBe(false);
    expect(await first.get('session', key)).toBeUndefined();
  });

  it('keeps sets of members', async () => {
    const key = fresh();
    const { first, second } = subject();
    await first.addMember(key, 'one', 60);
    await second.addMember(key, 'two', 60);
    expect([...(await first.members(key))].sort()).toEqual(['one', 'two']);
    await second.removeMember(key, 'one');
    expect(await first.members(key)).toEqual(['two']);
    await second.removeMember(key, 'two');
    expect(await first.members(key)).toEqual([]);
  });

  it('gives a lease to one at a time, in turn', async () => {
    const key = fresh();
    const { first, second } = subject();
    const holders: string[] = [];
    let inside = 0;
    const work = async (coordinator: Coordinator, name: string): Promise<void> => {
      const lease = await coordinator.acquire(key, { wait: 5000 });
      inside += 1;
      holders.push(`${name} ${String(inside)}`);
      await lease?.publish([{ space: 'successor', key, value: name, ttl: 60 }]);
      inside -= 1;
      await lease?.release();
    };
    await Promise.all(['a', 'b', 'c', 'd'].map((name, index) => work(index % 2 === 0 ? first : second, name)));
    expect(holders).toHaveLength(4);
    expect(holders.every((holder) => holder.endsWith(' 1'))).toBe(true);
  });

  it('gives nothing when a lease is not free in time', async () => {
    const key = fresh();
    const held = await subject().first.acquire(key, { wait: 0 });
    expect(await subject().second.acquire(key, { wait: 60 })).toBeUndefined();
    await held?.release();
    const next = await subject().second.acquire(key, { wait: 1000 });
    expect(next).toBeDefined();
    await next?.release();
  });
}

describe('MemoryCoordinator', () => {
  const only = new MemoryCoordinator(new SystemClock());
  behavesLikeACoordinator(() => ({ first: only, second: only }));
});

describeWithRedis('RedisCoordinator', () => {
  let redis: RedisServer;
  let stores: KeyvRedis<string>[];
  let subject: { first: RedisCoordinator; second: RedisCoordinator };

  beforeAll(async () => {
    redis = await RedisServer.start();
    stores = [storeOf(redis.url), storeOf(redis.url)];
    const clock = new SystemClock();
    const [one, two] = stores.map(
      (store) => new RedisCoordinator(new RedisConnection(store, clock), { namespace: 'test', clock }),
    );
    if (one === undefined || two === undefined) throw new Error('two stores make two coordinators');
    subject = { first: one, second: two };
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.disconnect(true)));
    await redis.close();
  });

  behavesLikeACoordinator(() => subject);

  it('does not publish under a lease that somebody else holds by now', async () => {
    const lease = await subject.first.acquire('fenced:refresh', { wait: 0 });
    await redis.command('SET', 'test:{fenced}:lease:refresh', 'somebody-else');
    expect(await lease?.publish([{ space: 'successor', key: 'fenced:link', value: 'late', ttl: 60 }])).toBe(false);
    expect(await subject.second.get('successor', 'fenced:link')).toBeUndefined();
    await lease?.release();
    expect(await redis.command('GET', 'test:{fenced}:lease:refresh')).toContain('somebody-else');
  });

  it('lets records and leases end by themselves', async () => {
    await subject.first.put('tombstone', 'ends', { value: '1', ttl: 100 });
    expect(await redis.command('TTL', 'test:{pushed}:tombstone:ends')).toBe(':100\r\n');
    const lease = await subject.first.acquire('dies:refresh', { wait: 0 });
    const remaining = Number((await redis.command('PTTL', 'test:{dies}:lease:refresh')).slice(1));
    expect(remaining).toBeGreaterThan(4000);
    expect(remaining).toBeLessThanOrEqual(5000);
    await lease?.release();
  });

  it('says that it cannot answer, quickly and without a queue, and recovers by itself', async () => {
    await redis.stop();
    const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => subject.first.get('spent', 'away')));
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    expect(subject.first.isHealthy).toBe(false);
    await expect(subject.first.get('spent', 'away')).rejects.toMatchObject({
      code: 'session_store_unavailable',
      retryAfter: 1,
    });
    await redis.start();
    await until(async () => (await subject.first.get('spent', 'away')) === undefined);
    expect(subject.first.isHealthy).toBe(true);
  });
});

function storeOf(url: string): KeyvRedis<string> {
  const socket = { connectTimeout: 1000, reconnectStrategy: 50 } as const;
  const { store } = createKeyv(
    { url, disableOfflineQueue: true, socket },
    { connectionTimeout: 1000, throwOnErrors: true },
  );
  if (!(store instanceof KeyvRedis)) throw new TypeError('createKeyv makes a KeyvRedis');
  store.on('error', () => undefined);
  return store as KeyvRedis<string>;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await condition().catch(() => false)) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  throw new Error('the condition did not come true');
}
