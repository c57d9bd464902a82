import { describe, expect, it } from '@jest/globals';
import { validateUserInfoJwt } from '../../src/on-behalf-of/userinfo-jwt.js';

const POLICY = { issuer: 'https://provider.example', clientId: 'client', now: 1_700_000_000, clockTolerance: 30 };

describe('validateUserInfoJwt', () => {
  it.each([
    {},
    { iss: POLICY.issuer },
    { aud: 'client' },
    { aud: ['other', 'client'] },
    { exp: POLICY.now + 1 },
    { exp: POLICY.now - 29 },
  ])('N9 accepts %j', (claims) => {
    expect(validateUserInfoJwt({ sub: 'alice', ...claims }, POLICY)).toEqual({ sub: 'alice', ...claims });
  });

  it.each([
    [{ iss: 'https://other.example' }, 'unexpected "iss" claim value'],
    [{ iss: null }, 'unexpected "iss" claim value'],
    [{ aud: 'other' }, 'unexpected "aud" claim value'],
    [{ aud: [] }, 'missing or malformed "aud" claim value'],
    [{ aud: 5 }, 'missing or malformed "aud" claim value'],
    [{ exp: POLICY.now - 30 }, 'the token has expired'],
    [{ exp: '1' }, 'malformed "exp" claim value'],
  ])('N9 refuses %j', (claims, message) => {
    expect(() => validateUserInfoJwt({ sub: 'alice', ...claims }, POLICY)).toThrow(message);
  });
});
