import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { PresentedToken } from '../../src/verification/presented-token.js';

const markOf = (text: string): number => new PresentedToken(text).mark;

describe('a presented token', () => {
  it('belongs to no session unless somebody says so', () => {
    expect([new PresentedToken('a').isOfSession, new PresentedToken('a', true).isOfSession]).toEqual([false, true]);
  });

  it('has a mark that its last eight characters make, of a token of any length', () => {
    expect(markOf('header.claims.12345678')).toBe(markOf('12345678'));
    const marks = ['12345678', '02345678', '12345670', '1234567', '', '8'].map(markOf);
    expect(new Set(marks).size).toBe(marks.length);
  });

  it('has a mark of 31 bits, never 0, and nearly always one of its own', () => {
    const marks = Array.from({ length: 10_000 }, () => markOf(randomBytes(32).toString('base64url')));
    expect(marks.every((mark) => Number.isInteger(mark) && mark >= 1 && mark < 2 ** 31)).toBe(true);
    expect(new Set(marks).size).toBeGreaterThan(9990);
    expect([markOf(''), Math.max(...marks) > 2 ** 30]).toEqual([1, true]);
  });
});
