import { describe, expect, it } from '@jest/globals';
import { readTokenResponse } from '../../src/provider/token-response.js';

describe('readTokenResponse', () => {
  it('reads what the provider granted', () => {
    const body = { expires_in: 300, refresh_token: 'r', refresh_expires_in: 900, id_token: 'i', scope: 'openid email' };
    expect(readTokenResponse('a', body)).toEqual({
      accessToken: 'a',
      expiresIn: 300,
      refreshToken: 'r',
      refreshExpiresIn: 900,
      idToken: 'i',
      scope: 'openid email',
    });
  });

  it('loses no refresh token over what is odd or missing', () => {
    const odd = { expires_in: {}, refresh_expires_in: 'never', id_token: 7, scope: ['a'], refresh_token: 'r' };
    expect(readTokenResponse('a', odd)).toEqual({
      accessToken: 'a',
      expiresIn: undefined,
      refreshToken: 'r',
      refreshExpiresIn: undefined,
      idToken: undefined,
      scope: undefined,
    });
  });

  it.each([
    [300, 300],
    [300.9, 300],
    ['300', 300],
    [1, 1],
    [1e308, 315_360_000],
    ['999999999999', 315_360_000],
    [undefined, undefined],
    [null, undefined],
    [0, undefined],
    ['0', undefined],
    [-1, undefined],
    ['-1', undefined],
    ['', undefined],
    ['3e2', undefined],
    ['9999999999999', undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [true, undefined],
  ])('reads expires_in %j as %j seconds', (given, seconds) => {
    expect(readTokenResponse('a', { expires_in: given }).expiresIn).toBe(seconds);
  });

  it('knows both names for the life of the refresh token', () => {
    expect(readTokenResponse('a', { refresh_token_expires_in: 60 }).refreshExpiresIn).toBe(60);
  });

  it.each(['\ud800', 'r\u00e9fresh', 'a\nb', 'a\u0000', '\u{1f600}'])(
    'takes a refresh token of %j for none: it could not be kept as it came',
    (token) => {
      expect(readTokenResponse('a', { refresh_token: token }).refreshToken).toBeUndefined();
    },
  );

  it.each(['refresh_token', 'id_token', 'scope'])('takes an empty %s for none', (name) => {
    const { refreshToken, idToken, scope } = readTokenResponse('a', { [name]: '' });
    expect([refreshToken, idToken, scope]).toEqual([undefined, undefined, undefined]);
  });
});
