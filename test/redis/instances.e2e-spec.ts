/** Several instances of an application on one Redis and one strict provider: nobody is signed out, and the provider sees no replay. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CacheModule } from '@nestjs/cache-manager';
import { createTestProvider, type TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { API_AUDIENCE, startHarness, type AdapterName, type Harness } from '../support/harness.js';
import { HAS_REDIS, RedisServer } from '../support/redis.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';
import { until } from '../support/until.js';
import { cacheIn } from './support/cache.js';

const describeWithRedis = HAS_REDIS ? describe : describe.skip;
const CUSTODIES = ['cookie', 'store'] as const;
const ADAPTERS: readonly AdapterName[] = ['express', 'fastify', 'express'];

describeWithRedis.each(CUSTODIES)('three instances with custody %s', (custody) => {
  let redis: RedisServer;
  let provider: TestProvider;
  let instances: Harness[];

  beforeAll(async () => {
    redis = await RedisServer.start();
    provider = await createTestProvider({ audience: API_AUDIENCE, accessTokenLifetime: 300 });
    instances = [];
    for (const adapter of ADAPTERS) instances.push(await startInstance(adapter));
  });
  afterEach(releaseTime);
  afterAll(async () => {
    for (const instance of instances) await instance.close();
    await provider.close();
    await redis.close();
  });

  function startInstance(adapter: AdapterName): Promise<Harness> {
    const [first] = instances;
    return startHarness({
      adapter,
      provider,
      imports: [CacheModule.register({ isGlobal: true, stores: [cacheIn(redis.url)] })],
      oidc: { custody, ...(first === undefined ? {} : { publicUrl: first.url }) },
    });
  }

  /** The same request to all instances in turn. */
  function everywhere(browser: TestBrowser, count: number): Promise<number[]> {
    const requests = Array.from({ length: count }, async (_, index) => {
      const { url } = instances[index % instances.length] ?? instances[0] ?? { url: '' };
      return (await browser.fetch(`${url}/api/profile`)).status;
    });
    return Promise.all(requests);
  }

  function signedIn(): Promise<TestBrowser> {
    const [first] = instances;
    if (first === undefined) throw new Error('there is an instance');
    return first.signedIn();
  }

  it('renews once for 60 requests at once, whichever instance they reach', async () => {
    const browser = await signedIn();
    freezeTime();
    for (let rotation = 0; rotation < 3; rotation += 1) {
      advance(400);
      provider.requests.reset();
      expect(new Set(await everywhere(browser, 60))).toEqual(new Set([200]));
      expect(provider.requests.count('token', { grant: 'refresh_token' })).toBe(1);
    }
    expect({ replays: provider.replays, revoked: provider.revokedFamilies }).toEqual({ replays: 0, revoked: 0 });
  });

  it('serves a cookie that is five rotations old', async () => {
    const browser = await signedIn();
    const old = browser.jar.snapshot();
    for (let rotation = 0; rotation < 5; rotation += 1) {
      const { url } = instances[rotation % 3] ?? { url: '' };
      expect((await browser.fetch(`${url}/auth/refresh`, { method: 'POST' })).status).toBe(200);
    }
    browser.jar.restore(old);
    freezeTime();
    advance(50);
    expect(new Set(await everywhere(browser, 6))).toEqual(new Set([200]));
    expect({ replays: provider.replays, revoked: provider.revokedFamilies }).toEqual({ replays: 0, revoked: 0 });
  });

  it('signs out on every instance at once', async () => {
    const browser = await signedIn();
    const copied = browser.jar.snapshot();
    const [first] = instances;
    await browser.fetch(`${first?.url ?? ''}/auth/logout`, { method: 'POST' });
    browser.jar.restore(copied);
    expect(new Set(await everywhere(browser, 6))).toEqual(new Set([401]));
  });

  it('keeps every session while Redis is away, and serves again when it is back', async () => {
    const browser = await signedIn();
    await redis.stop();
    const status = new Set(await everywhere(browser, 9));
    expect(status).toEqual(new Set([custody === 'cookie' ? 200 : 503]));
    const [first] = instances;
    const refused = await browser.fetch(`${first?.url ?? ''}/auth/refresh`, { method: 'POST' });
    expect({ status: refused.status, retryAfter: refused.headers.get('retry-after') }).toEqual({
      status: 503,
      retryAfter: '1',
    });
    await redis.start();
    await until(async () => new Set(await everywhere(browser, 6)).has(custody === 'cookie' ? 200 : 401));
  });
});
