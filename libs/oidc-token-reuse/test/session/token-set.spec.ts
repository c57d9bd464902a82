import { describe, expect, it } from '@jest/globals';
import { readTokenResponse } from '../../src/provider/token-response.js';
import { peekClaims, toTokenSet } from '../../src/session/token-set.js';
import { jwtOf, NOW, TestClock } from './support.js';

const clock = new TestClock();

function expiryOf(expires_in: unknown, accessToken = 'opaque'): number {
  return toTokenSet({ ...readTokenResponse(accessToken, { expires_in }), idToken: 'id' }, clock).expiresAt - NOW;
}

describe('the token set of a response', () => {
  it('has absolute times', () => {
    const body = { expires_in: 300, refresh_token: 'r', refresh_expires_in: 1800, scope: 'openid' };
    const tokens = toTokenSet({ ...readTokenResponse('a', body), idToken: 'i' }, clock);
    expect({
      ...tokens,
      accessToken: tokens.accessToken?.reveal(),
      refreshToken: tokens.refreshToken?.reveal(),
      idToken: tokens.idToken.reveal(),
    }).toEqual({
      accessToken: 'a',
      refreshToken: 'r',
      idToken: 'i',
      issuedAt: NOW,
      expiresAt: NOW + 300,
      refreshExpiresAt: NOW + 1800,
      scope: 'openid',
    });
  });

  it('lacks what the response lacks', () => {
    const { refreshToken, refreshExpiresAt, scope } = toTokenSet(
      { ...readTokenResponse('a', {}), idToken: 'i' },
      clock,
    );
    expect([refreshToken, refreshExpiresAt, scope]).toEqual([undefined, undefined, undefined]);
  });
});

describe('an access token lives', () => {
  it.each([
    [300, 300],
    ['300', 300],
    [1.9, 1],
    [1, 1],
    [1e308, 315_360_000],
  ])('by expires_in %j for %d seconds', (expiresIn, seconds) => {
    expect(expiryOf(expiresIn, jwtOf({ exp: NOW + 77 }))).toBe(seconds);
  });

  it.each([undefined, null, 0, -1, 0.5, '', '0', '-300', 'soon', '1e3', true, {}, [300]])(
    'until its own exp when expires_in is %j, else for an hour',
    (expiresIn) => {
      expect([expiryOf(expiresIn, jwtOf({ exp: NOW + 77.7 })), expiryOf(expiresIn)]).toEqual([77, 3600]);
    },
  );

  it.each([NOW, NOW + 0.5, NOW - 1, -5, '1900000000', null, {}])('for an hour when its own exp is %j', (exp) => {
    expect(expiryOf(undefined, jwtOf({ exp }))).toBe(3600);
  });
});

describe('the claims of a token that is not verified here', () => {
  it.each(['', 'opaque', 'a.', 'a.b.c', '..', 'a.bnVsbA.c', 'a.W10.c', 'a.MQ.c'])('are none in %j', (token) => {
    expect(peekClaims(token)).toBeUndefined();
  });
});

describe('an access token that never ends', () => {
  it('lives for an hour', () => {
    const payload = Buffer.from('{"exp":1e999}').toString('base64url');
    expect(expiryOf(undefined, `e30.${payload}.AAAA`)).toBe(3600);
  });
});
