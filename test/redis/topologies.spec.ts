/** The coordination port against a real cluster of three, and against a primary and a replica under sentinels. */
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { until } from '../support/until.js';
import { COORDINATOR_RULES } from './support/coordinator-rules.js';
import { isTold, Pair } from './support/pair.js';
import { LateSentinel } from './support/late-sentinel.js';
import { Sentinels } from './support/sentinels.js';
import { startCluster } from './support/topologies.js';

const START_MS = 60_000;

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

describeWithRedis('a sentinel', () => {
  let primary: RedisServer;
  let other: RedisServer;
  let sentinel: LateSentinel;
  let pair: Pair;

  async function start(settings: (port: number) => readonly string[]): Promise<void> {
    primary = await RedisServer.start();
    other = await RedisServer.start({ settings: settings(primary.port) });
    sentinel = await LateSentinel.start(primary.port);
    pair = new Pair(sentinel.url);
  }
  afterEach(async () => {
    await pair.close();
    await sentinel.close();
    for (const server of [other, primary]) await server.close();
  });

  const put = (): Promise<void> => pair.first.put('spent', 'key', { value: '1', ttl: 60 });

  it('that is behind and names a replica is not believed', async () => {
    await start((port) => ['--replicaof', `127.0.0.1 ${String(port)}`]);
    sentinel.named = other.port;
    await expect(put()).rejects.toMatchObject({ code: 'session_store_unavailable' });
    expect(sentinel.asked).toBe(1);
    sentinel.named = primary.port;
    await expect(put()).resolves.toBeUndefined();
  });

  it('that reports another primary is followed, although the old one still answers', async () => {
    await start(() => []);
    await put();
    await until(() => sentinel.hasListener);
    sentinel.report();
    await put();
    expect(sentinel.asked).toBe(1);
    sentinel.named = other.port;
    sentinel.report();
    await until(async () => {
      await put().catch(() => undefined);
      return (await other.command('DBSIZE')).startsWith(':1');
    });
    expect(sentinel.asked).toBe(2);
  });
});
