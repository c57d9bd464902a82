import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeSession, encodeSession, readSession, type SessionReader } from '../../src/session/session-codec.js';
import { ByteWriter, writeToken } from '../../src/session/token-codec.js';
import { jwtOf, revealed, sessionOf, tokensOf } from './support.js';

const SMALL = ['id', 'https://issuer.example', 'sub', 'tenant', 'sid', 1_800_000_000_123, 1_800_000_001, 4] as const;
const TIMES = [1_800_000_002, 1_800_000_302, 1_800_086_400, 'openid email'] as const;

/** Bytes as a writer of this version, or of another, would make them. */
function bytesOf({
  version = 1,
  small,
  tokens,
}: {
  version?: number;
  small: unknown;
  tokens?: (string | undefined)[];
}): Uint8Array {
  const writer = new ByteWriter();
  writer.uint8(version);
  writer.bytes(Buffer.from(JSON.stringify(small)));
  for (const token of tokens ?? ['access', 'refresh', jwtOf({ sub: 'sub' })]) writeToken(writer, token);
  return writer.finish();
}

describe('the format of a session', () => {
  it('of version 1 stays readable', () => {
    const written =
      'AYUBeyJzIjpbImlkIiwiaHR0cHM6Ly9pc3N1ZXIuZXhhbXBsZSIsInN1YiIsInRlbmFudCIsInNpZCIsMTgwMDAwMDAwMDEyMywxODAwMDAwMDAxLDQsMTgwMDAwMDAw' +
      'MiwxODAwMDAwMzAyLDE4MDAwODY0MDAsIm9wZW5pZCBlbWFpbCJdfQEABmFjY2VzcwEACHJlZnJlc2grAwELeyJhbGciOiJ4In0BDXsic3ViIjoic3ViIn0BA3NpZw==';
    expect(revealed(decodeSession(Buffer.from(written, 'base64')))).toEqual({
      id: 'id',
      issuer: 'https://issuer.example',
      subject: 'sub',
      tenant: 'tenant',
      providerSessionId: 'sid',
      startedAt: 1_800_000_000_123,
      renewedAt: 1_800_000_001,
      generation: 4,
      claims: { sub: 'sub' },
      tokens: {
        accessToken: 'access',
        refreshToken: 'refresh+',
        idToken: 'eyJhbGciOiJ4In0.eyJzdWIiOiJzdWIifQ.c2ln',
        issuedAt: 1_800_000_002,
        expiresAt: 1_800_000_302,
        refreshExpiresAt: 1_800_086_400,
        scope: 'openid email',
      },
    });
  });

  it('of the previous version is read beside the present one, by a reader of its own', () => {
    const next: SessionReader = (reader) => {
      const scope = Buffer.from(reader.bytes()).toString();
      const session = readSession(reader);
      return session === undefined ? undefined : { ...session, tokens: { ...session.tokens, scope } };
    };
    const readers = new Map([
      [1, readSession],
      [2, next],
    ]);
    const previous = encodeSession(sessionOf());
    const writer = new ByteWriter();
    writer.uint8(2);
    writer.bytes(Buffer.from('of version 2'));
    const present = Buffer.concat([writer.finish(), previous.subarray(1)]);
    expect([
      revealed(decodeSession(previous, readers)),
      decodeSession(present, readers)?.tokens.scope,
      decodeSession(present),
    ]).toEqual([revealed(sessionOf()), 'of version 2', undefined]);
  });

  it('gives back any session', () => {
    const text = fc.string({ unit: 'grapheme' });
    const token = fc.option(fc.string({ minLength: 1 }), { nil: undefined });
    const time = fc.nat({ max: 2 ** 40 });
    const tokens = fc
      .record({
        accessToken: token,
        refreshToken: token,
        refreshExpiresAt: fc.option(time, { nil: undefined }),
        issuedAt: time,
        expiresAt: time,
        scope: fc.option(text, { nil: undefined }),
      })
      .map((parts) => tokensOf(parts));
    const parts = fc.record({
      id: text,
      issuer: text,
      subject: text,
      tenant: fc.option(text, { nil: undefined }),
      providerSessionId: fc.option(text, { nil: undefined }),
      startedAt: time,
      renewedAt: time,
      generation: fc.nat(),
      tokens,
    });
    fc.assert(
      fc.property(parts, (given) => {
        const session = sessionOf(given);
        expect(revealed(decodeSession(encodeSession(session)))).toEqual(revealed(session));
      }),
    );
  });

  it('takes the claims from the ID Token, and none from one that is no JWT', () => {
    const opaque = sessionOf({ tokens: tokensOf({ idToken: 'opaque' }) });
    expect(decodeSession(encodeSession(opaque))?.claims).toEqual({});
  });

  it('may say more than this reader knows', () => {
    const session = decodeSession(bytesOf({ small: { s: [...SMALL, ...TIMES, 'of a later writer'], t: 1 } }));
    expect(session).toMatchObject({ id: 'id', generation: 4 });
  });

  it.each([0, 2, 255])('of version %d gives no session', (version) => {
    expect(decodeSession(bytesOf({ version, small: { s: [...SMALL, ...TIMES] } }))).toBeUndefined();
  });

  it.each([
    ['no values', {}],
    ['values that are no list', { s: 'x' }],
    ['too few values', { s: SMALL }],
    ['a number for a name', { s: [1, ...SMALL.slice(1), ...TIMES] }],
    ['a name for a number', { s: [...SMALL.slice(0, 7), '4', ...TIMES] }],
    ['a list', []],
    ['no JSON object', 1],
  ])('with %s gives no session', (_, small) => {
    expect(decodeSession(bytesOf({ small }))).toBeUndefined();
  });

  it('without an access token and a refresh token has neither', () => {
    const tokens = [undefined, undefined, jwtOf({ sub: 'sub' })];
    const session = decodeSession(bytesOf({ small: { s: [...SMALL, ...TIMES] }, tokens }));
    expect([session?.tokens.accessToken, session?.tokens.refreshToken]).toEqual([undefined, undefined]);
  });

  it('without an ID Token gives no session', () => {
    expect(
      decodeSession(bytesOf({ small: { s: [...SMALL, ...TIMES] }, tokens: ['a', 'b', undefined] })),
    ).toBeUndefined();
  });

  it('gives no session from bytes that end too early, nor from any others', () => {
    const bytes = encodeSession(sessionOf());
    for (let length = 0; length < bytes.length; length += 1)
      expect(decodeSession(bytes.subarray(0, length))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        expect(decodeSession(any)).toBeUndefined();
      }),
    );
  });
});
