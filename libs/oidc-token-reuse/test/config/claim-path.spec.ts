import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isClaimPath, readPath } from '../../src/config/claim-path.js';

describe('readPath', () => {
  const claims = {
    roles: ['a'],
    realm_access: { roles: ['b'] },
    'https://example.com/roles': ['c'],
    'a.b': 'whole',
    a: { b: 'nested', c: 'other' },
    resource_access: { 'my.client': { roles: ['d'] }, my: { client: { roles: ['e'] } } },
    none: null,
  };

  it.each([
    ['roles', ['a']],
    ['realm_access.roles', ['b']],
    ['https://example.com/roles', ['c']],
    ['a.b', 'whole'],
    ['a.c', 'other'],
    ['resource_access.my.client.roles', ['d']],
    ['none', null],
    ['none.x', undefined],
    ['missing', undefined],
    ['missing.x', undefined],
    ['roles.0', undefined],
    ['roles.length', undefined],
    ['', undefined],
    ['.roles', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
    ['a.__proto__.b', undefined],
    ['a.constructor.name', undefined],
    ['a.b.length', undefined],
  ])('%s', (path, value) => {
    expect(readPath(claims, path)).toEqual(value);
  });

  it.each([undefined, null, 'text', 5, [1]])('finds nothing in %p', (nothing) => {
    expect(readPath(nothing, 'length')).toBeUndefined();
  });

  it('reads an own claim named like a prototype', () => {
    expect(readPath(JSON.parse('{"__proto__":{"roles":["x"]}}'), '__proto__.roles')).toEqual(['x']);
  });

  it('never throws and never leaves the own properties', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (object, path) => {
        expect(typeof readPath(object, path)).not.toBe('function');
        for (const [name, value] of Object.entries(object)) expect(readPath(object, name)).toBe(value);
      }),
    );
  });
});

describe('isClaimPath', () => {
  it.each(['roles', 'realm_access.roles', 'https://example.com/roles', 'cognito:groups'])('accepts %s', (path) => {
    expect(isClaimPath(path)).toBe(true);
  });

  it.each(['', '.', 'a.', '.a', 'a..b', 'a b', 'a[0]'])('refuses %p', (path) => {
    expect(isClaimPath(path)).toBe(false);
  });
});
