/** The coordination port against a real cluster of three, and against a primary and a replica under sentinels. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type KeyvRedis from '@keyv/redis';
import { SystemClock } from '../../libs/oidc-token-reuse/src/clock.js';
import type { Coordinator } from '../../libs/oidc-token-reuse/src/coordination/coordinator.js';
import { RedisConnection } from '../../libs/oidc-token-reuse/src/coordination/redis.connection.js';
import { RedisCoordinator } from '../../libs/oidc-token-reuse/src/coordination/redis.coordinator.js';
import { redisStore } from '../../src/cache-url.js';
import { HAS_REDIS, type RedisServer } from '../support/redis.js';
import { until } from '../support/until.js';
import { COORDINATOR_RULES } from './support/coordinator-rules.js';
import { Sentinels } from './support/sentinels.js';
import { startCluster } from './support/topologies.js';

const describeWithRedis = HAS_REDIS ? describe : describe.skip;
const START_MS = 60_000;

/** Two processes on one Redis, reached as `CACHE_URL` says. */
class Pair {
  private readonly stores: readonly KeyvRedis<string>[];
  readonly first: RedisCoordinator;
  readonly second: RedisCoordinator;

  constructor(url: string) {
    const clock = new SystemClock();
    const [one, other] = [quietStore(url), quietStore(url)];
    const coordinatorOf = (store: KeyvRedis<string>): RedisCoordinator =>
      new RedisCoordinator(new RedisConnection(store, clock), { namespace: 'test', clock });
    this.stores = [one, other];
    this.first = coordinatorOf(one);
    this.second = coordinatorOf(other);
  }

  async open(): Promise<void> {
    await Promise.all([this.first.open(), this.second.open()]);
    // A busy machine may take longer to connect than a client waits.
    for (const coordinator of [this.first, this.second])
      await until(() =>
        coordinator.get('spent', 'none:key').then(
          () => true,
          () => false,
        ),
      );
  }

  async close(): Promise<void> {
    this.first.close();
    this.second.close();
    await Promise.all(this.stores.map((store) => store.disconnect(true)));
  }
}

function quietStore(url: string): KeyvRedis<string> {
  const store = redisStore(url);
  store.on('error', () => undefined);
  return store;
}

/** One process makes sign-outs until the other has been told of one, without having asked. */
async function isTold({ first, second }: Pair): Promise<boolean> {
  for (let count = 0; count < 100; count += 1) {
    const key = `pushed-${String(count)}`;
    await first.put('tombstone', key, { value: '1', ttl: 60 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (await knowsWithoutAsking(second, key)) return true;
  }
  return false;
}

/** What a process has been told of counts also when Redis cannot be asked. */
async function knowsWithoutAsking(coordinator: Coordinator, key: string): Promise<boolean> {
  const get = coordinator.get.bind(coordinator);
  coordinator.get = () => Promise.reject(new Error('nobody is asked'));
  try {
    return (await coordinator.glance('tombstone', key)) === '1';
  } catch {
    return false;
  } finally {
    coordinator.get = get;
  }
}

describeWithRedis('a cluster of three', () => {
  let nodes: readonly RedisServer[];
  let pair: Pair;

  beforeAll(async () => {
    nodes = await startCluster();
    pair = new Pair(`redis-cluster://${nodes.map(({ port }) => `127.0.0.1:${String(port)}`).join(',')}`);
    await pair.open();
  }, START_MS);
  afterAll(async () => {
    await pair.close();
    for (const node of nodes) await node.close();
  });

  it.each(COORDINATOR_RULES)('%s', async (_title, rule) => {
    await expect(rule(pair)).resolves.toBeUndefined();
  });

  it('spreads records over all of its nodes', async () => {
    for (let index = 0; index < 60; index += 1)
      await pair.first.put('session', `spread-${String(index)}`, { value: 'x', ttl: 60 });
    const sizes = await Promise.all(nodes.map(async (node) => Number((await node.command('DBSIZE')).slice(1))));
    expect(sizes.every((size) => size > 5)).toBe(true);
  });

  it('pushes sign-outs to every process of its clients', async () => {
    expect(await isTold(pair)).toBe(true);
  });
});

describeWithRedis('a primary under three sentinels', () => {
  let sentinels: Sentinels;
  let pair: Pair;

  beforeAll(async () => {
    sentinels = await Sentinels.start();
    pair = new Pair(sentinels.url);
    await pair.open();
  }, START_MS);
  afterAll(async () => {
    await pair.close();
    await sentinels.close();
  });

  it.each(COORDINATOR_RULES)('%s', async (_title, rule) => {
    await expect(rule(pair)).resolves.toBeUndefined();
  });

  it('pushes sign-outs to every process', async () => {
    expect(await isTold(pair)).toBe(true);
  });

  it('answers all of many that are the first after a pause', async () => {
    const keys = Array.from({ length: 200 }, (_, index) => `burst-${String(index)}`);
    await Promise.all(keys.map((key) => pair.first.put('session', key, { value: key, ttl: 60 })));
    expect(await Promise.all(keys.map((key) => pair.second.get('session', key)))).toEqual(keys);
  });
});
