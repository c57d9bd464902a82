import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { base64url } from 'jose';
import { SIGNING_ALGORITHMS } from '../../src/provider/jwk-set.js';
import {
  assertNothingOver,
  byteLengthOf,
  canonicalBytes,
  looksLikeJws,
  MalformedTokenError,
  MAX_BEARER_LENGTH,
  objectOf,
  readJws,
} from '../../src/verification/jws.js';
import { JwsHeaders, type JwsHeader } from '../../src/verification/jws-headers.js';
import { outcomeOf } from '../provider/support.js';
import { encode, makeKey, sign, type TestKey } from './support.js';

const compact = (header: unknown, claims: unknown = {}, signature = 'AAAA'): string =>
  `${encode(header)}.${encode(claims)}.${signature}`;
/** As signatures are verified, but for the signature. */
const parse = (token: string): JwsHeader & { readonly claims: unknown } => {
  const { algorithm, kid, type, header, payload, signature } = readJws(token, MAX_BEARER_LENGTH, new JwsHeaders());
  canonicalBytes(signature, 'the signature');
  return { algorithm, kid, type, header, claims: objectOf(canonicalBytes(payload)) };
};

describe('readJws', () => {
  let key: TestKey;
  beforeAll(async () => {
    key = await makeKey('ES256', { kid: 'one' });
  });

  it('takes a token apart', async () => {
    const token = await sign(key, { sub: 'alice' }, { typ: 'application/AT+JWT', extra: 1 });
    expect(parse(token)).toEqual({
      algorithm: 'ES256',
      kid: 'one',
      type: 'at+jwt',
      header: { alg: 'ES256', kid: 'one', typ: 'application/AT+JWT', extra: 1 },
      claims: { sub: 'alice' },
    });
    expect(parse(compact({ alg: 'EdDSA' }))).toMatchObject({ kid: undefined, type: undefined });
  });

  it.each(SIGNING_ALGORITHMS)('allows %s', (alg) => {
    expect(parse(compact({ alg })).algorithm).toBe(alg);
  });

  it.each([
    ...['none', 'None', 'nOnE', 'NONE', '', ' none', 'none\u0000'],
    ...['HS256', 'HS384', 'HS512', 'hs256', 'rs256', 'RS1', 'ES256K', 'Ed448', 'dir', 'RSA-OAEP', 'PBES2-HS256+A128KW'],
    ...['__proto__', 'constructor', 'toString'],
    ...[undefined, null, 7, ['RS256'], { alg: 'RS256' }],
  ])('T1 does not allow the algorithm %j', (alg) => {
    expect(() => parse(compact({ alg }))).toThrow('the algorithm is not allowed');
  });

  it.each([
    ['unknown', ['x']],
    ['empty', []],
    ['no list', 'exp'],
    ['null', null],
    ['b64', ['b64']],
  ])('T8 refuses crit, whatever it holds: %s', (_what, crit) => {
    expect(() => parse(compact({ alg: 'RS256', crit }))).toThrow(
      'the header has critical extensions, and none is understood',
    );
  });

  it('T8 refuses an unencoded payload', () => {
    for (const b64 of [true, false]) expect(() => parse(compact({ alg: 'RS256', b64 }))).toThrow('critical extensions');
  });

  it.each([[7], [null], [{}], [['one']], ['k'.repeat(257)], ['k'.repeat(8000)]])(
    'T3 refuses a kid that is no short string: %j',
    (kid) => {
      expect(() => parse(compact({ alg: 'RS256', kid }))).toThrow('"kid" is no short string');
    },
  );

  it.each(['../../etc/passwd', "' or 1=1 --", 'a\u0000b', '__proto__', 'k'.repeat(256), ''])(
    'T3 takes the kid %j for an opaque name',
    (kid) => {
      expect(parse(compact({ alg: 'RS256', kid })).kid).toBe(kid);
    },
  );

  it.each([[7], [null], [['jwt']]])('refuses a typ that is no string: %j', (typ) => {
    expect(() => parse(compact({ alg: 'RS256', typ }))).toThrow('"typ" is no string');
  });

  it.each([
    ['nothing', ''],
    ['a dot', '.'],
    ['two dots', '..'],
    ['one part', 'a'],
    ['two parts', 'a.b'],
    ['four parts', 'a.b.c.d'],
    ['a JWE', 'a.b.c.d.e'],
    ['an empty header', '.e30.AAAA'],
    ['sixteen thousand dots', '.'.repeat(16_000)],
  ])('refuses %s', (_what, token) => {
    expect(() => parse(token)).toThrow('the token has not three parts');
  });

  it('T9 refuses what is too long before it looks at it', () => {
    const started = process.cpuUsage();
    for (const token of ['a'.repeat(10_000_000), '.'.repeat(1_000_000), `e30.${'A'.repeat(16_384)}.AAAA`])
      expect(() => parse(token)).toThrow('the token is too long');
    expect(process.cpuUsage(started).user).toBeLessThan(500_000);
    expect(() => parse('a'.repeat(16_384))).toThrow('the token has not three parts');
  });

  it('T9 refuses claims that are nested too deeply', () => {
    const deep = `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`;
    expect(() => parse(compact({ alg: 'RS256' }, deep))).toThrow('a part of the token is no JSON object');
  });

  it.each([
    ['no JSON', 'text'],
    ['a list', '[]'],
    ['null', 'null'],
    ['nothing but space', ' '],
    ['a repeated member', '{"sub":"alice","sub":"bob"}'],
    ['a repeated member inside', '{"realm_access":{"roles":["user"],"roles":["admin"]}}'],
    ['a member __proto__', '{"__proto__":{"admin":true}}'],
  ])('T16 refuses claims that are %s', (_what, payload) => {
    expect(() => parse(compact({ alg: 'RS256' }, payload))).toThrow('a part of the token is no JSON object');
    expect(() => parse(compact(payload, '{}'))).toThrow('a part of the token is no JSON object');
  });

  it('refuses bytes that are no UTF-8, which replacement would make the same', () => {
    for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80]]) {
      const payload = Buffer.concat([Buffer.from('{"sub":"'), Buffer.from(bytes), Buffer.from('"}')]);
      expect(() => parse(`${encode({ alg: 'RS256' })}.${payload.toString('base64url')}.AAAA`)).toThrow(
        'a part of the token is no JSON object',
      );
    }
    expect(() => parse(compact({ alg: 'RS256' }, '\ufeff{}'))).toThrow('a part of the token is no JSON object');
  });

  it.each([
    ['the alphabet of plain base64', 'AA+/'],
    ['padding', 'AAA='],
    ['space', 'AA A'],
    ['a line break', 'AAAA\n'],
    ['a length that no bytes have', 'AAAAA'],
    ['stray bits, one', 'AAB'],
    ['stray bits, two', 'AF'],
    ['nothing', ''],
    ['letters that are not ASCII', 'AAÄA'],
  ])('T6 refuses base64url with %s, in each part', (_what, part) => {
    const [header, claims, signature] = [encode({ alg: 'RS256' }), encode({}), 'AAAA'];
    expect(() => parse(`${header}.${claims}.${part}`)).toThrow('the signature is not base64url');
    expect(() => parse(`${header}.${part}.${signature}`)).toThrow('a part of the token is not base64url');
    const malformed = part === '' ? 'the token has not three parts' : 'a part of the token is not base64url';
    expect(() => parse(`${part}.${claims}.${signature}`)).toThrow(malformed);
  });

  it('T6 leaves one spelling of a signature: every other last character is refused', async () => {
    const token = await sign(key, { sub: 'alice' });
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const same = [...alphabet].filter((last) => {
      const variant = token.slice(0, -1) + last;
      const bytes = (text: string): string =>
        Buffer.from(text.slice(text.lastIndexOf('.') + 1), 'base64url').toString('hex');
      return variant !== token && bytes(variant) === bytes(token);
    });
    expect(same.length).toBe(15);
    for (const last of same) expect(() => parse(token.slice(0, -1) + last)).toThrow('the signature is not base64url');
  });

  it('S12 says nothing of the token in what it throws', () => {
    const thrown = outcomeOf(() => parse(compact({ alg: 'RS256' }, '{"sub":"s3cret" oops')));
    expect(thrown).toMatchObject({ name: 'MalformedTokenError' });
    expect(`${String((thrown as Error).stack)}${String((thrown as Error).cause)}`).not.toContain('s3cret');
  });

  it('throws its own error or gives what was encoded, whatever it is given', () => {
    const part = fc.oneof(
      fc.string(),
      fc.jsonValue().map((value) => encode(value)),
      fc.record({ alg: fc.constantFrom(...SIGNING_ALGORITHMS, 'none'), kid: fc.string() }).map(encode),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const token = parts.join('.');
        const outcome = outcomeOf(() => parse(token)) as JwsHeader | MalformedTokenError;
        const [header, claims] = token.split('.').map((text) => Buffer.from(text, 'base64url').toString());
        const expected =
          outcome instanceof MalformedTokenError
            ? outcome
            : { ...outcome, header: JSON.parse(header ?? ''), claims: JSON.parse(claims ?? '') };
        expect(outcome).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('assertNothingOver', () => {
  /** As jose decodes: what is no digit but white space or padding in its place is an error. */
  const decoded = (segment: string): Uint8Array => base64url.decode(segment);
  const isCanonical = (segment: string): boolean => !(outcomeOf(() => canonicalBytes(segment)) instanceof Error);

  it('T6 says the same as canonicalBytes of whatever jose decodes, and of nothing else', () => {
    const digits = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64url'));
    const extra = fc.constantFrom('', ' ', '\n', '\t', '=', '==', 'A', 'B', '_', '-', '+', '/', 'Ä', '\u0141', '!');
    const spelling = fc
      .tuple(digits, extra, fc.nat())
      .map(
        ([text, more, at]) => `${text.slice(0, at % (text.length + 1))}${more}${text.slice(at % (text.length + 1))}`,
      );
    fc.assert(
      fc.property(spelling, (segment) => {
        const bytes = outcomeOf(() => decoded(segment));
        if (!(bytes instanceof Uint8Array)) return;
        const outcome = outcomeOf(() => {
          assertNothingOver(segment, bytes.length);
        });
        expect([segment, outcome === undefined]).toEqual([segment, isCanonical(segment)]);
        expect([segment, bytes.length]).toEqual([segment, byteLengthOf(segment)]);
      }),
      { numRuns: 5000 },
    );
  });

  it('names the part that is wrong', () => {
    expect(() => {
      assertNothingOver('AAAAA', 3);
    }).toThrow(/^a part of the token is not base64url$/);
    expect(() => {
      assertNothingOver('AAAAA', 3, 'the signature');
    }).toThrow(/^the signature is not base64url$/);
  });

  it('T6 leaves one last digit of each', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    for (const start of ['A', 'AA', 'AAA', 'AAAA'])
      for (const last of alphabet) {
        const segment = start + last;
        const outcome = outcomeOf(() => {
          assertNothingOver(segment, byteLengthOf(segment));
        });
        expect([segment, outcome === undefined]).toEqual([segment, isCanonical(segment)]);
      }
  });
});

describe('looksLikeJws', () => {
  it.each(['a.b.c', 'eyJ-_0.e30.AAAA'])('takes %s', (token) => {
    expect(looksLikeJws(token)).toBe(true);
  });
  it.each(['', 'opaque', 'a.b', 'a.b.c.d', 'a..c', 'a.b.', 'a.b.c=', 'a.b. c'])('leaves %j', (token) => {
    expect(looksLikeJws(token)).toBe(false);
  });
});

describe('the edges of a compact JWS', () => {
  it('are the dots, also around one character', () => {
    expect(() => parse('e.e30.AAAA')).toThrow('a part of the token is not base64url');
  });

  it.each(['!AAAAAAA', 'AA!AAAAA', 'AAA\nAAAA', '\u00e9AAAAAAA'])('T6 refuses the signature %j', (signature) => {
    expect(() => parse(compact({ alg: 'RS256' }, {}, signature))).toThrow('the signature is not base64url');
  });

  it('takes "application/" off a type where it is in front only', () => {
    const types = ['application/at+jwt', 'x-application/at+jwt'].map(
      (typ) => parse(compact({ alg: 'RS256', typ })).type,
    );
    expect(types).toEqual(['at+jwt', 'x-application/at+jwt']);
  });

  it('name what made a part no JSON object', () => {
    const failure = outcomeOf(() => parse(compact({ alg: 'RS256' }, '[]')));
    expect(failure).toMatchObject({ cause: { message: 'not a JSON object' } });
  });
});
