/** Several instances of an application on one Redis and one strict provider: nobody is signed out, and the provider sees no replay. */
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { CacheModule } from '@nestjs/cache-manager';
import { OidcHealth, SessionService } from 'nestjs-oidc-token-reuse';
import { createTestProvider, type TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { API_AUDIENCE, startHarness, type AdapterName, type Harness } from '../support/harness.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { watched } from '../support/secret-watch.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';
import { until } from '../support/until.js';
import { cacheIn } from './support/cache.js';

const CUSTODIES = ['cookie', 'store'] as const;
const ADAPTERS: readonly AdapterName[] = ['express', 'fastify', 'express'];

describeWithRedis.each(CUSTODIES)('three instances with custody %s', (custody) => {
  let redis: RedisServer;
  let provider: TestProvider;
  let instances: Harness[];
  let commands = 0;

  beforeAll(async () => {
    redis = await RedisServer.start({
      persistent: true,
      onCommand: (command) => {
        commands += 1;
        watched.see(command);
      },
    });
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

  function signedIn(login?: string): Promise<TestBrowser> {
    const [first] = instances;
    if (first === undefined) throw new Error('there is an instance');
    return first.signedIn(login);
  }

  function urlOf(index: number): string {
    return instances[index]?.url ?? '';
  }

  /** Starts Redis again, and waits until every instance has found it. */
  async function bringBack(): Promise<void> {
    await redis.start();
    await until(() => instances.every(({ application }) => application.get(OidcHealth).check().sharedStore));
  }

  async function signOut(browser: TestBrowser): Promise<{ readonly status: number; readonly body: unknown }> {
    const response = await browser.fetch(`${urlOf(0)}/auth/logout`, { method: 'POST' });
    return { status: response.status, body: await response.json() };
  }

  /** Whether no instance takes a copy of the cookies any more. */
  async function isRefusedEverywhere(browser: TestBrowser, copied: ReturnType<TestBrowser['jar']['snapshot']>) {
    const statuses: number[] = [];
    for (const { url } of instances) {
      browser.jar.restore(copied);
      statuses.push((await browser.fetch(`${url}/api/profile`)).status);
    }
    return statuses.every((status) => status === 401);
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

  it('signs out on every instance', async () => {
    const browser = await signedIn();
    const copied = browser.jar.snapshot();
    expect(await signOut(browser)).toEqual({ status: 200, body: { redirect: expect.any(String) } });
    await until(() => isRefusedEverywhere(browser, copied));
  });

  it('ends all sessions of an end-user, on every instance, and nobody else is signed out', async () => {
    const [one, another, bob] = [await signedIn(), await signedIn(), await signedIn('bob')];
    const copies = [one, another].map((browser) => ({ browser, copied: browser.jar.snapshot() }));
    await instances[1]?.application.get(SessionService).endAll({ issuer: provider.issuer, subject: 'user-alice' });
    for (const { browser, copied } of copies) await until(() => isRefusedEverywhere(browser, copied));
    expect(await everywhere(bob, 3)).toEqual([200, 200, 200]);
    expect(await redis.command('KEYS', '*:session')).toMatch(custody === 'store' ? /^\*[1-9]/ : /^\*0/);
  });

  it('says that nobody can tell while the store of the sessions is away, and keeps them', async () => {
    const browser = await signedIn();
    await redis.stop();
    const view = await browser.fetch(`${urlOf(1)}/auth/session`);
    const expected =
      custody === 'cookie'
        ? { authenticated: true }
        : { authenticated: null, error: 'session_store_unavailable', retry_after: 1 };
    expect({ status: view.status, body: await view.json() }).toMatchObject({ status: 200, body: expected });
    const refused = await browser.fetch(`${urlOf(1)}/auth/refresh`, { method: 'POST' });
    expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toEqual([
      503,
      '1',
      { error: 'session_store_unavailable', error_description: 'the shared store does not answer' },
    ]);
    await bringBack();
    expect(await everywhere(browser, 3)).toEqual([200, 200, 200]);
  });

  it('signs out in this browser while Redis is away, says so, and does the rest when it is back', async () => {
    const browser = await signedIn();
    const copied = browser.jar.snapshot();
    provider.requests.reset();
    await redis.stop();
    expect(await signOut(browser)).toEqual({ status: 202, body: { redirect: expect.any(String), pending: true } });
    expect((await browser.fetch(`${urlOf(0)}/api/profile`)).status).toBe(401);
    await bringBack();
    await until(() => isRefusedEverywhere(browser, copied));
    await until(() => provider.requests.count('revocation') === 1);
    expect(await browser.fetch(`${urlOf(0)}/auth/session`).then((view) => view.json())).toEqual({
      authenticated: false,
    });
  });

  it('S12 gives Redis nothing that is secret', async () => {
    await signedIn();
    expect(commands).toBeGreaterThan(0);
    expect(watched.leaks()).toEqual([]);
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
    await bringBack();
    expect(new Set(await everywhere(browser, 6))).toEqual(new Set([200]));
  });
});
