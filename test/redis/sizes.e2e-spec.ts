/** What a session takes in the browser and in Redis, and what requests ask of Redis: the figures of docs/scaling.md. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CacheModule } from '@nestjs/cache-manager';
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { print } from '../chaos/support/print.js';
import { startHarness, type Harness } from '../support/harness.js';
import { HAS_REDIS, RedisServer } from '../support/redis.js';
import { until } from '../support/until.js';
import { cacheIn } from './support/cache.js';

const describeWithRedis = HAS_REDIS ? describe : describe.skip;
const TIMES = 10;
/** The sign of life, which no request sends. */
const BEAT = /"1" "oidc:[^"]*:\{pushed\}:stamp"/;

describeWithRedis.each(['cookie', 'store'] as const)('what custody %s takes', (custody) => {
  let redis: RedisServer;
  let harness: Harness;

  beforeAll(async () => {
    redis = await RedisServer.start();
    harness = await startHarness({
      imports: [CacheModule.register({ isGlobal: true, stores: [cacheIn(redis.url)] })],
      oidc: { custody },
      providerOptions: { accessTokenLifetime: 3600 },
    });
  });
  afterAll(async () => {
    await harness.close();
    await redis.close();
  });

  /** Commands for the coordination port, each time. */
  async function commandsOf(action: () => Promise<unknown>, times = TIMES): Promise<number> {
    const monitor = await redis.monitor();
    for (let time = 0; time < times; time += 1) await action();
    const lines = await monitor.stop();
    return lines.filter((line) => line.includes('"oidc:') && !BEAT.test(line)).length / times;
  }

  async function beatsPerSecond(): Promise<number> {
    const monitor = await redis.monitor();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    return (await monitor.stop()).filter((line) => BEAT.test(line)).length / 2;
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
      'commands per second without any request': await beatsPerSecond(),
    };
    print(`custody ${custody}: sizes`, figures);
    expect(figures['commands per request']).toBe(custody === 'cookie' ? 1 : 2);
    expect(figures['commands per refresh']).toBe(custody === 'cookie' ? 15 : 17);
    expect(figures['commands per second without any request']).toBeLessThanOrEqual(3);
  });
});
