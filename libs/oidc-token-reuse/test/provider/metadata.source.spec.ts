import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createCache } from 'cache-manager';
import { ProviderUnavailableException } from '../../src/errors/exceptions.js';
import {
  DISCOVERY,
  failureOf,
  held,
  holdTimers,
  json,
  metadataOf,
  providerFor,
  respond,
  settle,
  startIssuer,
  TestClock,
  type Handler,
  type ProviderUnderTest,
  type TestIssuer,
} from './support.js';

const TEN_MINUTES = 600_000;

describe('MetadataSource', () => {
  let issuer: TestIssuer;
  const opened: ProviderUnderTest[] = [];
  const setUp = (more: Partial<Parameters<typeof providerFor>[0]> = {}): ProviderUnderTest => {
    const made = providerFor({ issuer: issuer.url, ...more });
    opened.push(made);
    return made;
  };
  const asked = (): number => issuer.count(DISCOVERY);
  /** Lets the retry that is waiting begin, and end. */
  const retry = async (): Promise<void> => {
    const before = asked();
    jest.advanceTimersByTime(10_000);
    await settle(() => asked() > before && jest.getTimerCount() > 0);
  };

  beforeEach(async () => {
    issuer = await startIssuer();
  });
  afterEach(async () => {
    jest.useRealTimers();
    for (const { provider } of opened.splice(0)) provider.close();
    await issuer.close();
  });

  it('fetches at first use, once for all who wait, and then answers from memory', async () => {
    const { provider, clock } = setUp();
    expect([provider.metadata.known, asked()]).toEqual([undefined, 0]);
    const all = await Promise.all(Array.from({ length: 50 }, () => provider.metadata.get()));
    expect(new Set(all).size).toBe(1);
    clock.advance(TEN_MINUTES);
    expect(await provider.metadata.get()).toMatchObject({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` });
    expect([asked(), provider.isHealthy]).toEqual([1, true]);
  });

  it('starts without waiting, also when nobody is there, and heals by itself', async () => {
    holdTimers();
    issuer.discovery = (request) => request.socket.destroy();
    const { provider, recorder } = setUp();
    provider.metadata.start();
    await settle(() => provider.metadata.isFailing);
    expect(provider.isHealthy).toBe(false);
    issuer.discovery = json(metadataOf(issuer.url));
    jest.advanceTimersByTime(500);
    await settle(() => provider.metadata.known !== undefined);
    expect(provider.isHealthy).toBe(true);
    expect(recorder.events.map(({ type }) => type)).toEqual(['provider.down', 'provider.up']);
  });

  it('says at once, and without asking, that the provider was not reached a moment ago', async () => {
    issuer.discovery = respond(429, '', { 'retry-after': '20' });
    const { provider, clock } = setUp();
    await failureOf(provider.metadata.get());
    clock.advance(1500);
    const failure = await failureOf(provider.metadata.get());
    expect(failure).toBeInstanceOf(ProviderUnavailableException);
    expect(failure).toMatchObject({ message: 'the OpenID Provider has not been reached yet', retryAfter: 19 });
    expect(asked()).toBe(1);
    clock.advance(18_500);
    issuer.discovery = json(metadataOf(issuer.url));
    expect(await provider.metadata.get()).toMatchObject({ issuer: issuer.url });
  });

  it('renews metadata of more than ten minutes behind the request that uses it', async () => {
    const { provider, clock } = setUp();
    await provider.metadata.get();
    const gate = held(json(metadataOf(issuer.url, { userinfo_endpoint: `${issuer.url}/me` })));
    issuer.discovery = gate.handler;
    clock.advance(TEN_MINUTES + 1);
    expect(await provider.metadata.get()).not.toHaveProperty('userinfo_endpoint');
    expect(await provider.metadata.get()).not.toHaveProperty('userinfo_endpoint');
    await gate.arrived;
    gate.release();
    await settle(() => provider.metadata.known?.userinfo_endpoint !== undefined);
    expect(asked()).toBe(2);
  });

  it.each<[string, Handler, string]>([
    ['HTML', respond(200, '<!doctype html>', { 'content-type': 'text/html' }), 'something else than JSON'],
    ['JSON of another type', respond(200, '{}', { 'content-type': 'text/plain' }), 'something else than JSON'],
    [
      'JSON of a type that only begins like it',
      respond(200, '{}', { 'content-type': 'application/jsonp' }),
      'something',
    ],
    ['no type', respond(200, '{}'), 'something else than JSON'],
    ['nothing', respond(200, '', { 'content-type': 'application/json' }), 'is no JSON object'],
    ['cut JSON', respond(200, '{"issuer":', { 'content-type': 'application/json' }), 'is no JSON object'],
    ['a list', json([]), 'is no JSON object'],
    ['too much', json({ padding: 'x'.repeat(600_000) }), 'too large'],
    ['404', respond(404), 'answered 404 where a document belongs'],
    ['a redirect', respond(302, '', { location: '/elsewhere' }), 'redirect'],
    ['500', respond(500), 'answered 500'],
    ['another issuer', json(metadataOf('https://evil.example')), 'names another issuer'],
  ])('N3 does not take %s for metadata, and keeps what it has', async (_what, bad, reason) => {
    issuer.discovery = bad;
    const { provider } = setUp();
    const failure = await failureOf(provider.metadata.get());
    expect(failure).toBeInstanceOf(ProviderUnavailableException);
    expect((failure as Error).message).toContain(reason);

    issuer.discovery = json(metadataOf(issuer.url));
    const { provider: second, clock } = setUp();
    await second.metadata.get();
    issuer.discovery = bad;
    clock.advance(TEN_MINUTES + 1);
    await second.metadata.get();
    await settle(() => second.metadata.isFailing);
    expect(await second.metadata.get()).toMatchObject({ issuer: issuer.url });
    expect(second.isHealthy).toBe(false);
  });

  it('reports why a document is not accepted, once for each reason', async () => {
    holdTimers();
    issuer.discovery = json(metadataOf('https://evil.example'));
    const { provider, recorder } = setUp();
    await failureOf(provider.metadata.get());
    await retry();
    await retry();
    issuer.discovery = respond(200, '<html>', { 'content-type': 'text/html' });
    await retry();
    await retry();
    expect(asked()).toBe(5);
    expect(recorder.events).toEqual([
      {
        type: 'metadata.rejected',
        issuer: issuer.url,
        reason:
          'the discovery document names another issuer than the configured one; set OPENID_ISSUER to exactly what it names',
      },
      {
        type: 'metadata.rejected',
        issuer: issuer.url,
        reason: 'the OpenID Provider answered with something else than JSON',
      },
    ]);
  });

  describe('with a shared cache', () => {
    it('starts from what another instance knew, without waiting for a provider that is slow', async () => {
      const cache = createCache();
      const clock = new TestClock();
      await setUp({ cache, clock }).provider.metadata.get();
      const gate = held(respond(500));
      issuer.discovery = gate.handler;
      clock.advance(TEN_MINUTES + 1000);
      const { provider } = setUp({ cache, clock });
      provider.metadata.start();
      await gate.arrived;
      expect(await provider.metadata.get()).toMatchObject({ issuer: issuer.url });
      gate.release();
      await settle(() => provider.metadata.isFailing);
      expect(await provider.metadata.get()).toMatchObject({ issuer: issuer.url });
    });

    it('asks nobody while what it found is young', async () => {
      const cache = createCache();
      const clock = new TestClock();
      await setUp({ cache, clock }).provider.metadata.get();
      await setUp({ cache, clock }).provider.metadata.get();
      expect(asked()).toBe(1);
    });

    it('does not use what was kept a day ago', async () => {
      const cache = createCache();
      const clock = new TestClock();
      await setUp({ cache, clock }).provider.metadata.get();
      issuer.discovery = respond(500);
      clock.advance(86_401_000);
      expect(await failureOf(setUp({ cache, clock }).provider.metadata.get())).toMatchObject({
        message: 'the OpenID Provider answered 500',
      });
    });

    it('checks what it found as if it had just come', async () => {
      const cache = createCache();
      const clock = new TestClock();
      const { provider } = setUp({ cache, clock });
      issuer.discovery = json(metadataOf(issuer.url, { issuer: `${issuer.url}/` }));
      await provider.metadata.get();
      const kept = await cache.get(`oidc:${issuer.url}:web:metadata`);
      expect(kept).toEqual(expect.any(String));
      issuer.discovery = respond(500);
      const other = await startIssuer();
      const elsewhere = setUp({ issuer: other.url, cache, clock });
      await cache.set(`oidc:${other.url}:web:metadata`, kept);
      other.discovery = respond(500);
      expect(await failureOf(elsewhere.provider.metadata.get())).toMatchObject({
        message: 'the OpenID Provider answered 500',
      });
      await other.close();
    });
  });

  describe('close', () => {
    it('ends what is under way, says nothing about it, and nothing runs afterwards', async () => {
      const gate = held(json(metadataOf(issuer.url)));
      issuer.discovery = gate.handler;
      const { provider, recorder } = setUp();
      provider.metadata.start();
      await gate.arrived;
      const waiting = failureOf(provider.metadata.get());
      provider.close();
      expect(await waiting).toBeInstanceOf(ProviderUnavailableException);
      provider.metadata.start();
      expect([asked(), recorder.events, provider.metadata.isFailing]).toEqual([1, [], false]);
    });

    it('asks a provider that fails no more', async () => {
      holdTimers();
      issuer.discovery = respond(500);
      const { provider } = setUp();
      await failureOf(provider.metadata.get());
      await retry();
      expect([asked(), jest.getTimerCount()]).toEqual([2, 1]);
      provider.close();
      expect(jest.getTimerCount()).toBe(0);
    });

    it('is not needed for a process to end: the retry keeps nothing alive', async () => {
      const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
      issuer.discovery = respond(500);
      const before = timers();
      const { provider } = setUp();
      await failureOf(provider.metadata.get());
      expect(timers()).toBe(before);
    });
  });
});
