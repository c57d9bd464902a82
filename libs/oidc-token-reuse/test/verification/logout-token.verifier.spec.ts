import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ProviderUnavailableException } from '../../src/errors/exceptions.js';
import {
  InvalidLogoutTokenError,
  LogoutTokenVerifier,
  type LogoutToken,
} from '../../src/verification/logout-token.verifier.js';
import { failureOf, json, metadataOf, respond, startIssuer, type TestIssuer } from '../provider/support.js';
import {
  CLIENT_ID,
  makeKey,
  sign,
  verifiersFor,
  type Claims,
  type TestKey,
  type VerifiersUnderTest,
} from './support.js';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const TOLERANCE = 30;

describe('LogoutTokenVerifier', () => {
  let issuer: TestIssuer;
  let key: TestKey;
  let under: VerifiersUnderTest;
  let verifier: LogoutTokenVerifier;

  beforeAll(async () => {
    key = await makeKey('EdDSA', { kid: 'ed' });
    issuer = await startIssuer([key.jwk]);
  });
  afterAll(() => issuer.close());
  beforeEach(() => {
    issuer.discovery = json(metadataOf(issuer.url));
    issuer.jwks = json({ keys: [key.jwk] });
    begin();
  });

  function begin(): void {
    under = verifiersFor(issuer.url, { clockTolerance: TOLERANCE });
    verifier = new LogoutTokenVerifier(under.provider, under.signatures, under.clock);
  }

  function claimsWith(more: Claims = {}): Claims {
    const now = under.clock.now();
    const base = { iss: issuer.url, aud: CLIENT_ID, iat: now, exp: now + 120, jti: 'jti-1', sid: 'sid-1' };
    return { ...base, events: { [EVENT]: {} }, ...more };
  }

  const verify = async (more: Claims = {}, header: Claims = {}): Promise<LogoutToken> =>
    verifier.verify(await sign(key, claimsWith(more), { typ: 'logout+jwt', ...header }));

  it('gives what a logout token says', async () => {
    expect(await verify({ sub: 'alice' })).toEqual({
      issuer: issuer.url,
      providerSessionId: 'sid-1',
      subject: 'alice',
      jti: 'jti-1',
      expiresAt: under.clock.now() + 120,
    });
  });

  it('accepts a subject without a session, and a session without a subject', async () => {
    expect(await verify({ sub: 'alice', sid: undefined })).toMatchObject({
      subject: 'alice',
      providerSessionId: undefined,
    });
    expect(await verify()).toMatchObject({ subject: undefined, providerSessionId: 'sid-1' });
  });

  it.each([undefined, 'JWT', 'logout+jwt', 'LOGOUT+JWT', 'application/logout+jwt'])(
    'O1 accepts the type %s',
    async (typ) => {
      expect(await verify({}, { typ })).toMatchObject({ jti: 'jti-1' });
    },
  );

  it.each([
    ['another type', {}, { typ: 'at+jwt' }, 'the token is no logout token'],
    ['another issuer', { iss: 'https://other.example' }, {}, 'unexpected "iss" claim value'],
    ['another audience', { aud: 'another-client' }, {}, 'unexpected "aud" claim value'],
    ['no audience', { aud: undefined }, {}, 'missing or malformed "aud" claim value'],
    ['no end', { exp: undefined }, {}, 'missing "exp" claim value'],
    ['no beginning', { iat: undefined }, {}, 'missing "iat" claim value'],
    ['no jti', { jti: undefined }, {}, 'missing "jti" claim value'],
    ['a jti that is no string', { jti: 5 }, {}, 'malformed "jti" claim value'],
    ['neither session nor subject', { sid: undefined }, {}, 'missing "sid" claim value'],
    ['a session that is no string', { sid: 5 }, {}, 'malformed "sid" claim value'],
    ['a subject that is empty', { sub: '' }, {}, 'missing or malformed "sub" claim value'],
    ['a nonce', { nonce: 'n' }, {}, 'foreign "nonce" claim value'],
    ['a nonce that is null', { nonce: null }, {}, 'foreign "nonce" claim value'],
    ['no events', { events: undefined }, {}, 'missing "events" claim value'],
    ['events that are no object', { events: [EVENT] }, {}, 'missing "events" claim value'],
    ['another event', { events: { 'urn:other': {} } }, {}, 'missing "events" claim value'],
    ['an event that is no object', { events: { [EVENT]: true } }, {}, 'missing "events" claim value'],
  ])('O1 refuses %s', async (_, claims, header, message) => {
    const failure = await failureOf(verify(claims, header));
    expect([failure, (failure as Error).message]).toEqual([expect.any(InvalidLogoutTokenError), message]);
    expect(failure).toMatchObject({ name: 'InvalidLogoutTokenError', cause: { message } });
  });

  it('O1 refuses one that has expired, and one from the future, beyond what clocks may differ by', async () => {
    const now = under.clock.now();
    expect(await verify({ exp: now - TOLERANCE + 1 })).toBeDefined();
    expect(await failureOf(verify({ exp: now - TOLERANCE }))).toMatchObject({ message: 'the token has expired' });
    expect(await verify({ iat: now + TOLERANCE })).toBeDefined();
    expect(await failureOf(verify({ iat: now + TOLERANCE + 1 }))).toMatchObject({
      message: 'future "iat" claim value',
    });
  });

  it('O1 refuses one that was made more than five minutes ago', async () => {
    const now = under.clock.now();
    expect(await verify({ iat: now - 300 - TOLERANCE })).toBeDefined();
    expect(await failureOf(verify({ iat: now - 301 - TOLERANCE }))).toMatchObject({
      message: 'too old "iat" claim value',
    });
  });

  it('O1 accepts the algorithms that the provider signs with, and no other', async () => {
    issuer.discovery = json(metadataOf(issuer.url, { id_token_signing_alg_values_supported: ['RS256'] }));
    begin();
    expect(await failureOf(verify())).toMatchObject({ message: 'unexpected "alg" claim value' });
    issuer.discovery = json(metadataOf(issuer.url, { id_token_signing_alg_values_supported: ['RS256', 'EdDSA'] }));
    begin();
    expect(await verify()).toBeDefined();
  });

  it('O1 refuses what somebody else signed, and what is no token', async () => {
    const foreign = await makeKey('EdDSA', { kid: 'ed' });
    expect(await failureOf(verifier.verify(await sign(foreign, claimsWith())))).toMatchObject({
      name: 'InvalidLogoutTokenError',
      message: 'the signature is not valid',
    });
    expect(await failureOf(verifier.verify('a.b'))).toMatchObject({ message: 'the token has not three parts' });
    expect(await failureOf(verifier.verify('x'.repeat(16_385)))).toMatchObject({ message: 'the token is too long' });
  });

  it('says that it cannot tell while the keys cannot be had', async () => {
    issuer.jwks = respond(500);
    begin();
    expect(await failureOf(verify())).toBeInstanceOf(ProviderUnavailableException);
  });
});
