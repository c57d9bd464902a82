import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import { CompactSign, exportJWK, exportSPKI, importJWK } from 'jose';
import { InvalidTokenException, ProviderUnavailableException } from '../../src/errors/exceptions.js';
import type { VerifiedAccessToken } from '../../src/verification/access-token.verifier.js';
import { PresentedToken } from '../../src/verification/presented-token.js';
import {
  failureOf,
  json,
  metadataOf,
  respond,
  settle,
  startIssuer,
  startServer,
  type TestIssuer,
} from '../provider/support.js';
import {
  API,
  encode,
  makeKey,
  sign,
  signText,
  verifiersFor,
  type Claims,
  type TestKey,
  type VerifiersUnderTest,
} from './support.js';

/** A key for an algorithm; RSA keys take time to make, so there they are this one. */
async function keyFor(algorithm: string, { privateKey, jwk }: TestKey): Promise<TestKey> {
  if (!/^[RP]S/.test(algorithm)) return makeKey(algorithm, { kid: 'k' });
  const imported = await importJWK(await exportJWK(privateKey), algorithm);
  if (imported instanceof Uint8Array) throw new TypeError('no RSA key');
  return { algorithm, privateKey: imported, jwk: { ...jwk, kid: 'k' } };
}

const TENANT = '11111111-1111-1111-1111-111111111111';
const GOOD_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

describe('AccessTokenVerifier', () => {
  let issuer: TestIssuer;
  let rsa: TestKey;
  let ec: TestKey;
  let foreign: TestKey;
  let under: VerifiersUnderTest;
  const publish = (...keys: TestKey[]): void => {
    issuer.jwks = json({ keys: keys.map(({ jwk }) => jwk) });
  };
  const verify = async (token: string): Promise<VerifiedAccessToken> => {
    const outcome = await under.accessTokens.verify(new PresentedToken(token));
    if (outcome instanceof InvalidTokenException) throw outcome;
    return outcome.verified;
  };
  /** What is known of a token without looking at it again. */
  const known = (token: string): ReturnType<VerifiersUnderTest['accessTokens']['known']> =>
    under.accessTokens.known(new PresentedToken(token));
  /** A token is remembered from its second use on. */
  const remember = async (token: string): Promise<VerifiedAccessToken> => {
    await verify(token);
    const verified = await verify(token);
    expect(known(token)).toBe(verified);
    return verified;
  };
  /** Why a token was refused: for the log, and for the client. */
  const refusal = async (token: string | Promise<string>): Promise<{ reason: string | undefined; told: string }> => {
    const failure = await failureOf(verify(await token));
    expect(failure).toBeInstanceOf(InvalidTokenException);
    return { reason: under.recorder.reasons('token.rejected').at(-1), told: (failure as Error).message };
  };
  const reasonFor = async (claims: Claims, header: Claims = {}): Promise<string | undefined> =>
    (await refusal(sign(rsa, under.accessClaims(claims), header))).reason;

  beforeAll(async () => {
    [rsa, ec, foreign] = await Promise.all([
      makeKey('RS256', { kid: 'rsa' }),
      makeKey('ES256', { kid: 'ec' }),
      makeKey('RS256', { kid: 'foreign' }),
    ]);
    issuer = await startIssuer();
  });
  afterAll(() => issuer.close());
  beforeEach(() => {
    publish(rsa, ec);
    under = verifiersFor(issuer.url);
  });

  describe('a good token', () => {
    it('becomes who it is about, for how long, and what it allows', async () => {
      const claims = under.accessClaims({ sid: 'session-1', roles: ['admin'] });
      expect(await verify(await sign(rsa, claims, { typ: 'at+jwt' }))).toEqual({
        issuer: issuer.url,
        subject: 'alice',
        tenant: undefined,
        providerSessionId: 'session-1',
        scopes: ['read', 'write'],
        roles: ['admin'],
        claims,
        expiresAt: claims['exp'],
      });
    });

    it('names its session by a string only', async () => {
      const sid = 7 as unknown as string;
      expect(await verify(await sign(rsa, under.accessClaims({ sid })))).toMatchObject({
        providerSessionId: undefined,
      });
    });

    it.each(GOOD_ALGORITHMS)('may be signed with %s, and a bad signature is refused', async (algorithm) => {
      const [own, other] = await Promise.all([keyFor(algorithm, rsa), keyFor(algorithm, foreign)]);
      publish(own);
      expect(await verify(await sign(own, under.accessClaims()))).toMatchObject({ subject: 'alice' });
      expect(await refusal(sign(other, under.accessClaims()))).toEqual({
        reason: 'the signature is not valid',
        told: 'the access token is not valid',
      });
    });

    it.each<[string, Claims, string[]]>([
      ['scope', { scope: 'a  b' }, ['a', 'b']],
      ['scp of Entra', { scope: undefined, scp: 'a b' }, ['a', 'b']],
      ['scp as a list', { scope: undefined, scp: ['a', 7, 'b'] }, ['a', 'b']],
      ['an empty scope', { scope: '' }, []],
      ['a repeated scope', { scope: 'a b a' }, ['a', 'b']],
      ['no scope', { scope: undefined }, []],
      ['something else', { scope: { a: 1 } }, []],
    ])('has the scopes of %s', async (_what, claims, scopes) => {
      expect((await verify(await sign(rsa, under.accessClaims(claims)))).scopes).toEqual(scopes);
    });

    it('T11 may be for several audiences, one of them ours', async () => {
      for (const aud of [API, 'web', ['https://other.example', API]])
        expect(await verify(await sign(rsa, under.accessClaims({ aud })))).toMatchObject({ subject: 'alice' });
    });

    it('needs no kid when one key fits', async () => {
      expect(await verify(await sign(rsa, under.accessClaims(), { kid: undefined }))).toMatchObject({
        subject: 'alice',
      });
    });
  });

  describe('T1 the algorithm', () => {
    it.each(['none', 'None', 'nOnE'])('%s is refused, with and without a signature', async (alg) => {
      for (const signature of ['', 'AAAA'])
        expect(
          (await refusal(`${encode({ alg, kid: 'rsa' })}.${encode(under.accessClaims())}.${signature}`)).told,
        ).toBe('the access token is not valid');
    });

    it('HS256 with the public key as secret is refused, in whichever form the key is taken', async () => {
      const publicKey = createPublicKey({ key: rsa.jwk as Record<string, unknown>, format: 'jwk' });
      const imported = await importJWK(rsa.jwk, 'RS256', { extractable: true });
      const pem = imported instanceof Uint8Array ? '' : await exportSPKI(imported);
      const exponent = Buffer.from([0, 0, 0, 3, 1, 0, 1]);
      const modulus = Buffer.from(String(rsa.jwk.n), 'base64url');
      const name = Buffer.from('ssh-rsa');
      const length = (bytes: Buffer): Buffer => {
        const prefix = Buffer.alloc(4);
        prefix.writeUInt32BE(bytes.length);
        return Buffer.concat([prefix, bytes]);
      };
      const ssh = Buffer.concat([length(name), exponent, length(Buffer.concat([Buffer.from([0]), modulus]))]);
      const secrets = [
        Buffer.from(pem),
        Buffer.from(pem.trim()),
        publicKey.export({ format: 'der', type: 'spki' }),
        publicKey.export({ format: 'der', type: 'pkcs1' }),
        Buffer.from(publicKey.export({ format: 'pem', type: 'pkcs1' })),
        Buffer.from(`ssh-rsa ${ssh.toString('base64')}`),
        Buffer.from(JSON.stringify(rsa.jwk)),
        modulus,
        Buffer.from(String(rsa.jwk.n)),
      ];
      for (const secret of secrets) {
        for (const kid of ['rsa', undefined]) {
          const header = { alg: 'HS256', typ: 'at+jwt', ...(kid === undefined ? {} : { kid }) };
          const token = await new CompactSign(Buffer.from(JSON.stringify(under.accessClaims())))
            .setProtectedHeader(header)
            .sign(secret);
          expect((await refusal(token)).reason).toBe('the algorithm is not allowed');
        }
      }
    });

    it('is that of the key, not only of the token', async () => {
      const named = await makeKey('PS256', { kid: 'ps', alg: 'PS256' });
      publish(named);
      expect(await verify(await sign(named, under.accessClaims()))).toMatchObject({ subject: 'alice' });
      expect((await refusal(sign({ ...rsa, jwk: { ...rsa.jwk, kid: 'ps' } }, under.accessClaims()))).reason).toBe(
        'no published key fits the token',
      );
      expect((await refusal(sign(ec, under.accessClaims(), { kid: 'rsa' }))).reason).toBe(
        'no published key fits the token',
      );
    });
  });

  describe('T2 keys that a token brings along', () => {
    it('are ignored, and nobody is asked for them', async () => {
      const listener = await startServer(json({ keys: [foreign.jwk] }));
      const headers: Claims[] = [
        { jwk: foreign.jwk },
        { jku: `${listener.url}/jwks` },
        { x5u: `${listener.url}/cert` },
        { x5c: [randomBytes(300).toString('base64')] },
        { jku: `${listener.url}/jwks`, jwk: foreign.jwk, x5u: `${listener.url}/cert` },
      ];
      for (const header of headers) {
        for (const kid of ['rsa', 'foreign', undefined])
          expect((await refusal(sign(foreign, under.accessClaims(), { ...header, kid }))).told).toBe(
            'the access token is not valid',
          );
      }
      expect(listener.paths).toEqual([]);
      await listener.close();
    });
  });

  describe('T3 a kid', () => {
    it.each(['../../../dev/null', "' OR '1'='1", 'a\u0000b', '__proto__', 'constructor', 'k'.repeat(256), ''])(
      'that is hostile names no key: %j',
      async (kid) => {
        const { reason } = await refusal(sign(rsa, under.accessClaims(), { kid }));
        expect(reason).toBe('no published key fits the token');
        expect(JSON.stringify(under.recorder.events)).not.toContain(JSON.stringify(kid).slice(1, -1) || 'nothing');
      },
    );

    it('that is huge or no string is refused', async () => {
      for (const kid of ['k'.repeat(257), 7, null, ['rsa'], { rsa: 1 }])
        expect((await refusal(`${encode({ alg: 'RS256', kid })}.${encode({})}.AAAA`)).reason).toBe(
          '"kid" is no short string',
        );
    });

    it('that two keys have is refused, as is none where several keys fit', async () => {
      const [one, two] = await Promise.all([makeKey('RS256', { kid: 'same' }), makeKey('RS256', { kid: 'same' })]);
      publish(one, two);
      expect((await refusal(sign(one, under.accessClaims()))).reason).toBe(
        'more than one published key fits the token',
      );
      expect((await refusal(sign(one, under.accessClaims(), { kid: undefined }))).reason).toBe(
        'more than one published key fits the token',
      );
    });
  });

  describe('T4 T5 unknown keys', () => {
    it('make one fetch, however many come, and look the same as a bad signature', async () => {
      await verify(await sign(rsa, under.accessClaims()));
      const before = issuer.count('/jwks');
      const template = (await sign(rsa, under.accessClaims())).split('.').slice(1).join('.');
      const token = (kid: string): string => `${encode({ alg: 'RS256', kid })}.${template}`;
      const failures: unknown[] = [];
      for (let batch = 0; batch < 10_000; batch += 500) {
        const kids = Array.from({ length: 500 }, (_value, index) => `random-${String(batch + index)}`);
        failures.push(...(await Promise.all(kids.map((kid) => failureOf(verify(token(kid)))))));
      }
      const badSignature = await failureOf(verify(await sign(foreign, under.accessClaims(), { kid: 'rsa' })));
      expect(issuer.count('/jwks') - before).toBe(1);
      expect(badSignature).toBeInstanceOf(InvalidTokenException);
      const answerOf = (failure: unknown): string => {
        const { headers } = failure as InvalidTokenException;
        return JSON.stringify([
          (failure as InvalidTokenException).getStatus(),
          (failure as InvalidTokenException).getResponse(),
          headers,
        ]);
      };
      expect(new Set(failures.map(answerOf))).toEqual(new Set([answerOf(badSignature)]));
    });

    it('let good tokens pass while they are looked for', async () => {
      const token = await sign(rsa, under.accessClaims());
      await verify(token);
      let release: () => void = () => undefined;
      const arrived = new Promise<void>((resolve) => {
        issuer.jwks = (request, response) => {
          release = () => {
            json({ keys: [rsa.jwk, ec.jwk] })(request, response);
          };
          resolve();
        };
      });
      const unknown = failureOf(verify(await sign(foreign, under.accessClaims())));
      await arrived;
      expect(await verify(token)).toMatchObject({ subject: 'alice' });
      expect(await verify(await sign(ec, under.accessClaims()))).toMatchObject({ subject: 'alice' });
      release();
      expect(await unknown).toBeInstanceOf(InvalidTokenException);
    });
  });

  describe('T6 T7 the verified-token cache', () => {
    it('is not passed by another spelling of a good token', async () => {
      const token = await sign(ec, under.accessClaims());
      await verify(token);
      const last = token.slice(-1);
      const spellings = [`${token}=`, `${token} `, token.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) ^ 1)];
      for (const spelling of spellings) expect((await refusal(spelling)).told).toBe('the access token is not valid');
    });

    it('is not passed by other claims under a good signature', async () => {
      const token = await sign(rsa, under.accessClaims());
      await verify(token);
      const [header = '', , signature = ''] = token.split('.');
      const forged = `${header}.${encode(under.accessClaims({ sub: 'mallory' }))}.${signature}`;
      for (let count = 0; count < 2; count += 1)
        expect((await refusal(forged)).reason).toBe('the signature is not valid');
    });

    it('does not keep a token beyond its end', async () => {
      const token = await sign(rsa, under.accessClaims());
      await verify(token);
      under.clock.advance(329_000);
      expect(await verify(token)).toMatchObject({ subject: 'alice' });
      under.clock.advance(1000);
      expect(await refusal(token)).toEqual({
        reason: 'the token has expired',
        told: 'the access token has expired',
      });
    });

    it('that was refused is verified anew once its key is published', async () => {
      const token = await sign(foreign, under.accessClaims(), { kid: 'foreign' });
      const both = await Promise.allSettled([verify(token), verify(token)]);
      expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      publish(rsa, { ...foreign, jwk: { ...foreign.jwk, kid: 'foreign' } });
      under.clock.advance(61_000);
      expect(await verify(token)).toMatchObject({ subject: 'alice' });
    });

    it('belongs to one provider: what another one verified is refused', async () => {
      const other = await startIssuer();
      other.jwks = json({ keys: [rsa.jwk] });
      const elsewhere = verifiersFor(other.url);
      const token = await sign(rsa, under.accessClaims());
      expect(await verify(token)).toMatchObject({ subject: 'alice' });
      expect(await elsewhere.accessTokens.verify(new PresentedToken(token))).toBeInstanceOf(InvalidTokenException);
      await other.close();
    });

    it('answers at once for an accepted token, with claims that no request can change for another', async () => {
      const token = await sign(rsa, under.accessClaims({ realm_access: { roles: ['reader'] } }));
      expect(known(token)).toBeUndefined();
      const verified = await remember(token);
      expect(() => Object.assign(verified.claims, { sub: 'mallory' })).toThrow(TypeError);
      expect(() => Object.assign(verified.claims['realm_access'] as object, { roles: ['admin'] })).toThrow(TypeError);
      expect(() => (verified.claims['realm_access'] as { roles: string[] }).roles.push('admin')).toThrow(TypeError);
    });

    it('has to see a token twice, so that tokens that come once push out nobody', async () => {
      under = verifiersFor(issuer.url, { maxVerifiedTokens: 2 });
      const good = await sign(ec, under.accessClaims());
      await remember(good);
      for (const sub of ['a', 'b', 'c', 'd']) await verify(await sign(ec, under.accessClaims({ sub })));
      expect(known(good)).toMatchObject({ subject: 'alice' });
    });

    it('verifies a token once for all who present it at the same time', async () => {
      const token = await sign(rsa, under.accessClaims());
      const verified = await Promise.all(Array.from({ length: 50 }, () => verify(token)));
      expect(new Set(verified).size).toBe(1);
    });

    it.each<[string, Claims]>([
      ['for another API', { aud: 'https://other.example.com' }],
      ['of another kind', { events: {} }],
      ['of another issuer', { iss: 'https://other.example.com' }],
      ['that has expired', { exp: 1 }],
    ])(
      'remembers no token %s, though its signature is good: nobody pushes out good ones with it',
      async (_, claims) => {
        under = verifiersFor(issuer.url, { maxVerifiedTokens: 1 });
        const good = await sign(rsa, under.accessClaims());
        await remember(good);
        await refusal(sign(rsa, under.accessClaims(claims)));
        expect(known(good)).toMatchObject({ subject: 'alice' });
      },
    );

    it('is pushed out by no number of invalid tokens', async () => {
      under = verifiersFor(issuer.url, { maxVerifiedTokens: 1 });
      const good = await sign(rsa, under.accessClaims());
      await remember(good);
      for (let count = 0; count < 100; count += 1)
        await refusal(`${good.slice(0, -8)}${randomBytes(6).toString('base64url')}`);
      expect(known(good)).toMatchObject({ subject: 'alice' });
    });

    it('checks the times at every use', async () => {
      const token = await sign(rsa, under.accessClaims({ nbf: under.clock.now() }));
      await remember(token);
      under.clock.jump(-31_000);
      expect([known(token), (await refusal(token)).reason]).toEqual([undefined, 'future "nbf" claim value']);
      under.clock.jump(31_000);
      await remember(token);
      under.clock.advance(330_000);
      expect(known(token)).toBeUndefined();
    });

    it.each(['nbf', 'iat'])('checks %s at every use, also alone', async (name) => {
      const now = under.clock.now();
      const token = await sign(rsa, under.accessClaims({ nbf: undefined, iat: undefined, [name]: now }));
      await remember(token);
      under.clock.jump(-31_000);
      expect([known(token), (await refusal(token)).reason]).toEqual([undefined, `future "${name}" claim value`]);
    });

    it('looks at the whole token again when the audience is withdrawn that it was accepted for', async () => {
      const token = await sign(rsa, under.accessClaims({ aud: [API, 'https://second.example.com'] }));
      await remember(token);
      Object.assign(under.provider.options, { acceptedAudiences: ['https://second.example.com'] });
      expect(known(token)).toBeUndefined();
      expect(await verify(token)).toMatchObject({ subject: 'alice' });
    });

    it('checks the audience at every use', async () => {
      const token = await sign(rsa, under.accessClaims());
      await remember(token);
      const { options } = under.provider;
      Object.assign(options, { acceptedAudiences: ['https://moved.example.com'] });
      expect([known(token), (await refusal(token)).reason]).toEqual([undefined, 'unexpected "aud" claim value']);
    });

    it('counts under the issuer that the provider goes by only', async () => {
      const token = await sign(rsa, under.accessClaims({ exp: under.clock.now() + 7200 }));
      await remember(token);
      const { discovery } = issuer;
      issuer.discovery = json({ ...metadataOf(issuer.url), issuer: `${issuer.url}/` });
      under.clock.advance(600_001);
      under.provider.metadata.atOnce();
      await settle(() => under.provider.metadata.known?.issuer === `${issuer.url}/`);
      issuer.discovery = discovery;
      await verify(await sign(rsa, under.accessClaims({ iss: `${issuer.url}/` })));
      expect([known(token), (await refusal(token)).reason]).toEqual([undefined, 'unexpected "iss" claim value']);
    });

    it('knows a token no more once its key is withdrawn, and not again when it comes back', async () => {
      const token = await sign(rsa, under.accessClaims());
      await remember(token);
      publish(ec);
      await refusal(sign(foreign, under.accessClaims()));
      expect(known(token)).toBeUndefined();
      publish(rsa, ec);
      under.clock.advance(60_001);
      await refusal(sign(foreign, under.accessClaims()));
      expect(known(token)).toBeUndefined();
      expect(await verify(token)).toMatchObject({ subject: 'alice' });
    });

    it('knows nothing while keys or metadata have to be waited for', async () => {
      const token = await sign(rsa, under.accessClaims());
      const verified = await remember(token);
      for (const source of [under.provider.keys, under.provider.metadata]) {
        const atOnce = jest.spyOn(source, 'atOnce').mockReturnValue(undefined);
        expect(known(token)).toBeUndefined();
        atOnce.mockRestore();
        expect(known(token)).toBe(verified);
      }
    });

    it('lets go of everything at the end', async () => {
      const token = await sign(rsa, under.accessClaims());
      await remember(token);
      under.accessTokens.close();
      expect(known(token)).toBeUndefined();
    });

    it('lets go of a token when told to', async () => {
      const token = await sign(rsa, under.accessClaims());
      await remember(token);
      under.accessTokens.forget(new PresentedToken(token));
      expect(known(token)).toBeUndefined();
    });

    it.each([{ maxVerifiedTokens: 0 }, { maxVerifiedTokenBytes: 0 }, { jwksCache: false }])(
      'remembers nothing with %j',
      async (options) => {
        under = verifiersFor(issuer.url, options);
        const token = await sign(rsa, under.accessClaims());
        for (let count = 0; count < 2; count += 1) await verify(token);
        expect(known(token)).toBeUndefined();
        expect(await verify(token)).toMatchObject({ subject: 'alice' });
      },
    );

    it('takes as many tokens as the options say', async () => {
      under = verifiersFor(issuer.url, { maxVerifiedTokens: 2 });
      const tokens = await Promise.all(['a', 'b', 'c'].map((sub) => sign(ec, under.accessClaims({ sub }))));
      for (const token of tokens) await remember(token);
      expect(tokens.map((token) => known(token)?.subject)).toEqual([undefined, 'b', 'c']);
    });

    it('drops at once what a withdrawn key has signed', async () => {
      const token = await sign(rsa, under.accessClaims());
      await remember(token);
      publish(ec);
      under.clock.advance(1);
      await verify(await sign(ec, under.accessClaims()));
      await refusal(sign(foreign, under.accessClaims()));
      expect((await refusal(token)).reason).toBe('no published key fits the token');
    });

    it('notices the withdrawal within the cache time also when no other token comes', async () => {
      const long = { exp: under.clock.now() + 7200 };
      const token = await sign(rsa, under.accessClaims(long));
      await remember(token);
      publish(ec);
      under.clock.advance(600_000);
      expect((await refusal(token)).reason).toBe('no published key fits the token');
    });

    it('is off when caching is off: each verification fetches the keys', async () => {
      under = verifiersFor(issuer.url, { jwksCache: false });
      const token = await sign(rsa, under.accessClaims());
      const before = issuer.count('/jwks');
      for (let count = 0; count < 3; count += 1) await verify(token);
      expect(issuer.count('/jwks') - before).toBe(3);
      publish(ec);
      expect((await refusal(token)).reason).toBe('no published key fits the token');
    });
  });

  describe('T8 T9 T16 the form', () => {
    it.each([
      ['crit', { crit: ['x'], x: 1 }, 'the header has critical extensions, and none is understood'],
      ['crit without a list', { crit: 'x' }, 'the header has critical extensions, and none is understood'],
      ['crit of nothing', { crit: [] }, 'the header has critical extensions, and none is understood'],
    ])('a header with %s is refused', async (_what, header, reason) => {
      const [, claims = '', signature = ''] = (await sign(rsa, under.accessClaims())).split('.');
      const token = `${encode({ alg: 'RS256', kid: 'rsa', ...header })}.${claims}.${signature}`;
      expect(await refusal(token)).toEqual({ reason, told: 'the access token is not valid' });
    });

    it.each([
      ['10 MB', 'x'.repeat(10_000_000), 'the token is too long'],
      ['a million dots', '.'.repeat(1_000_000), 'the token is too long'],
      ['an encrypted token', 'eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA', 'the token has not three parts'],
      ['an opaque token', 'b3BhcXVl', 'the token has not three parts'],
    ])('%s is refused', async (_what, token, reason) => {
      expect((await refusal(token)).reason).toBe(reason);
    });

    it('an encrypted token that would inflate, or take an age to open, is not opened', async () => {
      for (const header of [
        { alg: 'dir', enc: 'A256GCM', zip: 'DEF' },
        { alg: 'PBES2-HS256+A128KW', enc: 'A256GCM', p2c: 2 ** 31 },
      ])
        expect((await refusal(`${encode(header)}.AAAA.AAAA.AAAA.AAAA`)).reason).toBe('the token has not three parts');
    });

    it('claims with a repeated member are refused, though the signature is good', async () => {
      const text = JSON.stringify(under.accessClaims()).replace('{', '{"sub":"mallory",');
      expect((await refusal(signText(rsa, text))).reason).toBe('a part of the token is no JSON object');
    });
  });

  describe('T10 other kinds of token', () => {
    it.each<[string, Claims, Claims, string]>([
      [
        'ID Token',
        { aud: 'web', client_id: undefined, scope: undefined },
        {},
        'the token is no access token that says so',
      ],
      ['ID Token with a nonce', { nonce: 'n' }, {}, 'the token is no access token'],
      ['ID Token with at_hash', { at_hash: 'h' }, {}, 'the token is no access token'],
      ['ID Token with c_hash', { c_hash: 'h' }, {}, 'the token is no access token'],
      ['ID Token of Keycloak', { typ: 'ID' }, {}, 'the token is no access token'],
      ['refresh token of Keycloak', { typ: 'Refresh' }, {}, 'the token is no access token'],
      ['logout token', { events: {} }, { typ: 'logout+jwt' }, 'the token is no access token'],
      ['logout token without its type', { events: {} }, {}, 'the token is no access token'],
      [
        'UserInfo response',
        { client_id: undefined, scope: undefined, name: 'Alice' },
        {},
        'the token is no access token that says so',
      ],
    ])('%s is no access token', async (_what, claims, header, reason) => {
      expect(await reasonFor(claims, header)).toBe(reason);
    });
  });

  describe('T11 T12 T14 the claims', () => {
    it.each<[string, Claims, string]>([
      ['another audience', { aud: 'https://other.example' }, 'unexpected "aud" claim value'],
      ['the beginning of our audience', { aud: API.slice(0, -1) }, 'unexpected "aud" claim value'],
      ['more than our audience', { aud: `${API}/v2` }, 'unexpected "aud" claim value'],
      ['no audience', { aud: undefined }, 'missing or malformed "aud" claim value'],
      ['another issuer', { iss: 'https://other.example' }, 'unexpected "iss" claim value'],
      ['no issuer', { iss: undefined }, 'missing or malformed "iss" claim value'],
      ['no subject', { sub: undefined }, 'missing or malformed "sub" claim value'],
      ['no end', { exp: undefined }, 'missing "exp" claim value'],
      ['an end as text', { exp: '9999999999' }, 'malformed "exp" claim value'],
      ['an absurd end', { exp: 1e308 }, 'malformed "exp" claim value'],
      ['an end in 800 years', { exp: 27_000_000_000 }, 'too distant "exp" claim value'],
      ['a negative end', { exp: -1 }, 'malformed "exp" claim value'],
      ['a proof of possession that is not checked', { cnf: { jkt: 'x' } }, 'unsupported "cnf" claim value'],
      ['an empty proof of possession', { cnf: null }, 'unsupported "cnf" claim value'],
    ])('with %s are refused', async (_what, claims, reason) => {
      expect(await reasonFor(claims)).toBe(reason);
    });

    it('from the future are refused beyond the tolerance', async () => {
      const now = under.clock.now();
      expect(await reasonFor({ iat: now + 31 })).toBe('future "iat" claim value');
      expect(await reasonFor({ nbf: now + 31 })).toBe('future "nbf" claim value');
      const token = await sign(rsa, under.accessClaims({ iat: now + 30, nbf: now + 30 }));
      expect(await verify(token)).toMatchObject({ subject: 'alice' });
    });

    it('are measured with the tolerance that is configured', async () => {
      under = verifiersFor(issuer.url, { clockTolerance: 0 });
      expect(await reasonFor({ iat: under.clock.now() + 1 })).toBe('future "iat" claim value');
      expect(await reasonFor({ exp: under.clock.now() })).toBe('the token has expired');
    });
  });

  describe('T13 a token for Microsoft Graph', () => {
    const message =
      'the access token is for Microsoft Graph, which alone can verify it; request a scope of this API, and exchange the token on behalf of the end-user';

    it('is recognised and never verified, whatever its signature', async () => {
      const recorded = (header: Claims, claims: Claims): string =>
        `${encode({ alg: 'RS256', typ: 'JWT', kid: 'rsa', ...header })}.${encode(under.accessClaims(claims))}.${randomBytes(256).toString('base64url')}`;
      under = verifiersFor(issuer.url, { preset: 'entra' });
      const shapes = [
        recorded({ nonce: 'Xo8', x5t: 'rsa' }, { aud: '00000003-0000-0000-c000-000000000000', scp: 'User.Read' }),
        recorded({}, { aud: 'https://graph.microsoft.com' }),
        recorded({ nonce: 'Xo8' }, {}),
        await sign(rsa, under.accessClaims({ aud: '00000003-0000-0000-c000-000000000000' })),
        await sign(rsa, under.accessClaims(), { nonce: 'Xo8' }),
      ];
      for (const token of shapes) expect(await refusal(token)).toEqual({ reason: message, told: message });
    });

    it('is recognised by its header, or once it is verified, whichever preset the provider has', async () => {
      for (const token of [
        await sign(foreign, under.accessClaims(), { kid: 'rsa', nonce: 'Xo8' }),
        await sign(rsa, under.accessClaims({ aud: 'https://graph.microsoft.com' })),
      ])
        expect(await refusal(token)).toEqual({ reason: message, told: message });
    });
  });

  describe('T12 a provider with tenants', () => {
    const entra = async (keyIssuer: string): Promise<TestKey> => makeKey('RS256', { kid: 'entra', issuer: keyIssuer });

    it('names the end-user the same, whichever version the token has', async () => {
      const key = await entra('https://login.microsoftonline.com/{tenantid}/v2.0');
      publish(key);
      const issuerUrl = 'https://login.microsoftonline.com/organizations/v2.0';
      const template = 'https://login.microsoftonline.com/{tenantid}/v2.0';
      const documents = new Map<string, unknown>([
        [
          `${issuerUrl}/.well-known/openid-configuration`,
          metadataOf(template, { jwks_uri: 'https://login.microsoftonline.com/keys' }),
        ],
        ['https://login.microsoftonline.com/keys', { keys: [key.jwk] }],
      ]);
      const fetch = async (url: unknown): Promise<Response> => Response.json(documents.get(String(url)));
      under = verifiersFor(issuerUrl, { tenants: [TENANT], publicUrl: 'https://app.example.com', fetch });
      const v2 = `https://login.microsoftonline.com/${TENANT}/v2.0`;
      for (const iss of [v2, `https://sts.windows.net/${TENANT}/`]) {
        const verified = await verify(await sign(key, under.accessClaims({ iss, tid: TENANT })));
        expect([verified.issuer, verified.tenant]).toEqual([v2, TENANT]);
      }
      expect(await refusal(sign(key, under.accessClaims({ iss: v2 })))).toMatchObject({
        reason: 'missing or not allowed "tid" claim value',
      });
    });
  });

  describe('ID Tokens as bearers', () => {
    beforeEach(() => {
      under = verifiersFor(issuer.url, { reusedToken: 'id_token' });
    });
    const reasonForId = async (claims: Claims, header: Claims = {}): Promise<string | undefined> =>
      (await refusal(sign(rsa, under.idClaims(claims), header))).reason;

    it('are accepted where the options say so', async () => {
      for (const claims of [
        {},
        { nonce: 'n', at_hash: 'h' },
        { azp: 'web' },
        { aud: ['web', 'x'], azp: 'web' },
        { aud: API, azp: API },
      ])
        expect(await verify(await sign(rsa, under.idClaims(claims)))).toMatchObject({ subject: 'alice' });
    });

    it.each<[string, Claims, Claims, string]>([
      ['an access token', {}, { typ: 'at+jwt' }, 'the token is no ID Token'],
      ['an access token by its scope', { scope: 'read' }, {}, 'the token is no ID Token'],
      ['an access token by its scp', { scp: 'read' }, {}, 'the token is no ID Token'],
      ['an access token by its client', { client_id: 'web' }, {}, 'the token is no ID Token'],
      ['an access token of Keycloak', { typ: 'Bearer' }, {}, 'the token is no ID Token'],
      ['a logout token', { events: {} }, {}, 'the token is no ID Token'],
      ['a token for another client', { aud: 'other' }, {}, 'unexpected "aud" claim value'],
      ['a token issued to another client', { azp: 'other' }, {}, 'unexpected "azp" claim value'],
      ['a token for several, issued to nobody', { aud: ['web', 'x'] }, {}, 'missing "azp" claim value'],
      ['a token issued to no string', { azp: ['web'] }, {}, 'malformed "azp" claim value'],
    ])('are not %s', async (_what, claims, header, reason) => {
      expect(await reasonForId(claims, header)).toBe(reason);
    });
  });

  describe('keys that cannot be had', () => {
    it('are not the fault of the token', async () => {
      issuer.jwks = respond(500);
      const token = await sign(rsa, under.accessClaims());
      expect(await failureOf(verify(token))).toBeInstanceOf(ProviderUnavailableException);
      expect(under.recorder.reasons('token.rejected')).toEqual([]);
    });

    it('are not asked for by a token that is no token', async () => {
      const before = issuer.paths.length;
      await refusal('opaque');
      await refusal(`${encode({ alg: 'none' })}.${encode({})}.AAAA`);
      expect(issuer.paths.length).toBe(before);
    });
  });

  it('S12 says nothing of the token in events and errors', async () => {
    const token = await sign(foreign, under.accessClaims({ sub: 's3cret-subject' }));
    const failure = await failureOf(verify(token));
    const said = JSON.stringify([under.recorder.events, (failure as Error).stack, String((failure as Error).cause)]);
    for (const part of [...token.split('.'), 's3cret', createHash('sha256').update(token).digest('base64url')])
      expect(said).not.toContain(part);
  });
});
