import { describe, expect, it } from '@jest/globals';
import { ForbiddenException } from '../../src/errors/exceptions.js';
import {
  assertSameOrigin,
  isFramedElsewhere,
  isPageLoad,
  isPrefetch,
  isSafeMethod,
} from '../../src/http/fetch-metadata.js';
import { exchangeWith } from '../support.js';

type Headers = Readonly<Record<string, string>>;

const exchange = (headers: Headers, method?: string) => exchangeWith(Object.entries(headers), method);

describe('isPageLoad', () => {
  const cases: readonly (readonly [Headers, boolean])[] = [
    [{}, false],
    [{ accept: 'application/json' }, false],
    [{ accept: '*/*' }, false],
    [{ accept: 'text/html,application/xhtml+xml' }, true],
    [{ 'sec-fetch-mode': 'navigate' }, true],
    [{ 'sec-fetch-mode': 'navigate', accept: 'application/json' }, true],
    [{ 'sec-fetch-mode': 'cors', accept: 'text/html' }, false],
    [{ 'sec-fetch-mode': 'no-cors', accept: 'text/html' }, false],
    [{ 'sec-fetch-mode': '', accept: 'text/html' }, false],
  ];

  it.each(cases)('reads %j as %p', (headers, expected) => {
    expect(isPageLoad(exchange(headers))).toBe(expected);
  });
});

describe('isFramedElsewhere', () => {
  const cases: readonly (readonly [Headers, boolean])[] = [
    [{}, false],
    [{ 'sec-fetch-dest': 'document', 'sec-fetch-site': 'cross-site' }, false],
    [{ 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'cross-site' }, false],
    [{ 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'cross-site' }, true],
    [{ 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'same-site' }, true],
    [{ 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'none' }, true],
    [{ 'sec-fetch-dest': 'iframe' }, true],
    [{ 'sec-fetch-dest': 'fencedframe', 'sec-fetch-site': 'cross-site' }, true],
    [{ 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'same-origin' }, false],
  ];

  it.each(cases)('reads %j as %p', (headers, expected) => {
    expect(isFramedElsewhere(exchange(headers))).toBe(expected);
  });
});

describe('isPrefetch', () => {
  const cases: readonly (readonly [Headers, boolean])[] = [
    [{}, false],
    [{ 'sec-purpose': 'prefetch' }, true],
    [{ 'sec-purpose': 'prefetch;prerender' }, true],
    [{ 'sec-purpose': 'prefetch;anonymous-client-ip' }, true],
    [{ purpose: 'prefetch' }, true],
    [{ 'x-moz': 'prefetch' }, true],
    [{ 'sec-purpose': '' }, false],
    [{ purpose: 'navigate' }, false],
  ];

  it.each(cases)('L7 reads %j as %p', (headers, expected) => {
    expect(isPrefetch(exchange(headers))).toBe(expected);
  });
});

describe('isSafeMethod', () => {
  it.each(['GET', 'HEAD', 'OPTIONS'])('counts %s as safe', (method) => {
    expect(isSafeMethod(exchange({}, method))).toBe(true);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'CONNECT', 'PROPFIND', 'get', ''])(
    'counts %j as unsafe',
    (method) => {
      expect(isSafeMethod(exchange({}, method))).toBe(false);
    },
  );
});

describe('assertSameOrigin', () => {
  const ORIGIN = 'https://app.example';
  const accepted: readonly Headers[] = [
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'same-origin', origin: 'null' },
    { origin: ORIGIN },
  ];
  const refused: readonly Headers[] = [
    {},
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': '' },
    { 'sec-fetch-site': 'same-origin, cross-site' },
    { 'sec-fetch-site': 'cross-site', origin: ORIGIN },
    { origin: 'null' },
    { origin: '' },
    { origin: `${ORIGIN}:443` },
    { origin: `${ORIGIN}/` },
    { origin: `${ORIGIN}.evil.example` },
    { origin: 'http://app.example' },
    { origin: 'https://sub.app.example' },
    { referer: `${ORIGIN}/page` },
  ];

  it.each(accepted)('S6 accepts %j', (headers) => {
    expect(() => {
      assertSameOrigin(exchange(headers, 'POST'), ORIGIN);
    }).not.toThrow();
  });

  it.each(refused)('S6 refuses %j', (headers) => {
    expect(() => {
      assertSameOrigin(exchange(headers, 'POST'), ORIGIN);
    }).toThrow(new ForbiddenException('csrf', 'this request has to come from a page of this origin'));
  });
});
