import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MAX_BEARER_LENGTH, MalformedTokenError } from '../../src/verification/jws.js';
import { PresentedToken } from '../../src/verification/presented-token.js';
import { BadSignatureError, good, isTokenFault } from '../../src/verification/signature.verifier.js';
import type { VerifiedJws } from '../../src/verification/verified-token.cache.js';
import { failureOf, json, startIssuer, type TestIssuer } from '../provider/support.js';
import { encode, makeKey, sign, signText, verifiersFor, type TestKey, type VerifiersUnderTest } from './support.js';

const CLAIMS = { sub: 'alice' };

describe('SignatureVerifier', () => {
  let issuer: TestIssuer;
  let under: VerifiersUnderTest;
  let one: TestKey;
  let another: TestKey;

  beforeAll(async () => {
    issuer = await startIssuer();
    [one, another] = await Promise.all([makeKey('ES256', { kid: 'one' }), makeKey('ES256', { kid: 'another' })]);
  });
  afterAll(() => issuer.close());
  beforeEach(() => {
    issuer.jwks = json({ keys: [one.jwk, another.jwk] });
    under = verifiersFor(issuer.url);
  });

  // What is refused at once is thrown, also where a promise is due.
  const ways: readonly (readonly [string, (token: string) => Promise<VerifiedJws>])[] = [
    [
      'presented',
      async (token) => good(await under.signatures.presented(new PresentedToken(token), MAX_BEARER_LENGTH)),
    ],
    [
      'held by a session',
      async (token) => good(await under.signatures.presented(new PresentedToken(token, true), MAX_BEARER_LENGTH)),
    ],
    ['received', async (token) => under.signatures.received(token, MAX_BEARER_LENGTH)],
  ];

  describe.each(ways)('a token that is %s', (_way, verify) => {
    const refusal = async (token: string): Promise<readonly [unknown, string]> => {
      const failure = await failureOf(verify(token));
      return [failure instanceof Error && isTokenFault(failure), failure instanceof Error ? failure.message : ''];
    };

    it('is what its header and payload say, and names its key, the second time as the first', async () => {
      const header = { alg: 'ES256', kid: 'another', typ: 'application/AT+jwt' };
      const told = { algorithm: 'ES256', kid: 'another', type: 'at+jwt', header, claims: CLAIMS };
      for (let count = 0; count < 2; count += 1) {
        const { key, ...verified } = await verify(await sign(another, CLAIMS, { kid: 'another', typ: header.typ }));
        expect([verified, key.kid]).toEqual([told, 'another']);
      }
    });

    it('is refused when another key signed it, or none', async () => {
      const token = await sign(one, CLAIMS, { kid: 'another' });
      expect(await refusal(token)).toEqual([true, 'the signature is not valid']);
      const failure = await failureOf(verify(token));
      expect(failure).toBeInstanceOf(BadSignatureError);
      expect([Object.isFrozen(failure), (failure as Error).cause]).toEqual([true, undefined]);
      expect((failure as Error).stack).not.toContain(' at ');
    });

    it('is refused with the reason where its signature cannot be computed', async () => {
      const failure = new Error('out of memory');
      const verifying = jest.spyOn(crypto.subtle, 'verify').mockRejectedValue(failure);
      const refused = await failureOf(verify(await sign(one, CLAIMS, { kid: 'one' })));
      verifying.mockRestore();
      expect(refused).toMatchObject({ message: 'the signature is not valid', cause: { cause: failure } });
    });

    it('is refused when no key fits, or more than one', async () => {
      const foreign = await makeKey('ES384', { kid: 'one' });
      expect(await refusal(await sign(foreign, CLAIMS, { kid: 'one' }))).toEqual([
        true,
        'no published key fits the token',
      ]);
      expect(await refusal(await sign(one, CLAIMS, { kid: undefined }))).toEqual([
        true,
        'more than one published key fits the token',
      ]);
    });

    it('is verified by a key that was not used with its algorithm before', async () => {
      const rsa = await makeKey('PS256', { kid: 'rsa' });
      issuer.jwks = json({ keys: [{ ...rsa.jwk, alg: undefined }] });
      expect(await verify(await sign(rsa, CLAIMS, { kid: 'rsa' }))).toMatchObject({
        algorithm: 'PS256',
        claims: CLAIMS,
      });
    });

    it('is signed by the only key, where it names none', async () => {
      issuer.jwks = json({ keys: [one.jwk] });
      expect((await verify(await sign(one, CLAIMS, { kid: undefined }))).key.kid).toBe('one');
    });

    it('T6 has one spelling of each part, also when its header is known', async () => {
      const token = await sign(one, CLAIMS, { kid: 'one' });
      await verify(token);
      const [header = '', payload = '', signature = ''] = token.split('.');
      expect(await refusal(`${header}.${payload}.${signature}=`)).toEqual([true, 'the signature is not base64url']);
      expect(await refusal(`${header}.${payload}=.${signature}`)).toEqual([
        true,
        'a part of the token is not base64url',
      ]);
      expect(await refusal(`${header}=.${payload}.${signature}`)).toEqual([
        true,
        'a part of the token is not base64url',
      ]);
    });

    it('T6 is refused when its signature is written with the digits of plain base64', async () => {
      let token = '';
      while (!/-[^.]*$/.test(token) || !/_[^.]*$/.test(token)) token = await sign(one, CLAIMS, { kid: 'one' });
      const start = token.lastIndexOf('.') + 1;
      const [others, signature] = [token.slice(0, start), token.slice(start)];
      expect(await verify(token)).toMatchObject({ claims: CLAIMS });
      for (const plain of [signature.replaceAll('-', '+'), signature.replaceAll('_', '/')])
        expect(await refusal(others + plain)).toEqual([true, 'the signature is not valid']);
    });

    it('T6 is refused when what was signed has another spelling', async () => {
      // 13 bytes: the last digit has two bits to spare.
      const payload = encode('{"sub":"bob"}');
      const header = encode({ alg: 'ES256', kid: 'one' });
      const signed = async (spelling: string): Promise<string> => {
        const input = `${header}.${spelling}`;
        const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
        const signature = await crypto.subtle.sign(algorithm, one.privateKey, Buffer.from(input));
        return `${input}.${Buffer.from(signature).toString('base64url')}`;
      };
      expect(await verify(await signed(payload))).toMatchObject({ claims: { sub: 'bob' } });
      const stray = payload.slice(0, -1) + String.fromCharCode(payload.charCodeAt(payload.length - 1) + 1);
      for (const spelling of [stray, `${payload}==`, `${payload}\n`, ` ${payload}`])
        expect(await refusal(await signed(spelling))).toEqual([true, 'a part of the token is not base64url']);
    });

    it.each(['null', '[]', '"text"', '{"a":1,"a":2}', 'no JSON'])(
      'is refused when what was signed is %s',
      async (text) => {
        const failure = await failureOf(verify(await signText(one, text, { kid: 'one' })));
        expect(failure).toBeInstanceOf(MalformedTokenError);
        expect((failure as Error).message).toBe('a part of the token is no JSON object');
      },
    );

    it('has the header of one before it, of which a hundred are remembered', async () => {
      const headerOf = async (extra: number): Promise<unknown> =>
        (await verify(await sign(one, CLAIMS, { kid: 'one', extra }))).header;
      const first = await headerOf(0);
      for (let extra = 1; extra < 100; extra += 1) await headerOf(extra);
      expect(await headerOf(0)).toBe(first);
      await headerOf(100);
      const again = await headerOf(0);
      expect(again).toEqual(first);
      expect(again).not.toBe(first);
    });
  });

  it('lets a caller refuse a token by its header, before its signature is looked at', async () => {
    const refused = new RangeError('not this one');
    const verifying = async (token: string): Promise<VerifiedJws | BadSignatureError> =>
      under.signatures.presented(new PresentedToken(token), MAX_BEARER_LENGTH, ({ header }) => {
        if ('nonce' in header) throw refused;
      });
    expect(await failureOf(verifying(`${encode({ alg: 'ES256', kid: 'one', nonce: 'n' })}.e30.AAAA`))).toBe(refused);
    expect(await verifying(await sign(one, CLAIMS, { kid: 'one' }))).toMatchObject({ claims: CLAIMS });
  });

  it('takes nothing that is too long', async () => {
    const failure = await failureOf((async () => under.signatures.presented(new PresentedToken('a'.repeat(11)), 10))());
    expect([isTokenFault(failure), (failure as Error).message]).toEqual([true, 'the token is too long']);
    expect(isTokenFault(new Error('other'))).toBe(false);
  });

  it('T4 looks for an unknown key once in thirty seconds for what is presented, for a session each second, for our own request always', async () => {
    await under.signatures.received(await sign(one, CLAIMS, { kid: 'one' }), MAX_BEARER_LENGTH);
    const fetches = async (way: number, kid: string): Promise<number> => {
      const before = issuer.count('/jwks');
      await failureOf((ways[way]?.[1] ?? ways[0]?.[1])?.(await sign(one, CLAIMS, { kid })) ?? Promise.resolve());
      return issuer.count('/jwks') - before;
    };
    expect([await fetches(0, 'a'), await fetches(0, 'b')]).toEqual([1, 0]);
    expect([await fetches(1, 'a'), await fetches(1, 'b')]).toEqual([1, 0]);
    under.clock.advance(1000);
    expect([await fetches(0, 'c'), await fetches(1, 'b')]).toEqual([0, 1]);
    expect([await fetches(2, 'a'), await fetches(2, 'a')]).toEqual([1, 1]);
  });
});
