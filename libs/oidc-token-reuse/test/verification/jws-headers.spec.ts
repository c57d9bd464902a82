import { beforeEach, describe, expect, it } from '@jest/globals';
import { JwsHeaders } from '../../src/verification/jws-headers.js';
import { encode } from './support.js';

describe('JwsHeaders', () => {
  let headers: JwsHeaders;
  const segmentOf = (more: unknown): string => encode({ alg: 'ES256', more });
  beforeEach(() => {
    headers = new JwsHeaders();
  });

  it('reads a header once while the next token has the same, kept or not', () => {
    const segment = segmentOf(1);
    const first = headers.of(segment);
    expect(first).toMatchObject({ algorithm: 'ES256', header: { alg: 'ES256', more: 1 } });
    expect(headers.of(segment)).toBe(first);
    headers.of(segmentOf(2));
    expect(headers.of(segment)).not.toBe(first);
  });

  it('keeps those that it is told to, whatever is read after them', () => {
    const kept = [1, 2].map((more) => {
      const header = headers.of(segmentOf(more));
      headers.keep(segmentOf(more), header);
      return header.header;
    });
    for (let more = 10; more < 1000; more += 1) headers.of(segmentOf(more));
    expect([1, 2].map((more) => headers.of(segmentOf(more)).header)).toEqual(kept);
    for (const [index, header] of kept.entries()) expect(headers.of(segmentOf(index + 1)).header).toBe(header);
  });

  it('keeps a header once, however often it is told to', () => {
    const [one, other] = [headers.of(segmentOf(1)), headers.of(segmentOf(2))];
    for (let count = 0; count < 200; count += 1) {
      headers.keep(segmentOf(1), one);
      headers.keep(segmentOf(2), other);
    }
    expect(headers.of(segmentOf(1)).header).toBe(one.header);
  });

  it('keeps a hundred at most, and then begins anew', () => {
    const keep = (more: number): unknown => {
      const header = headers.of(segmentOf(more));
      headers.keep(segmentOf(more), header);
      return header.header;
    };
    const first = keep(0);
    for (let more = 1; more < 100; more += 1) keep(more);
    expect(headers.of(segmentOf(0)).header).toBe(first);
    keep(100);
    expect(headers.of(segmentOf(0)).header).not.toBe(first);
  });

  it('never takes one header for another of the same length', () => {
    expect(headers.of(segmentOf(1)).header).toMatchObject({ more: 1 });
    expect(headers.of(segmentOf(2)).header).toMatchObject({ more: 2 });
  });

  it('remembers nothing of what is no header', () => {
    const segment = encode({ alg: 'none' });
    for (let count = 0; count < 2; count += 1)
      expect(() => headers.of(segment)).toThrow('the algorithm is not allowed');
    expect(headers.of(segmentOf(1))).toMatchObject({ algorithm: 'ES256' });
    expect(() => headers.of(segment)).toThrow('the algorithm is not allowed');
  });
});
