import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CompactEncrypt } from 'jose';
import { Sealer } from '../../src/session/sealer.js';

const [SECRET, OTHER] = ['the-first-secret-of-thirty-two-ch', 'another-secret-of-thirty-two-char'];
const TEXT = Buffer.from('the token set');

async function opened(sealer: Sealer, sealed: string): Promise<string | undefined> {
  const result = await sealer.open(sealed);
  return result === undefined ? undefined : Buffer.from(result.plaintext).toString();
}

function headerOf(sealed: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

describe('Sealer', () => {
  const sealer = new Sealer([SECRET], 'session');

  it('needs a secret', () => {
    expect(() => new Sealer([], 'session')).toThrow(new RangeError('a sealer needs a secret'));
  });

  it('S4 seals with dir and A256GCM and names its key by a digest', async () => {
    const header = headerOf(await sealer.seal(TEXT, { n: 2 }));
    expect(header).toEqual({ n: 2, alg: 'dir', enc: 'A256GCM', kid: expect.stringMatching(/^[\w-]{6}$/) });
    expect(SECRET).not.toContain(header['kid']);
  });

  it('opens what it sealed, with its header', async () => {
    const result = await sealer.open(await sealer.seal(TEXT, { n: 3 }));
    expect({ text: Buffer.from(result?.plaintext ?? []).toString(), header: result?.header }).toEqual({
      text: 'the token set',
      header: { n: 3 },
    });
  });

  it('never seals twice into the same', async () => {
    expect(await sealer.seal(TEXT)).not.toBe(await sealer.seal(TEXT));
  });

  it('S4 opens nothing in which any bit was changed', async () => {
    const sealed = await sealer.seal(TEXT, { n: 1 });
    const changed = Array.from({ length: sealed.length }, (_, index) =>
      [0, 1, 2, 3, 4, 5].map((bit) => ({ index, bit })),
    )
      .flat()
      .map(({ index, bit }) => flipped(sealed, index, 1 << bit))
      // A tail bit that base64url does not carry is no change.
      .filter((other) => !isSameBytes(other, sealed));
    const results = await Promise.all(changed.map((other) => sealer.open(other)));
    expect(results.filter((result) => result !== undefined)).toEqual([]);
    expect(changed.length).toBeGreaterThan(500);
  });

  it('S4 opens no part of what it sealed', async () => {
    const sealed = await sealer.seal(TEXT, { n: 1 });
    const parts = Array.from({ length: sealed.length }, (_, length) => sealed.slice(0, length));
    expect(await Promise.all(parts.map((part) => opened(sealer, part)))).toEqual(parts.map(() => undefined));
  });

  it('L6 does not open what the same secret sealed for another purpose', async () => {
    const sealed = await new Sealer([SECRET], 'transaction').seal(TEXT);
    expect(sealer.peek(sealed)).toEqual({});
    expect(await opened(sealer, sealed)).toBeUndefined();
  });

  it('S5 seals with the first secret and opens with all', async () => {
    const rotated = new Sealer([OTHER, SECRET], 'session');
    const [old, fresh] = [await sealer.seal(TEXT), await rotated.seal(TEXT)];
    expect(headerOf(fresh)['kid']).not.toBe(headerOf(old)['kid']);
    expect([await opened(rotated, old), await opened(rotated, fresh)]).toEqual(['the token set', 'the token set']);
    expect(await opened(new Sealer([OTHER], 'session'), fresh)).toBe('the token set');
  });

  it('S5 opens nothing of a secret that was taken away, and knows that it is not its own', async () => {
    const sealed = await new Sealer([OTHER], 'session').seal(TEXT, { n: 1 });
    expect([await opened(sealer, sealed), sealer.peek(sealed)]).toEqual([undefined, undefined]);
  });

  it('knows the beginning of what it sealed by its header', async () => {
    const sealed = await sealer.seal(Buffer.alloc(6000), { n: 3 });
    expect(sealer.peek(sealed.slice(0, 3936))).toEqual({ n: 3 });
  });

  it('T9 opens nothing compressed, and nothing sealed with a password', async () => {
    const { kid } = headerOf(await sealer.seal(TEXT)) as { kid: string };
    const direct = new CompactEncrypt(TEXT).setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid });
    const zipped = withHeader(await direct.encrypt(new Uint8Array(32)), {
      alg: 'dir',
      enc: 'A256GCM',
      kid,
      zip: 'DEF',
    });
    const password = withHeader(zipped, {
      alg: 'PBES2-HS256+A128KW',
      enc: 'A256GCM',
      kid,
      p2c: 2 ** 31,
      p2s: 'c2FsdA',
    });
    expect([await opened(sealer, zipped), await opened(sealer, password)]).toEqual([undefined, undefined]);
  });

  it('opens a megabyte and no more', async () => {
    const most = await sealer.seal(Buffer.alloc(786_000));
    expect(await sealer.open(most)).toMatchObject({ header: {} });
    expect(await sealer.open(`${most}${'A'.repeat(1000)}`)).toBeUndefined();
  });

  it('opens no text of others, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^([\w-]{0,30}\.){0,5}[\w-]{0,30}$/)),
        async (text) => {
          expect([await sealer.open(text), sealer.peek(text)]).toEqual([undefined, undefined]);
        },
      ),
    );
  });
});

/** With one bit of the base64url digit at an index changed; a dot becomes another character. */
function flipped(sealed: string, index: number, bit: number): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const value = digits.indexOf(sealed.charAt(index));
  const digit = value < 0 ? digits.charAt(bit) : digits.charAt(value ^ bit);
  return sealed.slice(0, index) + digit + sealed.slice(index + 1);
}

function isSameBytes(one: string, other: string): boolean {
  const [left, right] = [one, other].map((text) =>
    text.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex')),
  );
  return left?.join('.') === right?.join('.');
}

function withHeader(sealed: string, header: object): string {
  return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...sealed.split('.').slice(1)].join('.');
}

describe('what a sealer opens', () => {
  it('S5 is also what an older version sealed', async () => {
    const sealed =
      'eyJuIjoyLCJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiVXZ3UUgxIn0..pJgRKvyusUMQ51ja._aTnyyeBhV4B.aZW3jlAdREMVNV5a30ZaGA';
    const result = await new Sealer(['a-secret-that-never-changes-000001'], 'session').open(sealed);
    expect([Buffer.from(result?.plaintext ?? []).toString(), result?.header]).toEqual(['a session', { n: 2 }]);
  });

  it('T9 is never longer than a megabyte, even where it is our own', async () => {
    const own = new Sealer([SECRET], 'session');
    const [fits, isTooLong] = [await own.seal(Buffer.alloc(700_000)), await own.seal(Buffer.alloc(800_000))];
    expect((await own.open(fits))?.plaintext.length).toBe(700_000);
    expect(await own.open(isTooLong)).toBeUndefined();
  });
});
