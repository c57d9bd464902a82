import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ByteReader, ByteWriter, readToken, writeToken } from '../../src/session/token-codec.js';
import { jwtOf } from './support.js';

function encoded(token: string | undefined): Uint8Array {
  const writer = new ByteWriter();
  writeToken(writer, token);
  return writer.finish();
}

function restored(token: string | undefined): string | undefined {
  return readToken(new ByteReader(encoded(token)));
}

describe('a token', () => {
  it('is written as its bytes where it is base64url, and takes a quarter less', () => {
    const token = jwtOf({ filler: 'x'.repeat(3000) });
    expect(encoded(token).length).toBeLessThan(token.length * 0.76);
    expect(restored(token)).toBe(token);
  });

  it.each([
    ['no token', undefined],
    ['nothing but its dots', '....'],
    ['padding', 'YQ==.YQ=='],
    ['plain base64', 'a+b/.c'],
    ['tail bits that base64url does not carry', 'YR.YS.YT'],
    ['one digit', 'a'],
    ['characters beyond ASCII', 'tökén.✓'],
    ['nine segments', 'a.b.c.d.e.f.g.h.i'],
    ['eight segments', 'YWE.YWE.YWE.YWE.YWE.YWE.YWE.YWE'],
    ['a hundred thousand characters', 'x'.repeat(100_000)],
    ['a hundred thousand dots', '.'.repeat(100_000)],
  ])('comes back to the letter: %s', (_, token) => {
    expect(restored(token)).toBe(token);
  });

  it('comes back to the letter, whatever it is', () => {
    const any = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.stringMatching(/^[\w-]{1,60}(\.[\w-]{0,60}){0,9}$/),
    );
    fc.assert(
      fc.property(any, (token) => {
        expect(restored(token)).toBe(token);
      }),
    );
  });

  it('is not read from bytes that end too early', () => {
    const bytes = encoded('eyJh.bGc.x+y');
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => readToken(new ByteReader(bytes.subarray(0, length)))).toThrow(new RangeError('unexpected end'));
    }
  });
});

describe('a byte string', () => {
  it.each([0, 1, 127, 128, 16_383, 16_384, 2_097_152])('of %d bytes is followed by the next one', (length) => {
    const writer = new ByteWriter();
    writer.bytes(new Uint8Array(length).fill(7));
    writer.bytes(Buffer.from('next'));
    const reader = new ByteReader(writer.finish());
    expect([reader.bytes().length, Buffer.from(reader.bytes()).toString()]).toEqual([length, 'next']);
  });

  it('whose length has no end is refused', () => {
    expect(() => new ByteReader(new Uint8Array(100).fill(0xff)).bytes()).toThrow(
      new RangeError('a length is too long'),
    );
  });
});

describe('the length in front of a byte string', () => {
  it('takes one byte up to 127, and two from then on', () => {
    const written = [127, 128].map((length) => {
      const writer = new ByteWriter();
      writer.bytes(new Uint8Array(length));
      return writer.finish().length - length;
    });
    expect(written).toEqual([1, 2]);
  });

  it('has four bytes at most', () => {
    expect(() => new ByteReader(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x01)).bytes()).toThrow('a length is too long');
  });

  it('is there for each of eight segments, and once for nine', () => {
    const segment = 'YWFhYWFhYWFh';
    const lengths = [8, 9].map((count) => encoded(Array.from({ length: count }, () => segment).join('.')).length);
    expect(lengths).toEqual([1 + 8 * (2 + 9), 1 + 2 + 9 * 12 + 8]);
  });
});
