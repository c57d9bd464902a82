import { describe, expect, it } from '@jest/globals';
import {
  identityClaims,
  isOfTenant,
  newSessionId,
  sessionExpiresAt,
  withoutTokens,
} from '../../src/session/session.js';
import { jwtOf, NOW, revealed, sessionOf, tokensOf } from './support.js';

const LIFETIMES = { sessionAbsoluteLifetime: 604_800, sessionIdleLifetime: 86_400, reuseTokens: true };

function claiming(session_expiry: unknown): ReturnType<typeof sessionOf> {
  return sessionOf({ tokens: tokensOf({ idToken: jwtOf({ sub: 'alice', session_expiry }) }) });
}

describe('T12 a session', () => {
  it.each([
    [undefined, [], true],
    ['one', [], true],
    ['one', ['one', 'two'], true],
    ['one', ['two'], false],
    [undefined, ['two'], false],
  ])('of the tenant %s counts where %j may sign in: %s', (tenant, allowed, counts) => {
    expect(isOfTenant(sessionOf({ tenant }), allowed)).toBe(counts);
  });
});

describe('S10 a session ends', () => {
  it('with its idle limit, counted from the last renewal', () => {
    expect(sessionExpiresAt(sessionOf(), LIFETIMES)).toBe(NOW + 86_400);
    expect(sessionExpiresAt(sessionOf({ renewedAt: NOW + 1000 }), LIFETIMES)).toBe(NOW + 87_400);
  });

  it('with its absolute limit, counted from the beginning of the login, however often it is renewed', () => {
    expect(sessionExpiresAt(sessionOf({ renewedAt: NOW + 600_000, generation: 99 }), LIFETIMES)).toBe(NOW + 604_800);
    expect(
      sessionExpiresAt(sessionOf({ startedAt: NOW * 1000 - 1 }), { ...LIFETIMES, sessionAbsoluteLifetime: 60 }),
    ).toBe(NOW + 59);
  });

  it('with its refresh token', () => {
    const tokens = tokensOf({ refreshExpiresAt: NOW + 1800 });
    expect(sessionExpiresAt(sessionOf({ tokens }), LIFETIMES)).toBe(NOW + 1800);
  });

  it('with its access token when there is no refresh token', () => {
    const tokens = tokensOf({ refreshToken: undefined });
    expect(sessionExpiresAt(sessionOf({ tokens }), LIFETIMES)).toBe(NOW + 300);
  });

  it('when the ID Token says so', () => {
    expect(sessionExpiresAt(claiming(NOW + 100.9), LIFETIMES)).toBe(NOW + 100);
  });

  it.each(['1', null, {}, [NOW], true])('without regard to session_expiry %j', (value) => {
    expect(sessionExpiresAt(claiming(value), LIFETIMES)).toBe(NOW + 86_400);
  });

  it('with the least of its limits', () => {
    const tokens = tokensOf({
      refreshToken: undefined,
      refreshExpiresAt: NOW + 200,
      idToken: jwtOf({ session_expiry: NOW + 250 }),
    });
    expect(sessionExpiresAt(sessionOf({ tokens }), LIFETIMES)).toBe(NOW + 200);
  });

  it('with its own limits alone when it holds the identity only', () => {
    const identity = withoutTokens(sessionOf({ tokens: tokensOf({ refreshExpiresAt: NOW + 1800 }) }), LIFETIMES);
    expect(sessionExpiresAt(identity, { ...LIFETIMES, reuseTokens: false })).toBe(NOW + 86_400);
  });
});

describe('a session without tokens', () => {
  it('keeps the ID Token and nothing else of the provider', () => {
    const session = sessionOf({ tokens: tokensOf({ refreshExpiresAt: NOW + 1800, scope: 'openid' }) });
    expect(revealed(withoutTokens(session, LIFETIMES))).toEqual({
      ...session,
      tokens: {
        accessToken: undefined,
        refreshToken: undefined,
        idToken: session.tokens.idToken.reveal(),
        issuedAt: NOW,
        expiresAt: NOW + 604_800,
        refreshExpiresAt: undefined,
        scope: undefined,
      },
    });
  });
});

describe('what the ID Token says about the end-user', () => {
  it('leaves out what it says about the protocol', () => {
    const protocol = {
      iss: 1,
      aud: 1,
      azp: 1,
      exp: 1,
      iat: 1,
      nbf: 1,
      jti: 1,
      nonce: 1,
      at_hash: 1,
      c_hash: 1,
      s_hash: 1,
      sid: 1,
      typ: 1,
      uti: 1,
      rh: 1,
      aio: 1,
      ver: 1,
    };
    const person = { sub: 'alice', name: 'Alice', auth_time: 1, acr: '1', amr: ['pwd'], tid: 't', session_expiry: 2 };
    expect(identityClaims({ ...protocol, ...person })).toEqual(person);
  });

  it('T15 keeps a claim named like a prototype for a claim', () => {
    const claims = identityClaims(
      JSON.parse('{"__proto__":{"admin":true},"constructor":1}') as Record<string, unknown>,
    );
    expect({ admin: claims['admin'], names: Object.keys(claims) }).toEqual({
      admin: undefined,
      names: ['__proto__', 'constructor'],
    });
  });
});

describe('the id of a session', () => {
  it('S3 is 128 random bits', () => {
    const ids = Array.from({ length: 1000 }, newSessionId);
    expect(new Set(ids).size).toBe(1000);
    expect(ids.every((id) => /^[\w-]{22}$/.test(id))).toBe(true);
  });
});
