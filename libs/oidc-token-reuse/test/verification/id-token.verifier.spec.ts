import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { CompactSign } from 'jose';
import { ProviderUnavailableException } from '../../src/errors/exceptions.js';
import { InvalidIdTokenError, type IdTokenExpectations } from '../../src/verification/id-token.verifier.js';
import { failureOf, json, metadataOf, respond, startIssuer, type TestIssuer } from '../provider/support.js';
import { encode, makeKey, sign, verifiersFor, type Claims, type TestKey, type VerifiersUnderTest } from './support.js';

const EXPECTATIONS: IdTokenExpectations = { nonce: 'n-1', accessToken: 'the-access-token', maxAge: undefined };
const HASHES: Record<string, string> = {
  RS256: 'sha256',
  PS256: 'sha256',
  ES256: 'sha256',
  ES384: 'sha384',
  EdDSA: 'sha512',
};

const halfHash = (algorithm: string, value: string): string => {
  const digest = createHash(HASHES[algorithm] ?? '')
    .update(value)
    .digest();
  return digest.subarray(0, digest.length / 2).toString('base64url');
};

describe('IdTokenVerifier', () => {
  let issuer: TestIssuer;
  let rsa: TestKey;
  let foreign: TestKey;
  let under: VerifiersUnderTest;
  const publish = (...keys: TestKey[]): void => {
    issuer.jwks = json({ keys: keys.map(({ jwk }) => jwk) });
  };
  const verify = (
    token: string,
    expected: Partial<IdTokenExpectations> = {},
  ): ReturnType<VerifiersUnderTest['idTokens']['verify']> =>
    under.idTokens.verify(token, { ...EXPECTATIONS, ...expected });
  const claims = (more: Claims = {}): Claims => under.idClaims({ nonce: 'n-1', ...more });
  const reasonFor = async (
    token: string | Promise<string>,
    expected: Partial<IdTokenExpectations> = {},
  ): Promise<string> => {
    const failure = await failureOf(verify(await token, expected));
    expect(failure).toBeInstanceOf(InvalidIdTokenError);
    return (failure as Error).message;
  };

  beforeAll(async () => {
    [rsa, foreign] = await Promise.all([makeKey('RS256', { kid: 'rsa' }), makeKey('RS256', { kid: 'rsa' })]);
    issuer = await startIssuer();
  });
  afterAll(() => issuer.close());
  beforeEach(() => {
    publish(rsa);
    issuer.discovery = json(metadataOf(issuer.url));
    under = verifiersFor(issuer.url);
  });

  it('says who signed in, and in which session of the provider', async () => {
    const good = claims({ sid: 'session-1', name: 'Alice' });
    expect(await verify(await sign(rsa, good))).toEqual({
      issuer: issuer.url,
      subject: 'alice',
      tenant: undefined,
      providerSessionId: 'session-1',
      claims: good,
    });
  });

  describe('the signature', () => {
    it.each(['PS256', 'ES256', 'EdDSA'])('may be of %s, and is refused when it is bad', async (algorithm) => {
      const [own, other] = await Promise.all([makeKey(algorithm, { kid: 'k' }), makeKey(algorithm, { kid: 'k' })]);
      publish(own);
      expect(await verify(await sign(own, claims()))).toMatchObject({ subject: 'alice' });
      expect(await reasonFor(sign(other, claims()))).toBe('the signature is not valid');
    });

    it('is refused when it is that of another key', async () => {
      expect(await reasonFor(sign(foreign, claims()))).toBe('the signature is not valid');
    });

    it('is refused when it is missing', async () => {
      const [header = '', payload = ''] = (await sign(rsa, claims())).split('.');
      expect(await reasonFor(`${header}.${payload}.`)).toBe('the signature is not base64url');
      expect(await reasonFor(`${header}.${payload}`)).toBe('the token has not three parts');
    });

    it.each(['none', 'None'])('T1 is required: alg %s is refused', async (alg) => {
      for (const signature of ['', 'AAAA']) {
        const reason = await reasonFor(`${encode({ alg })}.${encode(claims())}.${signature}`);
        expect(['the algorithm is not allowed', 'the signature is not base64url']).toContain(reason);
      }
    });

    it('T1 is not one with the public key as a secret', async () => {
      const token = await new CompactSign(Buffer.from(JSON.stringify(claims())))
        .setProtectedHeader({ alg: 'HS256', kid: 'rsa' })
        .sign(Buffer.from(JSON.stringify(rsa.jwk)));
      expect(await reasonFor(token)).toBe('the algorithm is not allowed');
    });

    it('T1 is not one with the client secret', async () => {
      const token = await new CompactSign(Buffer.from(JSON.stringify(claims())))
        .setProtectedHeader({ alg: 'HS256' })
        .sign(Buffer.from('a-client-secret'.padEnd(32)));
      expect(await reasonFor(token)).toBe('the algorithm is not allowed');
    });

    it('T1 is of an algorithm that the provider says it signs with', async () => {
      const supported = (...algorithms: string[]): void => {
        issuer.discovery = json(metadataOf(issuer.url, { id_token_signing_alg_values_supported: algorithms }));
        under = verifiersFor(issuer.url);
      };
      supported('ES256', 'RS256');
      expect(await verify(await sign(rsa, claims()))).toMatchObject({ subject: 'alice' });
      supported('ES256');
      expect(await reasonFor(sign(rsa, claims()))).toBe('the provider does not sign with this algorithm');
    });

    it('needs no kid when there is one key, and needs it when there are several', async () => {
      expect(await verify(await sign(rsa, claims(), { kid: undefined }))).toMatchObject({ subject: 'alice' });
      publish(rsa, await makeKey('ES256', { kid: 'other type' }));
      under = verifiersFor(issuer.url);
      expect(await verify(await sign(rsa, claims(), { kid: undefined }))).toMatchObject({ subject: 'alice' });
      publish(rsa, { ...foreign, jwk: { ...foreign.jwk, kid: 'two' } });
      under = verifiersFor(issuer.url);
      expect(await reasonFor(sign(rsa, claims(), { kid: undefined }))).toBe(
        'more than one published key fits the token',
      );
      expect(await verify(await sign(rsa, claims()))).toMatchObject({ subject: 'alice' });
    });

    it('may be of a key that the provider has published just now', async () => {
      await verify(await sign(rsa, claims()));
      const next = await makeKey('ES256', { kid: 'next' });
      expect(await reasonFor(sign(next, claims()))).toBe('no published key fits the token');
      publish(rsa, next);
      expect(await verify(await sign(next, claims()))).toMatchObject({ subject: 'alice' });
    });

    it('is not blamed when the keys cannot be had', async () => {
      await verify(await sign(rsa, claims()));
      issuer.jwks = respond(503);
      const next = await makeKey('ES256', { kid: 'next' });
      expect(await failureOf(verify(await sign(next, claims())))).toBeInstanceOf(ProviderUnavailableException);
    });
  });

  describe('the claims', () => {
    it.each<[string, Claims, string]>([
      ['no iss', { iss: undefined }, 'missing or malformed "iss" claim value'],
      ['another iss', { iss: 'https://other.example' }, 'unexpected "iss" claim value'],
      ['no sub', { sub: undefined }, 'missing or malformed "sub" claim value'],
      ['an empty sub', { sub: '' }, 'missing or malformed "sub" claim value'],
      ['a sub of 256 characters', { sub: 's'.repeat(256) }, 'missing or malformed "sub" claim value'],
      ['no aud', { aud: undefined }, 'missing or malformed "aud" claim value'],
      ['another aud', { aud: 'other' }, 'unexpected "aud" claim value'],
      ['the audience of the API', { aud: 'https://api.example.com' }, 'unexpected "aud" claim value'],
      ['several audiences without azp', { aud: ['web', 'other'] }, 'missing "azp" claim value'],
      ['several audiences, not ours', { aud: ['x', 'y'], azp: 'web' }, 'unexpected "aud" claim value'],
      ['another azp', { azp: 'other' }, 'unexpected "azp" claim value'],
      ['an azp that is no string', { azp: 7 }, 'malformed "azp" claim value'],
      ['no iat', { iat: undefined }, 'missing "iat" claim value'],
      ['an iat as text', { iat: '1' }, 'malformed "iat" claim value'],
      ['no exp', { exp: undefined }, 'missing "exp" claim value'],
      ['an exp in the past', { exp: 1 }, 'the token has expired'],
      ['no nonce', { nonce: undefined }, 'unexpected "nonce" claim value'],
      ['another nonce', { nonce: 'n-2' }, 'unexpected "nonce" claim value'],
      ['a nonce that is no string', { nonce: ['n-1'] }, 'unexpected "nonce" claim value'],
      ['an event', { events: {} }, 'the token is no ID Token'],
      ['the kind of another token', { typ: 'Bearer' }, 'the token is no ID Token'],
      ['a sid that is no string', { sid: 7 }, 'malformed "sid" claim value'],
    ])('with %s are refused', async (_what, more, reason) => {
      expect(await reasonFor(sign(rsa, claims(more)))).toBe(reason);
    });

    it('from the future are refused beyond the tolerance', async () => {
      const now = under.clock.now();
      expect(await reasonFor(sign(rsa, claims({ iat: now + 31 })))).toBe('future "iat" claim value');
      expect(await reasonFor(sign(rsa, claims({ nbf: now + 31 })))).toBe('future "nbf" claim value');
      expect(await verify(await sign(rsa, claims({ iat: now + 30, exp: now - 29 })))).toMatchObject({
        subject: 'alice',
      });
      expect(await reasonFor(sign(rsa, claims({ exp: now - 30 })))).toBe('the token has expired');
    });

    it('may name several audiences, when it was issued to us', async () => {
      const token = await sign(rsa, claims({ aud: ['web', 'other'], azp: 'web' }));
      expect(await verify(token)).toMatchObject({ subject: 'alice' });
    });

    it('need no nonce when none was sent', async () => {
      for (const nonce of [undefined, 'n-1'])
        expect(await verify(await sign(rsa, claims({ nonce })), { nonce: undefined })).toMatchObject({
          subject: 'alice',
        });
    });

    it.each(['at+jwt', 'logout+jwt', 'secevent+jwt', 'oauth-authz-req+jwt'])(
      'T10 of a token of type %s are refused',
      async (typ) => {
        expect(await reasonFor(sign(rsa, claims(), { typ }))).toBe('the token is no ID Token');
      },
    );

    it('of a token of type JWT are accepted', async () => {
      for (const typ of ['JWT', 'jwt', 'application/jwt'])
        expect(await verify(await sign(rsa, claims(), { typ }))).toMatchObject({ subject: 'alice' });
    });
  });

  describe('at_hash', () => {
    it.each(['RS256', 'ES256', 'ES384', 'EdDSA'])(
      'is that of the access token, with the hash of %s',
      async (algorithm) => {
        const key = algorithm === 'RS256' ? rsa : await makeKey(algorithm, { kid: 'k' });
        publish(key);
        const good = halfHash(algorithm, EXPECTATIONS.accessToken);
        expect(await verify(await sign(key, claims({ at_hash: good })))).toMatchObject({ subject: 'alice' });
        for (const bad of [halfHash(algorithm, 'another'), good.slice(0, -1), `${good}=`, '', `${good}A`])
          expect(await reasonFor(sign(key, claims({ at_hash: bad })))).toBe('unexpected "at_hash" claim value');
        expect(await reasonFor(sign(key, claims({ at_hash: [good] })))).toBe('malformed "at_hash" claim value');
      },
    );
  });

  describe('auth_time', () => {
    it('is required and recent when max_age was sent', async () => {
      const now = under.clock.now();
      const outcome = (auth_time: unknown): Promise<string> =>
        reasonFor(sign(rsa, claims({ auth_time })), { maxAge: 60 });
      expect(await verify(await sign(rsa, claims({ auth_time: now - 90 })), { maxAge: 60 })).toMatchObject({
        subject: 'alice',
      });
      expect(await outcome(now - 91)).toBe('too old "auth_time" claim value');
      expect(await outcome(undefined)).toBe('missing "auth_time" claim value');
      expect(await outcome('yesterday')).toBe('malformed "auth_time" claim value');
    });

    it('is not looked at when it was not', async () => {
      expect(await verify(await sign(rsa, claims({ auth_time: 1 })))).toMatchObject({ subject: 'alice' });
    });
  });

  it('is not accepted beyond 64 K, which a bearer token is far from', async () => {
    const groups = Array.from({ length: 1000 }, (_value, index) => `group-${String(index)}-`.padEnd(36, 'x'));
    const token = await sign(rsa, claims({ groups }));
    expect(token.length).toBeGreaterThan(40_000);
    expect(await verify(token)).toMatchObject({ subject: 'alice' });
    expect(await reasonFor(sign(rsa, claims({ groups: [...groups, ...groups] })))).toBe('the token is too long');
  });

  it('S12 says nothing of the token in what it throws', async () => {
    const failure = await failureOf(verify(await sign(rsa, claims({ sub: 's3cret', nonce: 's3cret' }))));
    expect(`${String((failure as Error).stack)}${String(((failure as Error).cause as Error).stack)}`).not.toContain(
      's3cret',
    );
  });
});
