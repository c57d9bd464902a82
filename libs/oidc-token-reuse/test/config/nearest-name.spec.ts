import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nearestName } from '../../src/config/nearest-name.js';

describe('nearestName', () => {
  it('is undefined when there are no names', () => {
    expect(nearestName('a', [])).toBeUndefined();
  });

  it.each([
    ['kitten', ['sitting', 'mittens', 'bitten'], 'bitten'],
    ['ab', ['ba', 'abc'], 'abc'],
    ['', ['abc', 'ab'], 'ab'],
    ['abc', ['', 'xyzz'], ''],
    ['a', ['b', 'c'], 'b'],
  ])('of %p among %p is %p', (wanted, names, nearest) => {
    expect(nearestName(wanted, names)).toBe(nearest);
  });

  it('is a name itself when it is among them', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { minLength: 1 }), fc.nat(), (names, index) => {
        const wanted = names[index % names.length] ?? '';
        expect(nearestName(wanted, names)).toBe(wanted);
      }),
    );
  });
});
