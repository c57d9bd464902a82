import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CookieJar } from '../../src/http/cookie-header.js';

const NAME = '__Host-oidc.session.0';

describe('CookieJar', () => {
  it.each([undefined, '', ';', ' ; ;', '=value', 'flag', '  =x', '\t=x'])('finds nothing in %j', (header) => {
    expect([...new CookieJar(header).names()]).toEqual([]);
  });

  it('reads names and values around blanks and tabs', () => {
    const jar = new CookieJar(' a=1;b = 2 ;\tc\t=\t3\t;d=');
    expect(['a', 'b', 'c', 'd', 'e'].map((name) => jar.get(name))).toEqual(['1', '2', '3', '', undefined]);
  });

  it('keeps further equals signs in the value', () => {
    expect(new CookieJar('a=b=c==').get('a')).toBe('b=c==');
  });

  it('takes one pair of quotes off', () => {
    const jar = new CookieJar('a="x"; b="; c="x; d=""');
    expect(['a', 'b', 'c', 'd'].map((name) => jar.get(name))).toEqual(['x', '"', '"x', '']);
  });

  it('does not decode anything', () => {
    expect(new CookieJar('a=%41%; b=%E0%A4%A').get('a')).toBe('%41%');
  });

  it('S1 gives no value for a name that was sent twice, and says so', () => {
    const jar = new CookieJar('a=1; b=2; a=3');
    expect({ a: jar.get('a'), names: [...jar.names()] }).toEqual({ a: undefined, names: ['a', 'b'] });
    expect(['a', 'b', 'c'].map((name) => jar.isRepeated(name))).toEqual([true, false, false]);
  });

  it('S1 gives no value for a name that was sent three times', () => {
    const jar = new CookieJar('a=1; a=1; a=1');
    expect({ value: jar.get('a'), isRepeated: jar.isRepeated('a') }).toEqual({ value: undefined, isRepeated: true });
  });

  it.each(['\xa0', '\x0b', '\x0c', '\ufeff', '\x85', '\u2003'])(
    'S1 does not take a name with %j in front or behind for the prefixed one',
    (blank) => {
      const jar = new CookieJar(`${blank}${NAME}=forged; ${NAME}${blank}=forged; ${NAME}=ours`);
      expect(jar.get(NAME)).toBe('ours');
    },
  );

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('has no cookie %s of its own', (name) => {
    expect([new CookieJar('a=1').get(name), new CookieJar(`${name}=1`).get(name)]).toEqual([undefined, '1']);
  });

  it('reads a megabyte of blanks in time that grows with its length only', () => {
    const jar = new CookieJar(`a=${' '.repeat(500_000)}x${' '.repeat(500_000)}; b=1`);
    expect([jar.get('a'), jar.get('b')]).toEqual(['x', '1']);
  });

  it('gives back what was written, whatever stands around it', () => {
    const token = fc.stringMatching(/^[\w!#$%&'*+.^`|~-]{1,20}$/);
    const value = fc.stringMatching(/^[\w!#$%&'()*+./:<=>?@[\]^`{|}~-]{0,40}$/);
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(token, value), { selector: ([name]) => name }), (pairs) => {
        const jar = new CookieJar(pairs.map((pair) => pair.join('=')).join('; '));
        expect([...jar.names()]).toEqual(pairs.map(([name]) => name));
        for (const [name, written] of pairs) expect(jar.get(name)).toBe(written);
      }),
    );
  });

  it('reads any header without a failure', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (header) => {
        const jar = new CookieJar(header);
        for (const name of jar.names()) expect(header.includes(jar.get(name) ?? '')).toBe(true);
      }),
    );
  });
});
