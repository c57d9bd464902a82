/** Two instances on a primary under sentinels: it dies, or hands over, while requests go on, and nobody is signed out. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CacheModule } from '@nestjs/cache-manager';
import { Keyv } from 'keyv';
import { OidcHealth } from 'nestjs-oidc-token-reuse';
import { createTestProvider, type TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { redisStore } from '../../src/cache-url.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type AdapterName, type Harness } from '../support/harness.js';
import { describeWithRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { Sentinels } from './support/sentinels.js';

const START_MS = 60_000;
const LIMIT_MS = 60_000;
const BROWSERS = 6;
/** Milliseconds between two requests of a browser: sentinels need the machine too. */
const REST_MS = 20;

describeWithRedis.each(['cookie', 'store'] as const)('two instances under sentinels with custody %s', (custody) => {
  let sentinels: Sentinels;
  let provider: TestProvider;
  let instances: Harness[];

  beforeAll(async () => {
    sentinels = await Sentinels.start();
    provider = await createTestProvider({ audience: API_AUDIENCE, accessTokenLifetime: 300 });
    instances = [];
    for (const adapter of ADAPTERS) instances.push(await startInstance(adapter));
    await until(isHealthy);
  }, START_MS);
  afterAll(async () => {
    for (const instance of instances) await instance.close();
    await provider.close();
    await sentinels.close();
  });

  function startInstance(adapter: AdapterName): Promise<Harness> {
    const [first] = instances;
    const stores = [new Keyv(redisStore(sentinels.url), { throwOnErrors: true }).on('error', () => undefined)];
    return startHarness({
      adapter,
      provider,
      imports: [CacheModule.register({ isGlobal: true, stores })],
      oidc: { custody, ...(first === undefined ? {} : { publicUrl: first.url }) },
    });
  }

  function isHealthy(): boolean {
    return instances.every(({ application }) => application.get(OidcHealth).check().sharedStore);
  }

  function urlOf(index: number): string {
    return instances[index % instances.length]?.url ?? '';
  }

  function signedIn(): Promise<TestBrowser> {
    return instances[0]?.signedIn() ?? Promise.reject(new Error('there is an instance'));
  }

  async function refresh(browser: TestBrowser, index: number): Promise<string> {
    return kindOf(await browser.fetch(`${urlOf(index)}/auth/refresh`, { method: 'POST' }));
  }

  async function signOut(browser: TestBrowser): Promise<number> {
    return (await browser.fetch(`${urlOf(0)}/auth/logout`, { method: 'POST' })).status;
  }

  /** What browsers see that go on asking both instances, half of them for a renewal. */
  async function seenWhile(
    browsers: readonly TestBrowser[],
    change: () => Promise<void>,
  ): Promise<ReadonlySet<string>> {
    const seen = new Set<string>();
    let isOver = false;
    const traffic = browsers.map(async (browser, index) => {
      for (let round = index; !isOver; round += 1) {
        const profile = async (): Promise<string> => kindOf(await browser.fetch(`${urlOf(round)}/api/profile`));
        seen.add(await (index % 2 === 0 ? profile() : refresh(browser, round)));
        await new Promise((resolve) => setTimeout(resolve, REST_MS));
      }
    });
    await change();
    await until(isHealthy);
    isOver = true;
    await Promise.all(traffic);
    return seen;
  }

  /** Everything works, for those who were there before and for those who come. */
  async function expectWhole(browsers: readonly TestBrowser[]): Promise<void> {
    const refreshed = await Promise.all(browsers.map((browser, index) => refresh(browser, index)));
    expect(new Set(refreshed)).toEqual(new Set(['200']));
    const newcomer = await signedIn();
    const copied = newcomer.jar.snapshot();
    expect(await refresh(newcomer, 1)).toBe('200');
    expect(await signOut(newcomer)).toBe(200);
    await until(async () => {
      newcomer.jar.restore(copied);
      return (await newcomer.fetch(`${urlOf(1)}/api/profile`)).status === 401;
    });
    expect({ replays: provider.replays, revoked: provider.revokedFamilies }).toEqual({ replays: 0, revoked: 0 });
  }

  it(
    'answer 503 at worst while the primary is dead, and lose nobody once another is elected',
    async () => {
      const browsers = await Promise.all(Array.from({ length: BROWSERS }, signedIn));
      const gone = await signedIn();
      const copied = gone.jar.snapshot();
      await signOut(gone);
      await sentinels.caughtUp();
      const seen = await seenWhile(browsers, () => sentinels.crash());
      expectAnswers(seen);
      await expectWhole(browsers);
      gone.jar.restore(copied);
      expect((await gone.fetch(`${urlOf(1)}/api/profile`)).status).toBe(401);
    },
    LIMIT_MS,
  );

  it(
    'answer 503 at worst while the primary is handed over, and lose nobody',
    async () => {
      const browsers = await Promise.all(Array.from({ length: BROWSERS }, signedIn));
      const seen = await seenWhile(browsers, () => sentinels.handOver());
      expectAnswers(seen);
      await expectWhole(browsers);
    },
    LIMIT_MS,
  );

  it('go on without one of the sentinels', async () => {
    await sentinels.loseOne();
    const another = await startInstance('express');
    await until(() => another.application.get(OidcHealth).check().sharedStore);
    const browser = await signedIn();
    expect((await browser.fetch(`${another.url}/api/profile`)).status).toBe(200);
    await another.close();
  });
});

const KEPT = new Set(['200', '503 session_store_unavailable after 1']);

function expectAnswers(seen: ReadonlySet<string>): void {
  expect([...seen].filter((kind) => !KEPT.has(kind))).toEqual([]);
}

async function kindOf(response: Response): Promise<string> {
  if (response.status === 200) return '200';
  const { error } = (await response.json()) as { error?: string };
  return `${String(response.status)} ${String(error)} after ${String(response.headers.get('retry-after'))}`;
}
