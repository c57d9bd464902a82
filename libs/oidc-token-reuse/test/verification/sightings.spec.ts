import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { Sightings } from '../../src/verification/sightings.js';

const name = (): string => randomBytes(32).toString('base64url');
const names = (count: number): readonly string[] => Array.from({ length: count }, name);

describe('Sightings', () => {
  it('tell what was seen before', () => {
    const sightings = new Sightings(100);
    const all = names(50);
    expect(all.filter((one) => sightings.note(one))).toEqual([]);
    expect(all.filter((one) => sightings.note(one))).toEqual(all);
  });

  it('tell as many apart as come in turn', () => {
    const sightings = new Sightings(20_000);
    const all = names(20_000);
    expect(all.filter((one) => sightings.note(one))).toEqual([]);
    for (let turn = 0; turn < 2; turn += 1) expect(all.filter((one) => !sightings.note(one))).toEqual([]);
  });

  it('forget what half as many others came after, for good', () => {
    const sightings = new Sightings(100);
    const old = name();
    sightings.note(old);
    for (const other of names(100)) sightings.note(other);
    expect([sightings.note(old), sightings.note(old)]).toEqual([false, true]);
  });

  it('tell names apart by each of their last characters, and take short ones', () => {
    const sightings = new Sightings(100);
    const alike = ['aaaaaaaa', 'baaaaaaa', 'aaaaaaab', 'aaaabaaa', 'aaaaaaa', 'a', ''];
    expect(alike.filter((one) => sightings.note(one))).toEqual([]);
  });
});
