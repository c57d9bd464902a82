import { beforeEach, describe, expect, it } from '@jest/globals';
import { parseJwkSet, type SigningKey } from '../../src/provider/jwk-set.js';
import { PresentedToken } from '../../src/verification/presented-token.js';
import { VerifiedTokenCache, type AcceptedToken } from '../../src/verification/verified-token.cache.js';
import { makeKey } from './support.js';

describe('VerifiedTokenCache', () => {
  let key: SigningKey;
  let now: number;
  let verifications: number;
  let cache: VerifiedTokenCache<AcceptedToken, 'refused'>;
  const verify = (): Promise<AcceptedToken> => {
    verifications += 1;
    return Promise.resolve({ key, expiresAt: 100 });
  };
  const get = async (text: string, how = verify): Promise<AcceptedToken> => {
    const token = new PresentedToken(text);
    const outcome = cache.find(token) ?? (await cache.verifyOnce(token, (end) => ending(how(), end)));
    if (outcome === 'refused') throw new Error('refused');
    return outcome;
  };
  const ending = async (
    verification: Promise<AcceptedToken>,
    end: (accepted?: AcceptedToken) => void,
  ): Promise<AcceptedToken> => {
    try {
      const accepted = await verification;
      end(accepted);
      return accepted;
    } catch (error) {
      end();
      throw error;
    }
  };
  /** What is seen a second time is remembered. */
  const keep = async (text: string): Promise<AcceptedToken> => {
    await get(text);
    return get(text);
  };
  const fail = (): Promise<AcceptedToken> => Promise.reject(new Error('bad'));

  beforeEach(async () => {
    const set = await parseJwkSet(JSON.stringify({ keys: [(await makeKey('ES256')).jwk] }));
    [key] = set.keys as [SigningKey];
    now = 0;
    verifications = 0;
    cache = new VerifiedTokenCache({ entries: 5000, bytes: 10_000_000 }, ({ expiresAt }) => expiresAt <= now);
  });

  it('verifies a token until it has come twice, and no more', async () => {
    await get('a.b.c');
    expect(cache.size).toBe(0);
    const second = await get('a.b.c');
    expect(await get('a.b.c')).toBe(second);
    expect([verifications, cache.size]).toEqual([2, 1]);
  });

  it('verifies once for all who ask at the same time', async () => {
    await Promise.all(Array.from({ length: 100 }, () => get('a.b.c')));
    expect(verifications).toBe(1);
  });

  it('T7 tells tokens apart by all of their characters', async () => {
    const tail = `.${'s'.repeat(60)}`;
    const alike = ['a.b', 'a.B', 'a.bb', 'a.b ', 'b.b', `${'x'.repeat(900)}.y`, `${'x'.repeat(900)}.Y`];
    for (const token of alike) await get(token + tail);
    expect(verifications).toBe(7);
    expect(alike.map((token) => cache.find(new PresentedToken(token + tail)) !== undefined)).toEqual([
      ...[false, false, false, false, false, false],
      true,
    ]);
  });

  it('T7 verifies each of two texts under one name, also at the same time, and lets neither forget the other', async () => {
    const [one, other] = [`a.b.${'s'.repeat(60)}`, `A.b.${'s'.repeat(60)}`];
    await expect(Promise.allSettled([get(one), get(other, fail), get(one), get(other, fail)])).resolves.toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected' },
      { status: 'fulfilled' },
      { status: 'rejected' },
    ]);
    expect(verifications).toBe(1);
    await get(one);
    cache.forget(new PresentedToken(other));
    expect(cache.find(new PresentedToken(one))).toBeDefined();
  });

  it.each(['first', 'last'])('T7 verifies one text once, though another under its name is done %s', async (done) => {
    const [one, other] = [`a.b.${'s'.repeat(60)}`, `A.b.${'s'.repeat(60)}`];
    let release: () => void = () => undefined;
    const isHeld = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slowly = (): Promise<AcceptedToken> => isHeld.then(verify);
    const verifying = done === 'first' ? [get(one, slowly), get(other)] : [get(one), get(other, slowly)];
    await verifying[done === 'first' ? 1 : 0];
    if (done === 'first') verifying.push(get(one));
    release();
    await Promise.all(verifying);
    expect(verifications).toBe(2);
  });

  it('keeps nothing once it is closed', async () => {
    await keep('a.b.c');
    cache.close();
    expect(cache.size).toBe(0);
  });

  it('keeps no failure', async () => {
    for (let count = 0; count < 2; count += 1) await expect(get('a.b.c', fail)).rejects.toThrow('bad');
    expect(cache.size).toBe(0);
    await get('a.b.c');
    expect(verifications).toBe(1);
  });

  it('shares a failure with all who asked at the same time, and with nobody after', async () => {
    let attempts = 0;
    const counted = (): Promise<AcceptedToken> => {
      attempts += 1;
      return fail();
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => get('a.b.c', counted)));
    expect([attempts, outcomes.filter(({ status }) => status === 'rejected').length]).toEqual([1, 10]);
    await get('a.b.c');
    expect(verifications).toBe(1);
  });

  it('verifies anew after a refusal that was waited for, which all got who asked in the meantime', async () => {
    const token = new PresentedToken('a.b.c');
    let attempts = 0;
    const ask = (): unknown =>
      cache.verifyOnce(token, async (end) => {
        attempts += 1;
        await Promise.resolve();
        end();
        return 'refused' as const;
      });
    for (let round = 1; round <= 2; round += 1) {
      expect(await Promise.all([ask(), ask()])).toEqual(['refused', 'refused']);
      expect(attempts).toBe(round);
    }
  });

  it('gives what is refused at once to who asked, and remembers nothing of it', async () => {
    const token = new PresentedToken('a.b.c');
    for (let count = 0; count < 2; count += 1) expect(cache.verifyOnce(token, () => 'refused')).toBe('refused');
    await keep('a.b.c');
    expect([verifications, cache.size]).toEqual([2, 1]);
  });

  it('lets go of a token that is over, and of one that it is told to forget', async () => {
    await keep('a.b.c');
    await keep('d.e.f');
    expect(cache.size).toBe(2);
    cache.forget(new PresentedToken('d.e.f'));
    now = 100;
    expect([cache.find(new PresentedToken('a.b.c')), cache.size]).toEqual([undefined, 0]);
  });

  it('keeps as many tokens as it may, the newest', async () => {
    for (let count = 0; count < 20_000; count += 1) await keep(`token-${String(count)}`);
    expect([cache.size, verifications]).toEqual([5000, 40_000]);
    await get('token-19999');
    await get('token-15000');
    expect(verifications).toBe(40_000);
    await get('token-14999');
    expect(verifications).toBe(40_001);
  });

  it('keeps as many bytes as it may', async () => {
    for (let count = 0; count < 2000; count += 1) await keep(`.${String(count)}`.padStart(16_384, 'x'));
    expect(cache.size).toBe(Math.floor(10_000_000 / Math.ceil(600 + 1.8 * 16_384)));
  });

  it('takes no memory for a count that its bytes do not allow', () => {
    const held = process.memoryUsage().arrayBuffers;
    cache = new VerifiedTokenCache({ entries: Number.MAX_SAFE_INTEGER, bytes: 10_000_000 }, () => false);
    expect(process.memoryUsage().arrayBuffers - held).toBeLessThan(2_000_000);
  });
});
