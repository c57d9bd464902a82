/** The coordination port against a real Redis and in memory: the same rules for both. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type KeyvRedis from '@keyv/redis';
import { SystemClock } from '../../libs/oidc-token-reuse/src/clock.js';
import { MemoryCoordinator } from '../../libs/oidc-token-reuse/src/coordination/memory.coordinator.js';
import { RedisConnection } from '../../libs/oidc-token-reuse/src/coordination/redis.connection.js';
import { RedisCoordinator } from '../../libs/oidc-token-reuse/src/coordination/redis.coordinator.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { until } from '../support/until.js';
import { COORDINATOR_RULES } from './support/coordinator-rules.js';
import { single, storeOf } from './support/cache.js';

describe('MemoryCoordinator', () => {
  const only = new MemoryCoordinator(new SystemClock());
  it.each(COORDINATOR_RULES)('%s', async (_title, rule) => {
    await expect(rule({ first: only, second: only })).resolves.toBeUndefined();
  });
});

describeWithRedis('RedisCoordinator', () => {
  let redis: RedisServer;
  let stores: KeyvRedis<string>[];
  let subject: { first: RedisCoordinator; second: RedisCoordinator };

  beforeAll(async () => {
    redis = await RedisServer.start();
    stores = [storeOf(single(redis.url)), storeOf(single(redis.url))];
    const clock = new SystemClock();
    const [one, two] = stores.map(
      (store) =>
        new RedisCoordinator(new RedisConnection(store, clock), { namespace: 'test', clock, warn: () => undefined }),
    );
    if (one === undefined || two === undefined) throw new Error('two stores make two coordinators');
    subject = { first: one, second: two };
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.disconnect(true)));
    await redis.close();
  });

  it.each(COORDINATOR_RULES)('%s', async (_title, rule) => {
    await expect(rule(subject)).resolves.toBeUndefined();
  });

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
    await until(async () => {
      const answer = await subject.first.get('spent', 'away').catch(() => 'away');
      return answer === undefined;
    });
    expect(subject.first.isHealthy).toBe(true);
  });
});
