import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createCache } from 'cache-manager';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { ProviderUnavailableException } from '../../src/errors/exceptions.js';
import { OidcEvents } from '../../src/observability/events.js';
import { LastGood } from '../../src/provider/last-good.js';
import { SharedCache } from '../../src/provider/shared-cache.js';
import {
  failureOf,
  held,
  holdTimers,
  json,
  providerFor,
  respond,
  settle,
  startIssuer,
  TestClock,
  type Handler,
  type ProviderUnderTest,
  type TestIssuer,
} from './support.js';

const CACHE_TIME = 600_000;
const SECRET = 'a-session-secret-of-the-tests-0001';

describe('JwkSetSource', () => {
  const jwks: JWK[] = [];
  let issuer: TestIssuer;
  const opened: ProviderUnderTest[] = [];

  const setUp = (more: Partial<Parameters<typeof providerFor>[0]> = {}): ProviderUnderTest => {
    const made = providerFor({ issuer: issuer.url, ...more });
    opened.push(made);
    return made;
  };
  const asked = (): number => issuer.count('/jwks');
  /** From now on these keys are published. */
  const publish = (...kids: string[]): void => {
    issuer.jwks = json({ keys: jwks.filter(({ kid = '' }) => kids.includes(kid)) });
  };
  const kidsOf = async ({ provider }: ProviderUnderTest, kid: string): Promise<(string | undefined)[]> =>
    (await provider.keys.candidates('ES256', kid)).map((key) => key.kid);
  const ownKidsOf = async ({ provider }: ProviderUnderTest, kid: string): Promise<(string | undefined)[]> =>
    (await provider.keys.candidatesForOwn('ES256', kid)).map((key) => key.kid);

  beforeAll(async () => {
    for (const kid of ['one', 'two', 'three']) {
      const { publicKey } = await generateKeyPair('ES256', { extractable: true });
      jwks.push({ ...(await exportJWK(publicKey)), kid });
    }
  });
  beforeEach(async () => {
    issuer = await startIssuer();
    publish('one');
  });
  afterEach(async () => {
    jest.useRealTimers();
    for (const { provider } of opened.splice(0)) provider.close();
    await issuer.close();
  });

  describe('fetching', () => {
    it('fetches at first use, once for all who wait', async () => {
      const under = setUp();
      expect([under.provider.keys.age, asked()]).toEqual([undefined, 0]);
      const found = await Promise.all(Array.from({ length: 50 }, () => kidsOf(under, 'one')));
      expect(new Set(found.flat())).toEqual(new Set(['one']));
      expect([asked(), under.provider.keys.age]).toEqual([1, 0]);
    });

    it('answers from memory for four fifths of the cache time', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      under.clock.advance(CACHE_TIME * 0.8 - 1);
      await kidsOf(under, 'one');
      expect([asked(), under.provider.keys.age]).toEqual([1, 480]);
    });

    it('fetches ahead, behind a request that does not wait for it', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      const gate = held(json({ keys: jwks }));
      issuer.jwks = gate.handler;
      under.clock.advance(CACHE_TIME * 0.8);
      expect(await kidsOf(under, 'one')).toEqual(['one']);
      await gate.arrived;
      expect(await kidsOf(under, 'one')).toEqual(['one']);
      gate.release();
      await settle(() => under.provider.keys.age === 0);
      expect(await kidsOf(under, 'two')).toEqual(['two']);
      expect(asked()).toBe(2);
    });

    it('waits for new keys when the old ones have expired, so that a withdrawn key is not used', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      publish('two');
      under.clock.advance(CACHE_TIME);
      expect([await kidsOf(under, 'two'), asked()]).toEqual([['two'], 2]);
      expect(await kidsOf(under, 'one')).toEqual([]);
    });

    it('uses the clock that never jumps', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      under.clock.jump(86_400_000 * 365);
      await kidsOf(under, 'one');
      under.clock.jump(-86_400_000 * 730);
      await kidsOf(under, 'one');
      expect([asked(), under.provider.keys.age]).toEqual([1, 0]);
    });

    it('asks where the metadata says', async () => {
      issuer.discovery = json({
        issuer: issuer.url,
        authorization_endpoint: `${issuer.url}/auth`,
        token_endpoint: `${issuer.url}/token`,
        jwks_uri: `${issuer.url}/other-keys`,
      });
      issuer.others = json({ keys: jwks });
      expect(await kidsOf(setUp(), 'three')).toEqual(['three']);
      expect([issuer.count('/other-keys'), asked()]).toEqual([1, 0]);
    });

    it('fails with what the metadata fails with, and does not count that against the keys', async () => {
      issuer.discovery = respond(500);
      const under = setUp();
      expect(await failureOf(kidsOf(under, 'one'))).toMatchObject({ message: 'the OpenID Provider answered 500' });
      expect([under.provider.keys.isFailing, asked()]).toEqual([false, 0]);
    });
  });

  describe('an outage', () => {
    it('goes on with keys that have expired, and nobody waits for a provider that fails', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      issuer.jwks = respond(500);
      under.clock.advance(CACHE_TIME);
      expect(await kidsOf(under, 'one')).toEqual(['one']);
      const gate = held(respond(500));
      issuer.jwks = gate.handler;
      under.clock.advance(10_000);
      expect(await kidsOf(under, 'one')).toEqual(['one']);
      await gate.arrived;
      expect(await kidsOf(under, 'one')).toEqual(['one']);
      gate.release();
      expect(under.provider.isHealthy).toBe(false);
    });

    it('waits a second at most for a provider that does not answer', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      const gate = held(json({ keys: jwks }));
      issuer.jwks = gate.handler;
      under.clock.advance(CACHE_TIME);
      holdTimers();
      let answered = false;
      const waiting = kidsOf(under, 'one').finally(() => (answered = true));
      await gate.arrived;
      jest.advanceTimersByTime(999);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      expect(answered).toBe(false);
      jest.advanceTimersByTime(1);
      expect(await waiting).toEqual(['one']);
      gate.release();
    });

    it('uses no keys of more than a day', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      issuer.jwks = respond(500);
      under.clock.advance(86_400_000);
      expect(await kidsOf(under, 'one')).toEqual(['one']);
      under.clock.advance(10_001);
      expect(await failureOf(kidsOf(under, 'one'))).toBeInstanceOf(ProviderUnavailableException);
    });

    it.each<[string, Handler]>([
      ['an empty JWK Set', json({ keys: [] })],
      [
        'a JWK Set of unusable keys',
        json({
          keys: [
            { kty: 'oct', k: 'AAAA' },
            { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
          ],
        }),
      ],
      ['HTML', respond(200, '<!doctype html>', { 'content-type': 'text/html' })],
      ['JSON of another type', respond(200, '{"keys":[]}', { 'content-type': 'application/octet-stream' })],
      ['nothing', respond(200, '', { 'content-type': 'application/json' })],
      ['cut JSON', respond(200, '{"keys":[{"kty"', { 'content-type': 'application/json' })],
      ['too much', json({ keys: [], padding: 'x'.repeat(600_000) })],
      ['204', respond(204)],
      ['404', respond(404)],
      ['429', respond(429)],
      ['a redirect', respond(302, '', { location: '/evil' })],
      ['502', respond(502)],
    ])('never takes %s in place of good keys', async (_what, bad) => {
      const under = setUp();
      await kidsOf(under, 'one');
      issuer.jwks = bad;
      under.clock.advance(CACHE_TIME);
      expect(await kidsOf(under, 'one')).toEqual(['one']);
      expect([asked(), under.provider.keys.isFailing, under.provider.isHealthy]).toEqual([2, true, false]);
      publish('two');
      under.clock.advance(120_000);
      expect(await kidsOf(under, 'one')).toEqual(['one']);
      await settle(() => !under.provider.keys.isFailing);
      expect(await kidsOf(under, 'two')).toEqual(['two']);
    });

    it('takes a JWK Set of its own media type', async () => {
      issuer.jwks = respond(200, JSON.stringify({ keys: jwks }), {
        'content-type': 'application/jwk-set+json; charset=utf-8',
      });
      expect(await kidsOf(setUp(), 'one')).toEqual(['one']);
    });

    it('does not ask again at once when there are no keys at all', async () => {
      issuer.jwks = json({ keys: [] });
      const under = setUp();
      const first = await failureOf(kidsOf(under, 'one'));
      for (let count = 0; count < 100; count += 1) await failureOf(kidsOf(under, `kid-${String(count)}`));
      const later = await failureOf(kidsOf(under, 'one'));
      expect([first, later]).toEqual([
        expect.objectContaining({ message: 'the signing keys of the OpenID Provider cannot be had', retryAfter: 1 }),
        expect.objectContaining({ message: 'the signing keys of the OpenID Provider cannot be had', retryAfter: 1 }),
      ]);
      expect(asked()).toBe(1);
      publish('one');
      under.clock.advance(500);
      expect(await kidsOf(under, 'one')).toEqual(['one']);
    });

    it('asks no sooner than Retry-After says', async () => {
      issuer.jwks = respond(503, '', { 'retry-after': '60' });
      const under = setUp();
      await failureOf(kidsOf(under, 'one'));
      under.clock.advance(59_999);
      expect(await failureOf(kidsOf(under, 'one'))).toMatchObject({ retryAfter: 1 });
      publish('one');
      under.clock.advance(1);
      expect(await kidsOf(under, 'one')).toEqual(['one']);
      expect(asked()).toBe(2);
    });

    it('reports the first failure in a row, in our own words', async () => {
      issuer.jwks = json({ keys: [] });
      const under = setUp();
      for (let count = 0; count < 5; count += 1) {
        await failureOf(kidsOf(under, 'one'));
        under.clock.advance(10_000);
      }
      expect([asked(), under.recorder.reasons('keys.stale')]).toEqual([
        5,
        ['the signing keys of the OpenID Provider cannot be had < a JWK Set without a usable signing key'],
      ]);
    });
  });

  describe('an unknown kid', () => {
    it('T4 makes one fetch in 30 s at most, whatever is presented', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      const found: unknown[] = [];
      for (let count = 0; count < 10_000; count += 1) {
        under.clock.advance(2.9);
        found.push(...(await kidsOf(under, `random-${String(count)}`)));
      }
      expect([found, asked()]).toEqual([[], 2]);
      under.clock.advance(1003);
      await kidsOf(under, 'random');
      expect(asked()).toBe(3);
    });

    it('T4 counts a fetch before it is made, so that many at once make one', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      await Promise.all(Array.from({ length: 1000 }, (_value, index) => kidsOf(under, `random-${String(index)}`)));
      expect(asked()).toBe(2);
    });

    it('T4 counts a fetch that failed too, and cannot tell whether the kid is good while keys cannot be had', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      issuer.jwks = respond(500);
      for (let count = 0; count < 100; count += 1)
        expect(await failureOf(kidsOf(under, `random-${String(count)}`))).toBeInstanceOf(ProviderUnavailableException);
      under.clock.advance(29_999);
      expect(await failureOf(kidsOf(under, 'another'))).toBeInstanceOf(ProviderUnavailableException);
      expect(asked()).toBe(2);
      expect(await kidsOf(under, 'one')).toEqual(['one']);
      publish('one', 'two');
      under.clock.advance(1);
      expect(await kidsOf(under, 'two')).toEqual(['two']);
    });

    it('is not looked for again for a minute when it was looked for in vain', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      await kidsOf(under, 'gone');
      under.clock.advance(59_999);
      await kidsOf(under, 'gone');
      expect(asked()).toBe(2);
      under.clock.advance(2);
      await kidsOf(under, 'gone');
      expect(asked()).toBe(3);
    });

    it('T4 never makes a known one wait', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      const gate = held(json({ keys: jwks }));
      issuer.jwks = gate.handler;
      const unknown = kidsOf(under, 'two');
      await gate.arrived;
      for (let count = 0; count < 100; count += 1) expect(await kidsOf(under, 'one')).toEqual(['one']);
      gate.release();
      expect(await unknown).toEqual(['two']);
    });

    it('is found by all who ask at once when the provider has just begun to sign with it', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      publish('one', 'two');
      const found = await Promise.all(Array.from({ length: 100 }, () => kidsOf(under, 'two')));
      expect(new Set(found.flat())).toEqual(new Set(['two']));
      expect([found.flat().length, asked()]).toEqual([100, 2]);
    });

    it('is looked for anew when the fetch that was under way left before it was published', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      const gate = held(json({ keys: jwks.slice(0, 1) }));
      issuer.jwks = gate.handler;
      under.clock.advance(CACHE_TIME * 0.8);
      await kidsOf(under, 'one');
      await gate.arrived;
      publish('one', 'two');
      const found = kidsOf(under, 'two');
      gate.release();
      expect(await found).toEqual(['two']);
      expect(asked()).toBe(3);
    });

    it('is no reason to fetch when there is none, or when the key has another algorithm', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      expect(await under.provider.keys.candidates('RS256', undefined)).toEqual([]);
      expect(await under.provider.keys.candidates('RS256', 'one')).toEqual([]);
      expect(asked()).toBe(1);
    });
  });

  describe('a token of a session', () => {
    const sessionKidsOf = async ({ provider }: ProviderUnderTest, kid: string): Promise<(string | undefined)[]> =>
      (await provider.keys.candidatesForSession('ES256', kid)).map((key) => key.kid);

    it('T4 finds its new key, whatever others have presented before it', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      expect([await kidsOf(under, 'made up'), await kidsOf(under, 'two')]).toEqual([[], []]);
      publish('one', 'two');
      expect(await sessionKidsOf(under, 'two')).toEqual(['two']);
      expect(asked()).toBe(3);
    });

    it('T4 finds a key whose name somebody has guessed and presented before there was one', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      expect(await kidsOf(under, 'two')).toEqual([]);
      publish('one', 'two');
      expect(await sessionKidsOf(under, 'two')).toEqual(['two']);
    });

    it('T4 looks for a key that is not there once in a minute, and once for all who ask', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      expect(await Promise.all(Array.from({ length: 50 }, () => sessionKidsOf(under, 'gone')))).toEqual(
        Array(50).fill([]),
      );
      expect(asked()).toBe(2);
      under.clock.advance(60_000);
      await sessionKidsOf(under, 'gone');
      expect(asked()).toBe(2);
      under.clock.advance(1);
      await sessionKidsOf(under, 'gone');
      expect(asked()).toBe(3);
    });

    it('asks no provider that has just failed', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      issuer.jwks = respond(503);
      await expect(sessionKidsOf(under, 'two')).rejects.toThrow(ProviderUnavailableException);
      await expect(sessionKidsOf(under, 'two')).rejects.toThrow(ProviderUnavailableException);
      expect(asked()).toBe(2);
    });
  });

  describe('an answer to our own request', () => {
    it('may name a new key at any time, which is fetched once for all who wait', async () => {
      const under = setUp();
      await ownKidsOf(under, 'one');
      await kidsOf(under, 'random');
      expect(asked()).toBe(2);
      publish('one', 'two');
      const found = await Promise.all(Array.from({ length: 50 }, () => ownKidsOf(under, 'two')));
      expect([new Set(found.flat()), asked()]).toEqual([new Set(['two']), 3]);
    });

    it('is not blamed for keys that cannot be had', async () => {
      const under = setUp();
      await ownKidsOf(under, 'one');
      issuer.jwks = respond(500);
      expect(await failureOf(ownKidsOf(under, 'two'))).toMatchObject({ message: 'the OpenID Provider answered 500' });
      expect(await ownKidsOf(under, 'one')).toEqual(['one']);
    });

    it('has no key when the newest set has none', async () => {
      const under = setUp();
      await ownKidsOf(under, 'one');
      expect([await ownKidsOf(under, 'two'), asked()]).toEqual([[], 2]);
    });
  });

  describe('at once', () => {
    const kidsAtOnce = ({ provider }: ProviderUnderTest) => provider.keys.atOnce()?.keys.map(({ kid }) => kid);

    it('are there once they were fetched, and change as soon as others are', async () => {
      const under = setUp();
      expect(kidsAtOnce(under)).toBeUndefined();
      await kidsOf(under, 'one');
      expect(kidsAtOnce(under)).toEqual(['one']);
      publish('two');
      await kidsOf(under, 'two');
      expect(kidsAtOnce(under)).toEqual(['two']);
    });

    it('renews keys that have grown old, so that a withdrawal is noticed without any new token', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      publish('two');
      under.clock.advance(CACHE_TIME);
      expect(kidsAtOnce(under)).toBeUndefined();
    });

    it('are fetched ahead behind whoever asks', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      publish('two');
      under.clock.advance(CACHE_TIME * 0.8);
      expect(kidsAtOnce(under)).toEqual(['one']);
      await settle(() => under.provider.keys.age === 0);
      expect([kidsAtOnce(under), asked()]).toEqual([['two'], 2]);
    });

    it('are there through an outage, and no longer than for a day', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      issuer.jwks = respond(500);
      under.clock.advance(CACHE_TIME);
      await kidsOf(under, 'one');
      expect(kidsAtOnce(under)).toEqual(['one']);
      under.clock.advance(86_400_000);
      expect(kidsAtOnce(under)).toBeUndefined();
    });
  });

  it('are kept for as long as the cache time says, also where that is more than a day', async () => {
    const under = setUp({ options: { jwksCacheTime: 172_800_000 } });
    await kidsOf(under, 'one');
    under.clock.advance(172_800_000 * 0.8 - 1);
    expect([await kidsOf(under, 'one'), asked()]).toEqual([['one'], 1]);
    under.clock.advance(1);
    expect(await kidsOf(under, 'one')).toEqual(['one']);
    await settle(() => under.provider.keys.age === 0);
    expect(asked()).toBe(2);
  });

  describe('without caching', () => {
    const uncached = (): ProviderUnderTest => setUp({ options: { jwksCache: false }, cache: createCache() });

    it('fetches for each verification, those at the same time together', async () => {
      const under = uncached();
      for (let count = 0; count < 5; count += 1) await kidsOf(under, 'one');
      expect(asked()).toBe(5);
      await Promise.all(Array.from({ length: 20 }, () => kidsOf(under, 'one')));
      expect(asked()).toBe(6);
    });

    it('makes no second fetch for an unknown kid', async () => {
      const under = uncached();
      expect([await kidsOf(under, 'two'), await ownKidsOf(under, 'two'), asked()]).toEqual([[], [], 2]);
    });

    it('keeps nothing for an outage', async () => {
      const under = uncached();
      await kidsOf(under, 'one');
      issuer.jwks = respond(500);
      expect(await failureOf(kidsOf(under, 'one'))).toMatchObject({ message: 'the OpenID Provider answered 500' });
      publish('one');
      expect(await kidsOf(under, 'one')).toEqual(['one']);
    });
  });

  describe('with a shared cache', () => {
    it('starts during an outage with what another instance knew, and its true age', async () => {
      const cache = createCache();
      const clock = new TestClock();
      await kidsOf(setUp({ cache, clock }), 'one');
      issuer.discovery = respond(500);
      issuer.jwks = respond(500);
      clock.advance(7_200_000);
      const under = setUp({ cache, clock });
      expect(await kidsOf(under, 'one')).toEqual(['one']);
      expect(under.provider.keys.age).toBe(7200);
    });

    it('asks nobody while what it found is young', async () => {
      const cache = createCache();
      const clock = new TestClock();
      await kidsOf(setUp({ cache, clock }), 'one');
      expect(await kidsOf(setUp({ cache, clock }), 'one')).toEqual(['one']);
      expect(asked()).toBe(1);
    });

    it('does not use what is no JWK Set, whoever kept it', async () => {
      const cache = createCache();
      const clock = new TestClock();
      const owner = `oidc:${issuer.url}:web`;
      const shared = new SharedCache(cache, { issuer: issuer.url, namespace: owner, events: new OidcEvents(), clock });
      const lastGood = new LastGood(shared, { clock, secrets: [SECRET], owner });
      await lastGood.keep('jwks', '{"keys":[]}');
      await lastGood.keep('metadata', '{}');
      expect(await kidsOf(setUp({ cache, clock }), 'one')).toEqual(['one']);
      expect(asked()).toBe(1);
    });
  });

  describe('close', () => {
    it('ends a fetch that is under way, and says nothing about it', async () => {
      const under = setUp();
      await kidsOf(under, 'one');
      const gate = held(json({ keys: jwks }));
      issuer.jwks = gate.handler;
      under.clock.advance(CACHE_TIME * 0.8);
      await kidsOf(under, 'one');
      await gate.arrived;
      under.provider.close();
      await settle(() => under.provider.keys.isFailing);
      under.clock.advance(10_000);
      expect(await kidsOf(under, 'one')).toEqual(['one']);
      expect([asked(), under.recorder.events]).toEqual([2, []]);
    });
  });
});
