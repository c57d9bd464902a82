import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidRequestException, InvalidTokenException } from '../../src/errors/exceptions.js';
import { bearerCredential, formFault } from '../../src/guard/credential.js';
import type { HttpExchange } from '../../src/http/http-exchange.js';
import { MalformedTokenError } from '../../src/verification/jws.js';
import { exchangeWith } from '../support.js';

const refused = (cause?: Error): Error => new InvalidTokenException('refused', cause);
/** As the guard does for a token that turned out to be none. */
const bearerToken = (exchange: HttpExchange): string | undefined => {
  const credential = bearerCredential(exchange);
  const fault = formFault(exchange, refused(new MalformedTokenError('no token')));
  if (fault !== undefined) throw fault;
  return credential;
};
const tokenOf = (value: string) => bearerToken(exchangeWith([['Authorization', value]]));

describe('the bearer token', () => {
  it.each([
    'Bearer',
    'Bearer ',
    'Bearer   ',
    'bearer',
    'Bearer a b',
    'Bearer a,b',
    'Bearer a Bearer b',
    'Bearer =',
    'Bearer a=b',
    'Bearer %',
    'Bearer "abc"',
    'Bearer caf\u00e9',
    'Bearer\tabc',
    'Bearer,abc',
    'Bearer:abc',
    'Bearer=abc',
    'Bearer\u00a0abc',
  ])('N11 refuses %j as malformed', (value) => {
    expect(() => tokenOf(value)).toThrow(InvalidRequestException);
  });

  it.each(['', ' ', 'Basic YTpi', 'Bearers abc', 'Bearer-Token abc', 'DPoP abc', 'xBearer abc', 'Digest a="b"'])(
    'ignores %j',
    (value) => {
      expect(tokenOf(value)).toBeUndefined();
    },
  );

  it('is undefined without the header', () => {
    expect(bearerToken(exchangeWith([]))).toBeUndefined();
  });

  it.each(['Bearer abc', 'bearer abc', 'BEARER    abc', '  Bearer abc  '])('finds the token in %j', (value) => {
    expect(tokenOf(value)).toBe('abc');
  });

  it.each([
    [
      ['Authorization', 'Bearer a'],
      ['authorization', 'Bearer a'],
    ],
    [
      ['Authorization', 'Basic YTpi'],
      ['AUTHORIZATION', 'Bearer a'],
    ],
  ] as const)('N7 refuses a repeated header: %j, %j', (...headers) => {
    expect(() => bearerToken(exchangeWith(headers))).toThrow('the Authorization header was sent more than once');
  });

  it('never looks for a token elsewhere', () => {
    expect(
      bearerToken(
        exchangeWith([
          ['Cookie', 'access_token=abc'],
          ['X-Access-Token', 'abc'],
          ['Proxy-Authorization', 'Bearer abc'],
        ]),
      ),
    ).toBeUndefined();
  });

  it('returns every b64token as it is', () => {
    const characters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/'];
    const body = fc.string({ unit: fc.constantFrom(...characters), minLength: 1 });
    const padding = fc.nat({ max: 3 }).map((count) => '='.repeat(count));
    fc.assert(
      fc.property(body, padding, fc.integer({ min: 1, max: 5 }), (token, end, spaces) => {
        expect(tokenOf(`Bearer${' '.repeat(spaces)}${token}${end}`)).toBe(token + end);
      }),
    );
  });

  it('gives a well-formed token, nothing or a 400, whatever the header holds', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }).map((rest) => `Bearer ${rest}`),
    );
    fc.assert(
      fc.property(value, (header) => {
        const outcome = outcomeOf(() => tokenOf(header));
        expect(outcome === undefined || /^(400|[\w\-.~+/]+=*)$/.test(outcome)).toBe(true);
      }),
    );
  });

  it('decides on long headers in no time', () => {
    const started = performance.now();
    expect(() => tokenOf(`Bearer ${' '.repeat(100_000)}!`)).toThrow(InvalidRequestException);
    expect(() => tokenOf(`Bearer ${'a='.repeat(100_000)}`)).toThrow(InvalidRequestException);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

function outcomeOf(read: () => string | undefined): string | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof InvalidRequestException) return String(error.getStatus());
    throw error;
  }
}
