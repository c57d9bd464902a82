import { beforeAll, describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { generateKeyPairSync } from 'node:crypto';
import { MalformedDocumentError } from '../../src/provider/json.js';
import { parseJwkSet, SIGNING_ALGORITHMS, SigningKey, type JwkSet } from '../../src/provider/jwk-set.js';

const parse = (...keys: unknown[]): Promise<JwkSet> => parseJwkSet(JSON.stringify({ keys }));

async function publicJwk(algorithm: string): Promise<JWK> {
  return exportJWK((await generateKeyPair(algorithm, { extractable: true })).publicKey);
}

function algorithmsOf(set: JwkSet, kid?: string): string[] {
  return SIGNING_ALGORITHMS.filter((algorithm) => set.candidates(algorithm, kid).length > 0);
}

describe('parseJwkSet', () => {
  let rsa: JWK;
  let ec: JWK;
  let okp: JWK;

  beforeAll(async () => {
    [rsa, ec, okp] = await Promise.all([publicJwk('RS256'), publicJwk('ES256'), publicJwk('EdDSA')]);
  });

  it.each([
    ['no JSON', '<html>'],
    ['a list', '[]'],
    ['no keys', '{}'],
    ['keys that are no list', '{"keys":{}}'],
    ['an empty list', '{"keys":[]}'],
    ['keys that are no objects', '{"keys":[null,1,"x",[]]}'],
  ])('refuses a document with %s', async (_what, text) => {
    await expect(parseJwkSet(text)).rejects.toThrow(MalformedDocumentError);
  });

  it('N2 takes a hundred keys and refuses more', async () => {
    const many = Array.from({ length: 100 }, (_value, index) => ({ ...ec, kid: `key-${String(index)}` }));
    expect((await parse(...many)).keys.length).toBe(100);
    await expect(parse(...many, okp)).rejects.toThrow('too many keys');
  });

  it.each<[string, (jwks: { rsa: JWK; ec: JWK; okp: JWK }) => Record<string, unknown>]>([
    ['symmetric', () => ({ kty: 'oct', k: 'c2VjcmV0' })],
    ['symmetric for a signing algorithm', () => ({ kty: 'oct', k: 'c2VjcmV0', alg: 'HS256', use: 'sig' })],
    ['private', ({ rsa }) => ({ ...rsa, d: 'AQAB' })],
    ['for encryption by its use', ({ rsa }) => ({ ...rsa, use: 'enc' })],
    ['for encryption by its operations', ({ rsa }) => ({ ...rsa, key_ops: ['encrypt'] })],
    ['of operations that are no list', ({ rsa }) => ({ ...rsa, key_ops: 'verify' })],
    ['for encryption by its algorithm', ({ rsa }) => ({ ...rsa, alg: 'RSA-OAEP-256' })],
    ['for a symmetric algorithm', ({ rsa }) => ({ ...rsa, alg: 'HS256' })],
    ['for an algorithm that is no string', ({ rsa }) => ({ ...rsa, alg: 7 })],
    ['for an algorithm of another type of key', ({ rsa }) => ({ ...rsa, alg: 'ES256' })],
    ['of a type that is not known', ({ rsa }) => ({ ...rsa, kty: 'AKP' })],
    ['of a type that is no string', ({ rsa }) => ({ ...rsa, kty: ['RSA'] })],
    ['on a curve that is not known', ({ ec }) => ({ ...ec, crv: 'secp256k1' })],
    ['on the curve of another type', ({ okp }) => ({ ...okp, crv: 'X25519' })],
    ['a point that is not on its curve', ({ ec }) => ({ ...ec, x: ec.y })],
    ['without a modulus', ({ rsa }) => ({ kty: 'RSA', e: rsa.e })],
    ['garbage', () => ({ kty: 'OKP', crv: 'Ed25519', x: '!!' })],
    ['too short', () => generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })],
    ['named by a kid that is no string', ({ rsa }) => ({ ...rsa, kid: 1 })],
    ['named by a kid of more than 256 characters', ({ rsa }) => ({ ...rsa, kid: 'k'.repeat(257) })],
  ])('leaves a key out that is %s, and is no JWK Set without another', async (_what, bad) => {
    const key = bad({ rsa, ec, okp });
    await expect(parse(key)).rejects.toThrow('a JWK Set without a usable signing key');
    expect((await parse(key, { ...ec, kid: 'good' })).keys.map(({ kid }) => kid)).toEqual(['good']);
  });

  it('knows what each key can verify', async () => {
    const [p384, p521] = await Promise.all([publicJwk('ES384'), publicJwk('ES512')]);
    const set = await parse(
      { ...rsa, kid: 'rsa' },
      { ...rsa, kid: 'ps256', alg: 'PS256', use: 'sig', key_ops: ['verify'] },
      { ...ec, kid: 'p256' },
      { ...p384, kid: 'p384' },
      { ...p521, kid: 'p521' },
      { ...okp, kid: 'okp' },
      { ...okp, kid: 'eddsa', alg: 'EdDSA' },
      { ...okp, kid: 'ed25519', alg: 'Ed25519' },
    );
    expect(Object.fromEntries(set.keys.map(({ kid = '' }) => [kid, algorithmsOf(set, kid)]))).toEqual({
      rsa: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
      ps256: ['PS256'],
      p256: ['ES256'],
      p384: ['ES384'],
      p521: ['ES512'],
      okp: ['EdDSA', 'Ed25519'],
      eddsa: ['EdDSA', 'Ed25519'],
      ed25519: ['EdDSA', 'Ed25519'],
    });
  });

  it('finds candidates by kid, or all of the right type without one, the same key once', async () => {
    const set = await parse({ ...rsa, kid: 'a' }, { ...rsa, kid: 'b' }, { ...ec, kid: 'a' }, { ...okp });
    expect(set.candidates('RS256', 'a').map(({ kid }) => kid)).toEqual(['a']);
    expect(set.candidates('ES256', 'a').map(({ kid }) => kid)).toEqual(['a']);
    expect(set.candidates('RS256', undefined).length).toBe(1);
    expect(set.candidates('EdDSA', undefined).length).toBe(1);
    expect([set.candidates('RS256', 'c'), set.candidates('EdDSA', 'a')]).toEqual([[], []]);
    expect([set.knows('a'), set.knows('c'), set.knows(undefined)]).toEqual([true, false, true]);
  });

  it.each(['__proto__', 'constructor', "' or 1=1 --", '../../etc/passwd', '\u0000', ''])(
    'T3 takes the kid %j for a name like any other',
    async (kid) => {
      const set = await parse({ ...rsa, kid: 'good' });
      expect([set.knows(kid), set.candidates('RS256', kid)]).toEqual([false, []]);
    },
  );

  it('sees a key as the same only if it is published in the same way', async () => {
    const before = await parse({ ...rsa, kid: 'a', alg: 'RS256', issuer: 'https://one.example' });
    const [key] = before.keys;
    const has = async (jwk: object): Promise<boolean> =>
      key !== undefined &&
      (await parse({ ...rsa, kid: 'a', alg: 'RS256', issuer: 'https://one.example', ...jwk })).has(key);
    expect(await Promise.all([has({}), has({ use: 'sig' })])).toEqual([true, true]);
    expect(
      await Promise.all([
        has({ kid: 'b' }),
        has({ alg: 'RS384' }),
        has({ issuer: 'https://two.example' }),
        has({ ...ec, alg: 'ES256' }),
      ]),
    ).toEqual([false, false, false, false]);
  });

  it('knows the issuer that Entra names for a key, if it is a string', async () => {
    const set = await parse({ ...rsa, issuer: 'https://one.example' }, { ...ec, issuer: 1 });
    expect(set.keys.map(({ issuer }) => issuer)).toEqual(['https://one.example', undefined]);
  });

  it('imports a key once for each algorithm', async () => {
    const [key] = (await parse(rsa)).keys;
    expect(key?.import('RS256')).toBe(key?.import('RS256'));
    expect((await key?.import('PS256'))?.algorithm.name).toBe('RSA-PSS');
    expect(key?.thumbprint).toBe(await calculateJwkThumbprint(rsa));
  });

  it('remembers no import that failed', async () => {
    const key = new SigningKey(ec, ['ES256'], 'a thumbprint');
    const failed = key.import('ES384');
    await expect(failed).rejects.toThrow();
    const again = key.import('ES384');
    expect(again).not.toBe(failed);
    await expect(again).rejects.toThrow();
  });
});
