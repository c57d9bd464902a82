import { beforeEach, describe, expect, it } from '@jest/globals';
import { parseJwkSet, type SigningKey } from '../../src/provider/jwk-set.js';
import { VerifiedTokenCache, type VerifiedJws } from '../../src/verification/verified-token.cache.js';
import { makeKey } from './support.js';

describe('VerifiedTokenCache', () => {
  let key: SigningKey;
  let published: boolean;
  let verifications: number;
  let cache: VerifiedTokenCache;
  const jws = (): VerifiedJws => ({ algorithm: 'ES256', kid: undefined, type: undefined, header: {}, claims: {}, key });
  const verify = (): Promise<VerifiedJws> => {
    verifications += 1;
    return Promise.resolve(jws());
  };

  beforeEach(async () => {
    const set = await parseJwkSet(JSON.stringify({ keys: [(await makeKey('ES256')).jwk] }));
    [key] = set.keys as [SigningKey];
    published = true;
    verifications = 0;
    cache = new VerifiedTokenCache(() => Promise.resolve(published));
  });

  it('verifies a token once', async () => {
    const first = await cache.get('a.b.c', verify);
    expect(await cache.get('a.b.c', verify)).toBe(first);
    expect(verifications).toBe(1);
  });

  it('verifies once for all who ask at the same time', async () => {
    await Promise.all(Array.from({ length: 100 }, () => cache.get('a.b.c', verify)));
    expect(verifications).toBe(1);
  });

  it('T7 tells tokens apart by all of their characters', async () => {
    const alike = ['a.b.c', 'a.b.C', 'a.bb.c', 'a.b.c ', 'b.b.c', `${'x'.repeat(9000)}.y.z`, `${'x'.repeat(9000)}.Y.z`];
    for (const token of alike) await cache.get(token, verify);
    expect([verifications, cache.size]).toEqual([7, 7]);
  });

  it('keeps no failure', async () => {
    for (let count = 0; count < 2; count += 1)
      await expect(cache.get('a.b.c', () => Promise.reject(new Error('bad')))).rejects.toThrow('bad');
    await expect(
      cache.get('a.b.c', () => {
        throw new Error('worse');
      }),
    ).rejects.toThrow('worse');
    expect(cache.size).toBe(0);
    await cache.get('a.b.c', verify);
    expect(verifications).toBe(1);
  });

  it('shares a failure with all who asked at the same time, and with nobody after', async () => {
    let attempts = 0;
    const fail = (): Promise<VerifiedJws> => {
      attempts += 1;
      return Promise.reject(new Error('bad'));
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => cache.get('a.b.c', fail)));
    expect([attempts, outcomes.filter(({ status }) => status === 'rejected').length]).toEqual([1, 10]);
    await cache.get('a.b.c', verify);
    expect(verifications).toBe(1);
  });

  it('drops what a key verified that is published no more', async () => {
    await cache.get('a.b.c', verify);
    published = false;
    await expect(cache.get('a.b.c', () => Promise.reject(new Error('unknown key')))).rejects.toThrow('unknown key');
    expect(cache.size).toBe(0);
  });

  it('keeps five thousand tokens at most, the newest, and no token itself', async () => {
    for (let count = 0; count < 100_000; count += 1) await cache.get(`token-${String(count)}`, verify);
    expect(cache.size).toBe(5000);
    await cache.get('token-99999', verify);
    expect(verifications).toBe(100_000);
    await cache.get('token-94999', verify);
    expect(verifications).toBe(100_001);
  });

  it('keeps ten million characters of tokens at most', async () => {
    for (let count = 0; count < 1000; count += 1) await cache.get(`${String(count)}.`.padEnd(16_384, 'x'), verify);
    expect(cache.size).toBe(Math.floor(10_000_000 / 16_384));
  });
});
