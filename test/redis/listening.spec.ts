/** What a process holds of the sign-outs when it may not listen, and when another primary lacks the last of them. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { until } from '../support/until.js';
import { isTold, knownWithoutAsking, Pair } from './support/pair.js';

const STAMP = 'test:{pushed}:stamp';

describeWithRedis('a process that listens', () => {
  let redis: RedisServer;
  let pair: Pair;

  beforeEach(async () => {
    redis = await RedisServer.start();
    pair = new Pair(redis.url);
    await pair.open();
    await isTold(pair);
    await until(async () => (await knownWithoutAsking(pair.second, 'nobody')) === undefined);
  });
  afterEach(async () => {
    await pair.close();
    await redis.close();
  });

  async function forbid(): Promise<void> {
    await redis.command('ACL', 'SETUSER', 'default', '-subscribe');
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(async () => (await knownWithoutAsking(pair.second, 'nobody')) === 'unknown');
  }

  /** How often Redis has refused a command. */
  async function denials(): Promise<number> {
    const counts = (await redis.command('ACL', 'LOG')).matchAll(/count\r\n:(\d+)/g);
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  async function allow(): Promise<void> {
    await redis.command('ACL', 'SETUSER', 'default', '+subscribe');
    await until(async () => (await knownWithoutAsking(pair.second, 'nobody')) === undefined);
  }

  it('says once that Redis forbids it, and what to do, and asks at each request until it is allowed', async () => {
    await forbid();
    await until(() => pair.warnings.length === 2);
    const before = await denials();
    await until(async () => (await denials()) >= before + 2);
    expect(pair.warnings).toHaveLength(2);
    expect(new Set(pair.warnings)).toEqual(new Set([expect.stringMatching(/^Redis forbids .* 'subscribe'/)]));
    const monitor = await redis.monitor();
    await pair.second.glance('tombstone', 'somebody');
    expect((await monitor.stop()).filter((line) => line.includes('"GET"'))).toHaveLength(1);
    await allow();
    expect(pair.warnings).toHaveLength(2);
  });

  it('does not take a primary that lacks the last sign-outs, and has got as many others since, for one that it knows', async () => {
    const lagging = (await redis.command('GET', STAMP)).split('\r\n')[1] ?? '';
    await pair.first.put('tombstone', 'heard', { value: '1', ttl: 60 });
    await until(async () => (await knownWithoutAsking(pair.second, 'heard')) === '1');
    await forbid();
    await redis.command('SET', STAMP, lagging);
    await pair.first.put('tombstone', 'missed', { value: '1', ttl: 60 });
    await allow();
    expect(await knownWithoutAsking(pair.second, 'missed')).toBe('1');
  });
});
