import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CookieJar } from '../../src/http/cookie-header.js';
import { chunkCount, chunkName, heldChunks, readChunks, toChunks } from '../../src/session/cookie-chunks.js';
import { cookieHeader } from './support.js';

const CHUNK = 3936;
const NAME = '__Host-oidc.session';

function jarOf(chunks: readonly string[], name = NAME): CookieJar {
  return new CookieJar(cookieHeader(Object.fromEntries(chunks.map((chunk, index) => [chunkName(name, index), chunk]))));
}

describe('cookie chunks', () => {
  it.each([
    [0, 1],
    [1, 1],
    [CHUNK - 1, 1],
    [CHUNK, 1],
    [CHUNK + 1, 2],
    [2 * CHUNK, 2],
    [2 * CHUNK + 1, 3],
  ])('S2 spread %d characters over %d cookies', (length, count) => {
    const chunks = toChunks('x'.repeat(length));
    expect({ count: chunkCount(length), lengths: chunks.map((chunk) => chunk.length) }).toEqual({
      count,
      lengths: Array.from({ length: count }, (_, index) => Math.min(CHUNK, length - index * CHUNK)),
    });
  });

  it('put any value together again', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\w.-]{0,40}$/), fc.nat({ max: 3 * CHUNK }), (text, length) => {
        const value = text + 'x'.repeat(length);
        expect(readChunks(jarOf(toChunks(value)), NAME).join('')).toBe(value);
      }),
    );
  });

  it('S2 are read up to the first gap', () => {
    const jar = new CookieJar(`${NAME}.0=a; ${NAME}.2=c`);
    expect(readChunks(jar, NAME)).toEqual(['a']);
  });

  it('S2 are read up to one that was sent twice', () => {
    const jar = new CookieJar(`${NAME}.0=a; ${NAME}.1=b; ${NAME}.1=b; ${NAME}.2=c`);
    expect(readChunks(jar, NAME)).toEqual(['a']);
  });

  it('S2 are never more than four', () => {
    expect(readChunks(jarOf(Array.from({ length: 50 }, (_, index) => String(index))), NAME)).toEqual([
      '0',
      '1',
      '2',
      '3',
    ]);
  });

  it.each(['', '.', '.x', '.01', '.00', '.1x', '.-1', '.1e3', '.99999999', '.10000', '.0.0', '0', '.٣'])(
    'S2 are not looked for in a cookie whose name ends with %j',
    (suffix) => {
      const jar = new CookieJar(`${NAME}${suffix}=x`);
      expect({ held: heldChunks(jar, NAME), read: readChunks(jar, NAME) }).toEqual({ held: [], read: [] });
    },
  );

  it('S2 of any index below ten thousand are seen, also when they came twice', () => {
    const jar = new CookieJar(`${NAME}.9999=x; ${NAME}.0=x; ${NAME}.0=x; other.1=x; X${NAME}.2=x`);
    expect(heldChunks(jar, NAME)).toEqual([9999, 0]);
  });

  it('S2 are seen sixteen at a time', () => {
    expect(heldChunks(jarOf(Array.from({ length: 500 }, () => 'x')), NAME)).toHaveLength(16);
  });
});

describe('held chunks', () => {
  it('S2 are those of the name alone, and of none that is as long', () => {
    const other = 'x'.repeat(NAME.length);
    const jar = new CookieJar(`${other}.0=a; ${NAME}.1=b; ${NAME}x0=c; x${NAME}.2=d`);
    expect(heldChunks(jar, NAME)).toEqual([1]);
  });
});
