/** A sign-out on one instance reaches every other within a second, without a question to Redis, and whatever happens to the subscription. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { CacheModule } from '@nestjs/cache-manager';
import { createTestProvider, type TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { API_AUDIENCE, startHarness, type AdapterName, type Harness } from '../support/harness.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';
import { until } from '../support/until.js';
import { cacheIn } from './support/cache.js';

const CUSTODIES = ['cookie', 'store'] as const;
const ADAPTERS: readonly AdapterName[] = ['express', 'fastify', 'express'];
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** A question about a sign-out that a request, not a script, asks. */
const ASKED = /"GET" "[^"]*:\{pushed\}:(unverified-)?tombstone:/;
const A_SECOND = 1000;

describeWithRedis.each(CUSTODIES)('sign-outs on three instances with custody %s', (custody) => {
  let redis: RedisServer;
  let provider: TestProvider;
  let instances: Harness[];

  beforeAll(async () => {
    redis = await RedisServer.start({ persistent: true });
    provider = await createTestProvider({ audience: API_AUDIENCE, accessTokenLifetime: 3600 });
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

  function at(index: number): Harness {
    const instance = instances[index];
    if (instance === undefined) throw new Error('there is no such instance');
    return instance;
  }

  async function signedIn(login = 'alice'): Promise<TestBrowser> {
    return at(0).signedIn(login);
  }

  async function tokenOf(browser: TestBrowser): Promise<{ readonly text: string; readonly sid: string }> {
    const { token } = (await (await browser.fetch(`${at(0).url}/api/token`)).json()) as { token: string };
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sid: string };
    return { text: token, sid: claims.sid };
  }

  /** Statuses of the same request on every instance, each with the cookies that the browser has before all of them. */
  async function everywhere(browser: TestBrowser): Promise<number[]> {
    const held = browser.jar.snapshot();
    const answers = await Promise.all(instances.map(({ url }) => browser.fetch(`${url}/api/profile`)));
    browser.jar.restore(held);
    return answers.map(({ status }) => status);
  }

  /** The provider tells one instance. */
  async function tell(index: number, who: { readonly sid?: string; readonly sub?: string }): Promise<number> {
    const now = Math.floor(Date.now() / 1000);
    const token = await provider.signLogoutToken({
      iss: provider.issuer,
      aud: provider.client.clientId,
      iat: now,
      exp: now + 120,
      jti: randomUUID(),
      events: { [EVENT]: {} },
      sid: undefined,
      sub: undefined,
      ...who,
    });
    const body = new URLSearchParams({ logout_token: token });
    return (await fetch(`${at(index).url}/auth/backchannel-logout`, { method: 'POST', body })).status;
  }

  /** Milliseconds from now to when the last request was sent that was still served: how long answers take is not in it. */
  async function servedFor(serve: () => Promise<readonly number[]>): Promise<number> {
    const told = performance.now();
    let lastServed = told;
    await until(async () => {
      const sent = performance.now();
      const isRefused = (await serve()).every((status) => status === 401);
      if (!isRefused) lastServed = sent;
      return isRefused;
    });
    return lastServed - told;
  }

  /** What the instances ask Redis while each serves this browser ten times. */
  async function asked(browser: TestBrowser): Promise<{ readonly signOuts: number; readonly gets: number }> {
    const monitor = await redis.monitor();
    for (let round = 0; round < 10; round += 1) await everywhere(browser);
    const lines = await monitor.stop();
    return {
      signOuts: lines.filter((line) => ASKED.test(line)).length,
      gets: lines.filter((line) => line.includes('"GET" "oidc:')).length,
    };
  }

  /** Names of the marks that came through browsers. */
  async function unverified(): Promise<readonly string[]> {
    return (await redis.command('KEYS', '*:unverified-tombstone:*')).match(/oidc:\S+unverified-tombstone:\S+/g) ?? [];
  }

  /** Until no instance asks about sign-outs: all of them are told. */
  async function allAreTold(browser: TestBrowser): Promise<void> {
    await until(async () => (await asked(browser)).signOuts === 0);
  }

  it('are not asked for in Redis by any request while all instances listen', async () => {
    const browser = await signedIn();
    await allAreTold(browser);
    const ofSession = custody === 'cookie' ? 1 : 2;
    expect(await asked(browser)).toEqual({ signOuts: 0, gets: 30 * ofSession });
  });

  it('count at once where they are told, and within a second everywhere', async () => {
    const [browser, other] = [await signedIn(), await signedIn()];
    await allAreTold(browser);
    expect(await tell(1, { sid: (await tokenOf(browser)).sid })).toBe(200);
    expect((await everywhere(browser))[1]).toBe(401);
    expect(await servedFor(() => everywhere(browser))).toBeLessThan(A_SECOND);
    expect(await everywhere(other)).toEqual([200, 200, 200]);
  });

  it('count within a second for a bearer token of the session', async () => {
    const { text, sid } = await tokenOf(await signedIn());
    const headers = { authorization: `Bearer ${text}` };
    const statuses = (): Promise<number[]> =>
      Promise.all(instances.map(async ({ url }) => (await fetch(`${url}/api/profile`, { headers })).status));
    expect(await statuses()).toEqual([200, 200, 200]);
    await tell(2, { sid });
    expect(await servedFor(statuses)).toBeLessThan(A_SECOND);
  });

  it('of a subject end what began before on any instance, to the millisecond, and nothing that began after', async () => {
    freezeTime();
    const before = await signedIn();
    await tell(1, { sub: 'user-alice' });
    advance(0.001);
    const after = await signedIn();
    await until(async () => (await everywhere(before)).every((status) => status === 401));
    expect(await everywhere(after)).toEqual([200, 200, 200]);
    advance(0.001);
    await tell(2, { sub: 'user-alice' });
    await until(async () => (await everywhere(after)).every((status) => status === 401));
  });

  it('O4 that came on another instance keep a login signed out that was under way', async () => {
    const browser = at(0).browser();
    const held = provider.faults.hold({ kind: 'token', grant: 'authorization_code' }, 'after');
    const login = at(0).signIn(browser, 'bob');
    await held.arrived;
    await tell(1, { sub: 'user-bob' });
    held.release();
    expect(new URL((await login).url).searchParams.get('error')).toBe('login_required');
    expect(await everywhere(browser)).toEqual([401, 401, 401]);
  });

  it('through browsers reach every instance too', async () => {
    const browser = await signedIn();
    const query = new URLSearchParams({ iss: provider.issuer, sid: (await tokenOf(browser)).sid });
    await fetch(`${at(2).url}/auth/frontchannel-logout?${query.toString()}`);
    expect(await servedFor(() => everywhere(browser))).toBeLessThan(A_SECOND);
  });

  it('count while no instance can listen, and what was missed counts afterwards', async () => {
    const [one, two, stays] = [await signedIn(), await signedIn(), await signedIn()];
    await redis.command('ACL', 'SETUSER', 'default', '-subscribe');
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await tell(1, { sid: (await tokenOf(one)).sid });
    expect(await servedFor(() => everywhere(one))).toBeLessThan(A_SECOND);
    await until(async () => (await asked(stays)).signOuts > 0);
    // From now on every request asks: what is told counts everywhere at once.
    await tell(0, { sid: (await tokenOf(two)).sid });
    expect(await everywhere(two)).toEqual([401, 401, 401]);
    await redis.command('ACL', 'SETUSER', 'default', '+subscribe');
    await allAreTold(stays);
    expect([await everywhere(one), await everywhere(two), await everywhere(stays)]).toEqual([
      [401, 401, 401],
      [401, 401, 401],
      [200, 200, 200],
    ]);
  });

  it('that were told between two connections of an instance count when it listens again', async () => {
    const [stays, ...gone] = [await signedIn(), await signedIn(), await signedIn(), await signedIn()];
    const sids = await Promise.all(gone.map(async (browser) => (await tokenOf(browser)).sid));
    await allAreTold(stays);
    for (const [index, sid] of sids.entries()) {
      await Promise.all([redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub'), tell(index, { sid })]);
    }
    await new Promise((resolve) => setTimeout(resolve, A_SECOND));
    for (const browser of gone) expect(await everywhere(browser)).toEqual([401, 401, 401]);
    await allAreTold(stays);
    for (const browser of gone) expect(await everywhere(browser)).toEqual([401, 401, 401]);
    expect(await everywhere(stays)).toEqual([200, 200, 200]);
  });

  it('count after Redis was restarted, those from before and those from after', async () => {
    const [before, after, stays] = [await signedIn(), await signedIn(), await signedIn()];
    const sid = (await tokenOf(after)).sid;
    await tell(1, { sid: (await tokenOf(before)).sid });
    await redis.stop();
    await redis.start();
    await until(async () => (await tell(2, { sid })) === 200);
    expect(await servedFor(() => everywhere(after))).toBeLessThan(A_SECOND);
    await allAreTold(stays);
    expect([await everywhere(before), await everywhere(after), await everywhere(stays)]).toEqual([
      [401, 401, 401],
      [401, 401, 401],
      [200, 200, 200],
    ]);
  });

  it('of unknown sessions, sent through browsers, fill nothing up', async () => {
    const browser = await signedIn();
    const mark = async (index: number): Promise<number> => {
      const query = new URLSearchParams({ iss: provider.issuer, sid: `unknown-${String(index)}` });
      return (await fetch(`${at(index % 3).url}/auth/frontchannel-logout?${query.toString()}`)).status;
    };
    const kept = await unverified();
    const began = performance.now();
    const statuses: number[] = [];
    for (let index = 0; index < 450; index += 1) statuses.push(await mark(index));
    const windows = 1 + Math.floor((performance.now() - began) / 10_000);
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(300 * windows);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    const [key = ''] = (await unverified()).filter((name) => !kept.includes(name));
    expect(Number((await redis.command('TTL', key)).slice(1))).toBeLessThanOrEqual(600);
    const query = new URLSearchParams({ iss: provider.issuer, sid: (await tokenOf(browser)).sid });
    expect((await fetch(`${at(0).url}/auth/frontchannel-logout?${query.toString()}`)).status).toBe(200);
    expect(await servedFor(() => everywhere(browser))).toBeLessThan(A_SECOND);
  });
});
