import { describe, expect, it } from '@jest/globals';
import { hash } from 'node:crypto';
import { PresentedToken } from '../../src/verification/presented-token.js';
import { Sightings } from '../../src/verification/sightings.js';

/** Always the same tokens, since of so many random ones two have the same mark now and then. */
const tokens = (count: number): readonly PresentedToken[] =>
  Array.from({ length: count }, (_, index) => new PresentedToken(`a.b.${hash('sha256', String(index), 'base64url')}`));

describe('Sightings', () => {
  it('tell what was seen before', () => {
    const sightings = new Sightings(100);
    const all = tokens(50);
    expect(all.filter((one) => sightings.note(one))).toEqual([]);
    expect(all.filter((one) => sightings.note(one))).toEqual(all);
  });

  it('tell as many apart as come in turn', () => {
    const sightings = new Sightings(20_000);
    const all = tokens(20_000);
    expect(all.filter((one) => sightings.note(one))).toEqual([]);
    for (let turn = 0; turn < 2; turn += 1) expect(all.filter((one) => !sightings.note(one))).toEqual([]);
  });

  it('forget what half as many others came after, for good', () => {
    const sightings = new Sightings(100);
    const [old = new PresentedToken(''), ...others] = tokens(101);
    sightings.note(old);
    for (const other of others) sightings.note(other);
    expect([sightings.note(old), sightings.note(old)]).toEqual([false, true]);
  });

  it('tell tokens apart by each of their last characters, and take short ones', () => {
    const sightings = new Sightings(100);
    const alike = ['aaaaaaaa', 'baaaaaaa', 'aaaaaaab', 'aaaabaaa', 'aaaaaaa', 'a', ''].map(
      (text) => new PresentedToken(text),
    );
    expect(alike.filter((one) => sightings.note(one))).toEqual([]);
  });
});
