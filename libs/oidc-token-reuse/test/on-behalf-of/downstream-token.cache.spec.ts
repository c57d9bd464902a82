import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createCache, type Cache } from 'cache-manager';
import { Clock } from '../../src/clock.js';
import { OidcEvents } from '../../src/observability/events.js';
import { Secret } from '../../src/observability/secret.js';
import {
  DownstreamTokenCache,
  type CachePlace,
  type DownstreamToken,
} from '../../src/on-behalf-of/downstream-token.cache.js';
import { SharedCache } from '../../src/provider/shared-cache.js';
import { Sealer } from '../../src/session/sealer.js';
import { ISSUER } from '../support.js';

const START = 1_700_000_000;

class TestClock extends Clock {
  seconds = START;
  now = () => this.seconds;
  millis = () => this.seconds * 1000;
  monotonic = () => this.seconds * 1000;
}

const ALICE: CachePlace = { key: 'alice-key', assertion: 'alice-assertion', until: START + 1000, owner: 'alice' };
const BOB: CachePlace = { key: 'bob-key', assertion: 'bob-assertion', until: START + 1000, owner: 'bob' };

const tokenOf = (value: string, expiresAt = START + 300): DownstreamToken => ({
  accessToken: new Secret(value),
  expiresAt,
  scope: 'a',
});
const revealed = (token: DownstreamToken | undefined) => token && { ...token, accessToken: token.accessToken.reveal() };

describe('DownstreamTokenCache', () => {
  let clock: TestClock;
  let store: Cache;
  /** Two processes with one shared cache. */
  let here: DownstreamTokenCache;
  let elsewhere: DownstreamTokenCache;

  const cacheOn = (cache: Cache | undefined) =>
    new DownstreamTokenCache(
      new SharedCache(cache, { issuer: ISSUER, namespace: 'oidc', events: new OidcEvents(), clock }),
      clock,
    );
  const stored = (key: string) => store.get<string>(`oidc:${key}`);

  beforeEach(() => {
    clock = new TestClock();
    store = createCache();
    here = cacheOn(store);
    elsewhere = cacheOn(store);
  });

  it('knows nothing that was not put in', async () => {
    expect(here.near(ALICE)).toBeUndefined();
    expect(await here.far(ALICE)).toBeUndefined();
  });

  it('gives a token back, in this process and in another, until 30 s before its end', async () => {
    await here.set(ALICE, tokenOf('secret'));
    const expected = { accessToken: 'secret', expiresAt: START + 300, scope: 'a' };
    expect(revealed(here.near(ALICE))).toEqual(expected);
    expect(elsewhere.near(ALICE)).toBeUndefined();
    expect(revealed(await elsewhere.far(ALICE))).toEqual(expected);
    expect(revealed(elsewhere.near(ALICE))).toEqual(expected);
    clock.seconds = START + 269;
    expect(revealed(here.near(ALICE))).toEqual(expected);
    clock.seconds = START + 270;
    expect(here.near(ALICE)).toBeUndefined();
    expect(await cacheOn(store).far(ALICE)).toBeUndefined();
  });

  it('does not keep a token that lives no longer than the margin, nor one whose assertion has ended', async () => {
    await here.set(ALICE, tokenOf('short', START + 30));
    await here.set({ ...BOB, until: START }, tokenOf('late'));
    expect([here.near(ALICE), here.near(BOB)]).toEqual([undefined, undefined]);
    expect([await stored('alice-key'), await stored('bob-key')]).toEqual([undefined, undefined]);
  });

  it('keeps an entry in the shared cache no longer than the token or its assertion lives', async () => {
    await here.set(ALICE, tokenOf('one', START + 300));
    await here.set(BOB, tokenOf('two', START + 90_000));
    const lifetimes = await Promise.all(['alice-key', 'bob-key'].map((key) => store.ttl(`oidc:${key}`)));
    expect(lifetimes.map((until) => Math.round(((until ?? 0) - Date.now()) / 1000))).toEqual([270, 1000]);
  });

  it('S13 puts nothing readable into the shared cache', async () => {
    await here.set(ALICE, tokenOf('secret-token'));
    const sealed = await stored('alice-key');
    expect(sealed).toMatch(/^eyJ[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(Buffer.from(String(sealed), 'base64url').toString('latin1')).not.toContain('secret-token');
  });

  it('R4 does not open an entry that was moved from one end-user to another', async () => {
    await here.set(ALICE, tokenOf("alice's"));
    await store.set('oidc:bob-key', await stored('alice-key'));
    expect(await elsewhere.far(BOB)).toBeUndefined();
  });

  it('R4 does not open an entry without the assertion it was made from', async () => {
    await here.set(ALICE, tokenOf("alice's"));
    expect(await elsewhere.far({ ...BOB, key: 'alice-key' })).toBeUndefined();
  });

  it('R4 does not take an entry that was moved from one request to another of the same end-user', async () => {
    await here.set(ALICE, tokenOf('for one scope'));
    await store.set('oidc:other-key', await stored('alice-key'));
    expect(await elsewhere.far({ ...ALICE, key: 'other-key' })).toBeUndefined();
  });

  it.each([
    ['no value', undefined],
    ['no text', 5],
    ['nothing sealed', 'text'],
    ['a truncated entry', 'eyJhbGciOiJkaXIifQ..a.b'],
  ])('takes %s as a miss', async (_what, value) => {
    await store.set('oidc:alice-key', value);
    expect(await here.far(ALICE)).toBeUndefined();
  });

  it.each([
    ['a list', []],
    ['no token', { k: 'alice-key', e: START + 300, s: 'a' }],
    ['no end', { k: 'alice-key', t: 'token', s: 'a' }],
    ['no scope', { k: 'alice-key', t: 'token', e: START + 300 }],
  ])('takes what another version sealed as a miss: %s', async (_what, value) => {
    const sealer = new Sealer([ALICE.assertion], 'on-behalf-of');
    await store.set('oidc:alice-key', await sealer.seal(Buffer.from(JSON.stringify(value))));
    expect(await here.far(ALICE)).toBeUndefined();
  });

  it('forgets all tokens of one end-user, here and in the shared cache, and of nobody else', async () => {
    await here.set(ALICE, tokenOf('one'));
    await here.set({ ...ALICE, key: 'alice-key-2' }, tokenOf('two'));
    await here.set(BOB, tokenOf('three'));
    await here.forget('alice');
    await here.forget('nobody');
    expect([here.near(ALICE), here.near({ ...ALICE, key: 'alice-key-2' })]).toEqual([undefined, undefined]);
    expect([await stored('alice-key'), await stored('alice-key-2')]).toEqual([undefined, undefined]);
    expect(revealed(here.near(BOB))?.accessToken).toBe('three');
    expect(await stored('bob-key')).toBeDefined();
  });

  it('works without a shared cache', async () => {
    const alone = cacheOn(undefined);
    await alone.set(ALICE, tokenOf('one'));
    expect(revealed(alone.near(ALICE))?.accessToken).toBe('one');
    expect(await cacheOn(undefined).far(ALICE)).toBeUndefined();
    await alone.forget('alice');
    expect(alone.near(ALICE)).toBeUndefined();
  });

  it('R9 holds ten thousand tokens at most, the least used go first', async () => {
    const alone = cacheOn(undefined);
    const placeOf = (index: number): CachePlace => ({ ...ALICE, key: `key-${index}`, owner: `owner-${index}` });
    await alone.set(placeOf(0), tokenOf('token'));
    await alone.set(placeOf(1), tokenOf('token'));
    for (let index = 2; index < 10_000; index += 1) await alone.set(placeOf(index), tokenOf('token'));
    expect(alone.near(placeOf(0))).toBeDefined();
    await alone.set(placeOf(10_000), tokenOf('token'));
    expect([0, 1, 2, 10_000].map((index) => alone.near(placeOf(index)) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it('R9 holds tokens up to a size, and none that is larger than all of it', async () => {
    const alone = cacheOn(undefined);
    const large = 'x'.repeat(20_000_000);
    await alone.set(ALICE, tokenOf(large));
    await alone.set(BOB, tokenOf(large));
    expect([alone.near(ALICE) !== undefined, alone.near(BOB) !== undefined]).toEqual([false, true]);
    await alone.set(ALICE, tokenOf('x'.repeat(33_000_000)));
    expect(alone.near(ALICE)).toBeUndefined();
  });

  it('R9 stays within bounds of memory however many end-users come', async () => {
    const alone = cacheOn(undefined);
    const before = usedHeap();
    for (let index = 0; index < 100_000; index += 1) {
      // Buffers make strings that share nothing.
      const token = Buffer.alloc(2000, String(index)).toString('latin1');
      await alone.set({ ...ALICE, key: `key-${index}`, owner: `owner-${index}` }, tokenOf(token));
    }
    expect(usedHeap() - before).toBeLessThan(80_000_000);
    expect(alone.near({ ...ALICE, key: 'key-99999' })).toBeDefined();
  });
});

function usedHeap(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
