import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rolesAt } from '../../src/verification/roles.js';

describe('rolesAt', () => {
  it.each([
    ['roles', ['admin', 'reader']],
    ['realm_access.roles', ['nested']],
    ['cognito:groups', ['a']],
    ['spaced', ['a', 'b', 'c']],
    ['commas', ['a', 'b', 'c']],
    ['mixed', ['a']],
    ['empty', []],
    ['number', []],
    ['object', []],
    ['null', []],
    ['missing', []],
    ['missing.deeper', []],
  ])('reads %s', (path, expected) => {
    const claims = {
      roles: ['admin', 'reader'],
      realm_access: { roles: ['nested'] },
      'cognito:groups': ['a'],
      spaced: ' a  b c ',
      commas: 'a, b,,c',
      mixed: ['a', 1, null, ['b'], { c: 'c' }],
      empty: '',
      number: 5,
      object: { admin: true },
      null: null,
    };
    expect(rolesAt(claims, path)).toEqual(expected);
  });

  it('gives names only, whatever the claims hold', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (claims, path) => {
        expect(rolesAt(claims, path).every((role) => typeof role === 'string')).toBe(true);
      }),
    );
  });

  it('reads nothing from a prototype', () => {
    expect(rolesAt({}, '__proto__')).toEqual([]);
    expect(rolesAt({}, 'constructor.name')).toEqual([]);
    expect(rolesAt({}, 'toString')).toEqual([]);
  });
});
