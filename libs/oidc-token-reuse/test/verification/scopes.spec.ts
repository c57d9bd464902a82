import { beforeEach, describe, expect, it } from '@jest/globals';
import { Scopes } from '../../src/verification/scopes.js';

describe('Scopes', () => {
  let scopes: Scopes;
  beforeEach(() => {
    scopes = new Scopes();
  });

  it.each<[string, Record<string, unknown>, readonly string[]]>([
    ['one string', { scope: 'read write' }, ['read', 'write']],
    ['one string with blanks and repetitions', { scope: ' read  write read ' }, ['read', 'write']],
    ['a list', { scope: ['read', '', 'read', 5, null, 'write'] }, ['read', 'write']],
    ['`scp` of Entra', { scp: 'read' }, ['read']],
    ['`scope` before `scp`', { scope: 'read', scp: 'write' }, ['read']],
    ['nothing', {}, []],
    ['an object', { scope: { read: true } }, []],
    ['a number', { scope: 5 }, []],
  ])('are those of %s, frozen', (_what, claims, expected) => {
    expect(scopes.of(claims)).toEqual(expected);
    expect(Object.isFrozen(scopes.of(claims))).toBe(true);
  });

  it('are one list while the next token has the same', () => {
    const first = scopes.of({ scope: 'read write' });
    expect(scopes.of({ scope: ['read', 'write'].join(' ') })).toBe(first);
    expect(scopes.of({ scope: 'read writ' })).toEqual(['read', 'writ']);
    expect(scopes.of({})).toEqual([]);
    expect(scopes.of({ scope: 'read write' })).toEqual(first);
  });
});
