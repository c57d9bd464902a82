import { describe, expect, it } from '@jest/globals';
import { retryAfterOf, wasNeverSent } from '../../src/provider/wire-signs.js';

describe('retryAfterOf', () => {
  const now = Date.parse('2026-11-24T10:00:00Z');
  const seconds = (value?: string): number | undefined =>
    retryAfterOf(new Response(null, value === undefined ? {} : { headers: { 'retry-after': value } }), now);

  it.each([
    ['7', 7],
    ['0', 1],
    ['121', 120],
    ['999999999999999999999', 120],
    ['Tue, 24 Nov 2026 10:00:09 GMT', 9],
    ['Tue, 24 Nov 2026 09:00:00 GMT', 1],
    ['Wed, 25 Nov 2026 10:00:00 GMT', 120],
  ])('reads "%s" as %d seconds', (value, expected) => {
    expect(seconds(value)).toBe(expected);
  });

  it.each([[undefined], [''], ['soon'], ['-'], ['1e'], ['12 apples']])('makes nothing of %j', (value) => {
    expect(seconds(value)).toBeUndefined();
  });
});

describe('wasNeverSent', () => {
  const fetchFailure = (cause: unknown): Error => new TypeError('fetch failed', { cause });
  const withCode = (code: string): Error => Object.assign(new Error(code), { code });

  it.each([
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'UND_ERR_CONNECT_TIMEOUT',
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ])('knows that %s comes before the request', (code) => {
    expect([wasNeverSent(fetchFailure(withCode(code))), wasNeverSent(withCode(code))]).toEqual([true, true]);
  });

  it.each([
    ['a reset', fetchFailure(withCode('ECONNRESET'))],
    ['a closed socket', fetchFailure(withCode('UND_ERR_SOCKET'))],
    ['no headers in time', fetchFailure(withCode('UND_ERR_HEADERS_TIMEOUT'))],
    ['a deadline', new DOMException('timed out', 'TimeoutError')],
    ['an error without a code', new Error('?')],
    ['a code that is no string', fetchFailure({ code: 7 })],
    ['a cause that is nothing', fetchFailure(null)],
    ['a cause that is text', fetchFailure('ECONNREFUSED')],
    ['no error at all', 'ECONNREFUSED'],
  ])('does not believe that of %s', (_what, error) => {
    expect(wasNeverSent(error)).toBe(false);
  });
});
