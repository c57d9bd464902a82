import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { createCache, type Cache } from 'cache-manager';
import { Clock } from '../../src/clock.js';
import { OidcEventListener, OidcEvents, type OidcEvent } from '../../src/observability/events.js';
import { SharedCache } from '../../src/provider/shared-cache.js';
import { ISSUER } from '../support.js';

class TestClock extends Clock {
  milliseconds = 0;
  now = () => Math.floor(this.milliseconds / 1000);
  millis = () => this.milliseconds;
  monotonic = () => this.milliseconds;
}

class Recorder extends OidcEventListener {
  readonly events: OidcEvent[] = [];
  handle(event: OidcEvent): void {
    this.events.push(event);
  }
}

/** A cache like `createCache()` whose operations do as they are told. */
function cacheThat(operate: () => Promise<never>): Cache {
  return { ...createCache(), get: operate, set: operate, del: operate };
}

describe('SharedCache', () => {
  let clock: TestClock;
  let recorder: Recorder;
  const on = (cache: Cache | undefined, namespace = 'oidc') =>
    new SharedCache(cache, { issuer: ISSUER, namespace, events: new OidcEvents(recorder), clock });

  beforeEach(() => {
    Logger.overrideLogger(false);
    clock = new TestClock();
    recorder = new Recorder();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('keeps strings under its namespace, for seconds', async () => {
    const store = createCache();
    await on(store).set('key', { value: 'text', ttl: 60 });
    expect(await on(store).get('key')).toBe('text');
    expect(await on(store, 'other').get('key')).toBeUndefined();
    expect(Math.round((((await store.ttl('oidc:key')) ?? 0) - Date.now()) / 1000)).toBe(60);
    await on(store).delete('key');
    expect(await on(store).get('key')).toBeUndefined();
  });

  it('takes what is no string as a miss', async () => {
    const store = createCache();
    await store.set('oidc:key', { value: 'text' });
    expect(await on(store).get('key')).toBeUndefined();
  });

  it('does nothing when the application has no cache', async () => {
    const none = on(undefined);
    await none.set('key', { value: 'text', ttl: 60 });
    await none.delete('key');
    expect([await none.get('key'), none.exists, on(createCache()).exists]).toEqual([undefined, false, true]);
    expect(recorder.events).toEqual([]);
  });

  it.each([
    ['rejects', () => Promise.reject(Object.assign(new Error('to redis://user:secret@host'), { code: 'ECONNRESET' }))],
    [
      'throws',
      () => {
        throw Object.assign(new Error('to redis://user:secret@host'), { code: 'ECONNRESET' });
      },
    ],
  ])('reports a cache that %s, and goes on without it', async (_how, fail) => {
    const cache = on(cacheThat(fail));
    expect(await cache.get('key')).toBeUndefined();
    await cache.set('key', { value: 'text', ttl: 60 });
    await cache.delete('key');
    expect(recorder.events).toEqual(
      Array.from({ length: 3 }, () => ({
        type: 'cache.failed',
        issuer: ISSUER,
        reason: 'the cache store failed < Error ECONNRESET',
      })),
    );
  });

  it('waits 250 ms for a cache that does not answer, and no longer', async () => {
    jest.useFakeTimers();
    let settled = false;
    const answer = on(cacheThat(() => new Promise(() => undefined)))
      .get('key')
      .finally(() => {
        settled = true;
      });
    await jest.advanceTimersByTimeAsync(249);
    expect(settled).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await answer).toBeUndefined();
    expect(recorder.events).toEqual([
      { type: 'cache.failed', issuer: ISSUER, reason: 'the cache store failed < no answer within 250 ms' },
    ]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leaves a cache alone that keeps failing, and tries again after a second', async () => {
    let asked = 0;
    const cache = on(
      cacheThat(() => {
        asked += 1;
        return Promise.reject(new Error('down'));
      }),
    );
    for (let index = 0; index < 1000; index += 1) await cache.get('key');
    expect([asked, recorder.events.length]).toEqual([10, 10]);
    clock.milliseconds = 1000;
    await cache.get('key');
    await cache.get('key');
    expect(asked).toBe(11);
  });
});
