import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { safeReturnTo, safeTarget } from '../../src/login/return-to.js';
import { OPEN_REDIRECTS } from './open-redirects.js';

const ORIGIN = 'https://app.example';

/** A path that leads to our origin, as browsers read it and as a proxy that decodes it once does. */
function staysHere(path: string): boolean {
  const [beforeQuery = ''] = path.split(/[?#]/, 1);
  return (
    new URL(path, ORIGIN).origin === ORIGIN &&
    /^\/(?![/\\])[!-~]*$/.test(path) &&
    !/^\/[/\\]|[\x00-\x1f\\]/.test(decodedOnce(beforeQuery)) &&
    Buffer.byteLength(path) <= 300
  );
}

function decodedOnce(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

describe('safeReturnTo', () => {
  it('L8 knows more than a thousand spellings of another origin', () => {
    expect(new Set(OPEN_REDIRECTS).size).toBeGreaterThan(1000);
  });

  it('L8 turns every spelling of another origin into the start page', () => {
    expect(OPEN_REDIRECTS.filter((payload) => safeReturnTo(payload) !== '/')).toEqual([]);
  });

  it.each([undefined, '', 'page', '?page', '#page', '.', '..', 'null', ' /page', '/page ', '/pa ge'])(
    'turns %j into the start page',
    (value) => {
      expect(safeReturnTo(value)).toBe('/');
    },
  );

  it.each([
    ['/', '/'],
    ['/page', '/page'],
    ['/page/', '/page/'],
    ['/page?a=b&c=//d#e', '/page?a=b&c=//d#e'],
    ['/?next=https://other.example/%2f%5c', '/?next=https://other.example/%2f%5c'],
    ['/a/../b', '/b'],
    ['/@user', '/@user'],
    ['/a:b', '/a:b'],
    ['/a//b', '/a//b'],
    ['/straße/日本', '/stra%C3%9Fe/%E6%97%A5%E6%9C%AC'],
    ['/100%', '/100%'],
    ['/%zz', '/%zz'],
    ['/\ud800', '/%EF%BF%BD'],
  ])('keeps %j as %j', (value, path) => {
    expect(safeReturnTo(value)).toBe(path);
  });

  it.each(['\0', '\t', '\n', '\r', '\x0b', '\x1f', ' ', '\x7f', '\x85', '\xa0', '\u2028', '\u2029', '\ufeff', '\\'])(
    'L8 refuses %j in the path, the query and the fragment',
    (character) => {
      const places = [`/a${character}b`, `/a?b${character}c`, `/a#b${character}c`];
      expect(places.map((value) => safeReturnTo(value))).toEqual(['/', '/', '/']);
    },
  );

  it.each(['%00', '%0a', '%1F', '%5c', '%5C', '%2f', '%2F', '%7f'])(
    'L8 refuses %s in the path and keeps it in the query',
    (encoded) => {
      const places = [`/a${encoded}b`, `/a?b=${encoded}`];
      expect(places.map((value) => safeReturnTo(value))).toEqual(['/', `/a?b=${encoded}`]);
    },
  );

  it('keeps 300 bytes and not one more, counted as the path that is used', () => {
    const longest = `/${'a'.repeat(299)}`;
    expect(
      [longest, `${longest}a`, `/${'ü'.repeat(49)}`, `/${'ü'.repeat(50)}`].map((value) => safeReturnTo(value)),
    ).toEqual([longest, '/', `/${'%C3%BC'.repeat(49)}`, '/']);
  });

  it('L8 answers a megabyte at once', () => {
    const started = performance.now();
    for (const part of ['/', '\\', '%', '%2f', '/..', 'ü', '\t', '/%2e%2e'])
      expect(safeReturnTo(`/${part.repeat(1_000_000 / part.length)}`)).toBe('/');
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('L8 never leads away, whatever it is given', () => {
    const hostile = fc
      .array(
        fc.constantFrom(
          '/',
          '\\',
          '.',
          '%2f',
          '%5c',
          '%2e',
          '\t',
          '\n',
          '@',
          ':',
          '?',
          '#',
          'evil.example',
          'https',
          '\uff0f',
          ' ',
          'ü',
        ),
        {
          maxLength: 12,
        },
      )
      .map((parts) => parts.join(''));
    const anything = fc.oneof(
      hostile,
      hostile.map((text) => `/${text}`),
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.webPath(),
      fc.webUrl(),
    );
    fc.assert(
      fc.property(anything, (value) => {
        const path = safeReturnTo(value);
        return staysHere(path) && safeReturnTo(path) === path;
      }),
      { numRuns: 5000 },
    );
  });
});

describe('safeTarget', () => {
  it('leads to the path of a URL on our own origin', () => {
    expect(safeTarget(`${ORIGIN}/a/path?b=c#d`, ORIGIN)).toBe('/a/path?b=c#d');
    expect(safeTarget(ORIGIN, ORIGIN)).toBe('/');
  });

  it.each([
    ...['/path', 'path', '', '//app.example/path', 'http://app.example/path', 'https://app.example:444/path'],
    ...['https://app.example.evil.example/', 'https://evil.example/https://app.example/', 'javascript:alert(1)'],
    ...[
      `${ORIGIN}//evil.example`,
      `${ORIGIN}/\\evil.example`,
      `${ORIGIN}/%2fevil.example`,
      `${ORIGIN}/${'a'.repeat(300)}`,
    ],
  ])('takes %j for the start page', (link) => {
    expect(safeTarget(link, ORIGIN)).toBe('/');
  });

  it('L8 leads away by none of the known ways', () => {
    const led = OPEN_REDIRECTS.flatMap((payload) => [
      safeTarget(payload, ORIGIN),
      safeTarget(ORIGIN + payload, ORIGIN),
    ]);
    expect(led.filter((path) => !staysHere(path))).toEqual([]);
  });
});
