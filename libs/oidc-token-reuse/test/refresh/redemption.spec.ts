import { beforeAll, describe, expect, it } from '@jest/globals';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { OidcEvents } from '../../src/observability/events.js';
import { IdentityChangedError, Redemption } from '../../src/refresh/redemption.js';
import type { Session } from '../../src/session/session.js';
import { IdTokenVerifier, InvalidIdTokenError } from '../../src/verification/id-token.verifier.js';
import { SignatureVerifier } from '../../src/verification/signature.verifier.js';
import { OPTIONS } from '../config/valid-options.js';
import { failureOf, Recorder } from '../provider/support.js';
import { jwtOf, NOW, sessionOf, tokensOf } from '../session/support.js';
import { makeKey, sign, type Claims, type TestKey } from '../verification/support.js';
import { roomsWith } from './support.js';

const { issuer } = OPTIONS;
const BEFORE = jwtOf({ iss: issuer, sub: 'alice', name: 'Alice' });

let key: TestKey;
let foreign: TestKey;

beforeAll(async () => {
  [key, foreign] = await Promise.all([makeKey('ES256', { kid: 'k' }), makeKey('ES256', { kid: 'k' })]);
});

/** A provider that publishes its keys, and what redeems there. */
function bench(options: Partial<OidcModuleOptions> = {}) {
  const { provider, endpoint, clock } = roomsWith({ clockTolerance: 30, ...options });
  endpoint.keys = [key.jwk];
  const recorder = new Recorder();
  const idTokens = new IdTokenVerifier(provider, new SignatureVerifier(provider), clock);
  const redemption = new Redemption({ provider, idTokens, clock, events: new OidcEvents(recorder) });
  const before = (parts: Partial<Session> = {}): Session =>
    sessionOf({ issuer, tokens: tokensOf({ idToken: BEFORE }), ...parts });
  const redeem = (parts?: Partial<Session>): Promise<Session> => redemption.redeem(before(parts), 'refresh-token');
  const answerWith = (idToken: string): void => {
    endpoint.answer = () => ({ body: { access_token: 'new', token_type: 'Bearer', id_token: idToken } });
  };
  return { redeem, answerWith, endpoint, clock, recorder, provider };
}

function idToken(more: Claims = {}, by = key): Promise<string> {
  const good = { iss: issuer, sub: 'alice', aud: OPTIONS.clientId, iat: NOW, exp: NOW + 300, name: 'Alicia' };
  return sign(by, { ...good, ...more });
}

describe('an ID Token that comes with a refresh', () => {
  it('takes the place of the one before, with its claims', async () => {
    const { redeem, answerWith } = bench();
    const fresh = await idToken();
    answerWith(fresh);
    const { tokens, claims } = await redeem();
    expect([tokens.idToken.reveal(), claims['name']]).toEqual([fresh, 'Alicia']);
  });

  it('may bring a tenant where the session has none', async () => {
    const { redeem, answerWith } = bench();
    answerWith(await idToken({ tid: 'tenant' }));
    expect(await redeem()).toMatchObject({ generation: 1, tenant: undefined });
  });

  it.each([
    ['is signed by somebody else', () => idToken({}, foreign), 'the signature is not valid'],
    ['is for another client', () => idToken({ aud: 'other' }), 'unexpected "aud" claim value'],
    ['belongs to another access token', () => idToken({ at_hash: 'x' }), 'unexpected "at_hash" claim value'],
  ])('R5 that %s is that of another identity', async (_, make, reason) => {
    const { redeem, answerWith } = bench();
    answerWith(await make());
    const failure = await failureOf(redeem());
    expect(failure).toBeInstanceOf(IdentityChangedError);
    expect(failure).toMatchObject({
      name: 'IdentityChangedError',
      message: 'the refreshed ID Token has another "id_token"',
      claim: 'id_token',
      cause: new InvalidIdTokenError(reason),
    });
  });

  it.each([
    ['has expired', { exp: NOW - 31 }],
    ['comes from the future', { iat: NOW + 31 }],
  ])('that %s leaves the one before: a clock is off', async (_, times) => {
    const { redeem, answerWith } = bench();
    answerWith(await idToken(times));
    const { tokens, claims, generation } = await redeem();
    expect([tokens.idToken.reveal(), claims['name'], generation]).toEqual([BEFORE, 'Alice', 1]);
  });

  it('R5 that has expired and is about somebody else is seen all the same', async () => {
    const { redeem, answerWith } = bench();
    answerWith(await idToken({ exp: NOW - 31, sub: 'mallory' }));
    expect(await failureOf(redeem())).toMatchObject({ name: 'IdentityChangedError', claim: 'sub' });
  });

  it('leaves the one before while the keys cannot be had', async () => {
    const { redeem, answerWith, endpoint } = bench();
    endpoint.keys = undefined;
    answerWith(await idToken());
    expect((await redeem()).tokens.idToken.reveal()).toBe(BEFORE);
  });

  it('does not hide what is out of order here', async () => {
    const { provider, clock, endpoint } = bench();
    const broken = new RangeError('out of order');
    const idTokens = Object.create(IdTokenVerifier.prototype) as IdTokenVerifier; // its one method is all that is asked of it
    idTokens.verify = () => Promise.reject(broken);
    const redemption = new Redemption({ provider, idTokens, clock, events: new OidcEvents(new Recorder()) });
    endpoint.answer = () => ({ body: { access_token: 'a', token_type: 'Bearer', id_token: BEFORE } });
    expect(await failureOf(redemption.redeem(sessionOf({ issuer }), 'refresh-token'))).toBe(broken);
  });
});

describe('a refresh', () => {
  it('names nothing that the options leave out', async () => {
    const { redeem, endpoint } = bench({ scope: 'openid', preset: 'generic' });
    await redeem();
    expect(endpoint.forms).toEqual([
      { grant_type: 'refresh_token', client_id: OPTIONS.clientId, refresh_token: 'refresh-token' },
    ]);
  });

  it('is made once more while the replay window lasts, which counts from the first', async () => {
    const { redeem, endpoint, clock, recorder } = bench({ replayWindow: 60 });
    clock.advance(1000);
    const { answer } = endpoint;
    endpoint.answer = (form) => {
      if (endpoint.forms.length > 1) return answer(form);
      clock.advance(59);
      return undefined;
    };
    expect((await redeem()).generation).toBe(1);
    expect(recorder.events).toMatchObject([{ type: 'refresh.lost_response', issuer, replayed: true }]);
  });
});
