/** What a session takes in the browser and in Redis, and what requests ask of Redis: the figures of docs/scaling.md. */
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { CacheModule } from '@nestjs/cache-manager';
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { print } from '../chaos/support/print.js';
import { startHarness, type Harness } from '../support/harness.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { advance, freezeRepetition, releaseTime } from '../support/time.js';
import { until } from '../support/until.js';
import { cacheIn } from './support/cache.js';

const TIMES = 10;
/** Seconds. */
const BEAT_EVERY = 0.4;
/** Answers of Redis to others after which it has answered everybody. */
const TURNS = 10;
/** The sign of life, which no request sends. */
const BEAT = /"1" "oidc:[^"]*:\{pushed\}:stamp"/;

describeWithRedis.each(['cookie', 'store'] as const)('what custody %s takes', (custody) => {
  let redis: RedisServer;
  let harness: Harness;

  beforeAll(async () => {
    redis = await RedisServer.start();
    harness = await start();
  });
  afterEach(releaseTime);
  afterAll(async () => {
    await harness.close();
    await redis.close();
  });

  function start(): Promise<Harness> {
    return startHarness({
      imports: [CacheModule.register({ isGlobal: true, stores: [cacheIn(redis.url)] })],
      oidc: { custody },
      providerOptions: { accessTokenLifetime: 3600 },
    });
  }

  /** Commands for the coordination port, each time. */
  async function commandsOf(action: () => Promise<unknown>, times = TIMES): Promise<number> {
    const monitor = await redis.monitor();
    for (let time = 0; time < times; time += 1) await action();
    const lines = await monitor.stop();
    return lines.filter((line) => line.includes('"oidc:') && !BEAT.test(line)).length / times;
  }

  /** Bytes of all records of the coordination port. */
  async function bytesInRedis(): Promise<number> {
    const keys = (await redis.command('KEYS', 'oidc:*')).split('\r\n').filter((line) => line.startsWith('oidc:'));
    const sizes = await Promise.all(
      keys.map(async (key) => Number((await redis.command('MEMORY', 'USAGE', key)).slice(1))),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  function cookiesOf(browser: TestBrowser): number {
    const held = browser.cookies(harness.url).filter(({ name }) => name.startsWith('oidc.session'));
    return held.reduce((sum, { name, value }) => sum + name.length + value.length + 3, 0);
  }

  it('is as docs/scaling.md says', async () => {
    const browser = await harness.signedIn();
    const request = (): Promise<Response> => browser.fetch(`${harness.url}/api/profile`);
    await until(async () => (await commandsOf(request, 1)) <= 2);
    const before = await bytesInRedis();
    const signIn = await commandsOf(() => harness.signedIn());
    const perSession = ((await bytesInRedis()) - before) / TIMES;
    const { token } = (await (await browser.fetch(`${harness.url}/api/token`)).json()) as { token: string };
    const refresh = (): Promise<Response> => browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' });
    const perRefresh = await commandsOf(refresh);
    const sizeBefore = await bytesInRedis();
    for (let count = 0; count < TIMES; count += 1)
      await (await harness.signedIn()).fetch(`${harness.url}/auth/logout`, { method: 'POST' });
    const figures = {
      'characters of the access token': token.length,
      'bytes in Redis per sign-out': Math.round(((await bytesInRedis()) - sizeBefore) / TIMES),
      'bytes of cookies': cookiesOf(browser),
      'bytes in Redis per session': Math.round(perSession),
      'commands per sign-in': signIn,
      'commands per request': await commandsOf(request),
      'commands per refresh': perRefresh,
      'commands per sign-out': await commandsOf(
        () => browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' }),
        1,
      ),
    };
    print(`custody ${custody}: sizes`, figures);
    expect(figures['commands per request']).toBe(custody === 'cookie' ? 1 : 2);
    expect(figures['commands per refresh']).toBe(custody === 'cookie' ? 15 : 17);
  });

  it('is one command each 0.4 s without any request', async () => {
    freezeRepetition();
    const quiet = await start();
    const beats = async (count: number): Promise<readonly string[]> => {
      const monitor = await redis.monitor();
      for (let beat = 0; beat < count; beat += 1) {
        advance(BEAT_EVERY);
        for (let turn = 0; turn < TURNS; turn += 1) await redis.command('PING');
      }
      return (await monitor.stop()).filter((line) => line.includes(`"oidc:${quiet.provider.issuer}:`));
    };
    // What was there before is read first.
    await beats(TIMES);
    const lines = await beats(TIMES);
    await quiet.close();
    print(`custody ${custody}: sizes`, {
      'commands per second without any request': lines.length / TIMES / BEAT_EVERY,
    });
    expect(lines).toHaveLength(TIMES);
    expect(lines.filter((line) => !BEAT.test(line))).toEqual([]);
  });
});
