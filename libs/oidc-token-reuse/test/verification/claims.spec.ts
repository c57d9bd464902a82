import { describe, expect, it } from '@jest/globals';
import {
  audiencesOf,
  ExpiredTokenError,
  numericDate,
  stringClaim,
  subjectOf,
  UnacceptableClaimError,
  validateAudience,
  validateTimes,
} from '../../src/verification/claims.js';
import { outcomeOf } from '../provider/support.js';
import type { Claims } from './support.js';

const NOW = 1_800_000_000;
const times = (claims: Claims): number => validateTimes(claims, { now: NOW, clockTolerance: 30 }).expiresAt;

describe('validateTimes', () => {
  it('T14 requires exp, and returns it', () => {
    expect(times({ exp: NOW + 1 })).toBe(NOW + 1);
    expect(() => times({})).toThrow('missing "exp" claim value');
  });

  it.each(['exp', 'nbf', 'iat'])('T14 refuses a %s that is no whole number of seconds', (name) => {
    const odd = [
      '9999',
      '',
      null,
      true,
      [NOW],
      {},
      -1,
      -0.5,
      NOW + 0.5,
      1e308,
      2 ** 53,
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ];
    for (const value of odd)
      expect(() => times({ exp: NOW + 60, [name]: value })).toThrow(`malformed "${name}" claim value`);
  });

  it('refuses an expired token as such, after the tolerance and not before', () => {
    expect(times({ exp: NOW - 29 })).toBe(NOW - 29);
    expect(() => times({ exp: NOW - 30 })).toThrow(ExpiredTokenError);
    expect(outcomeOf(() => times({ exp: 0 }))).toMatchObject({ claim: 'exp', message: 'the token has expired' });
  });

  it.each(['nbf', 'iat'])('T14 refuses a %s in the future, after the tolerance and not before', (name) => {
    expect(times({ exp: NOW + 60, [name]: NOW + 30 })).toBe(NOW + 60);
    expect(() => times({ exp: NOW + 60, [name]: NOW + 31 })).toThrow(`future "${name}" claim value`);
    expect(times({ exp: NOW + 60, [name]: 0 })).toBe(NOW + 60);
  });

  it('T14 refuses a life of more than 400 days', () => {
    expect(times({ exp: NOW + 34_560_000 })).toBe(NOW + 34_560_000);
    expect(() => times({ exp: NOW + 34_560_001 })).toThrow('too distant "exp" claim value');
    expect(() => times({ exp: Number.MAX_SAFE_INTEGER })).toThrow('too distant "exp" claim value');
  });

  it('calls a token expired only if nothing else is wrong with it', () => {
    for (const other of [{ iat: NOW + 31 }, { nbf: NOW + 31 }, { iat: 'x' }]) {
      const thrown = outcomeOf(() => times({ exp: NOW - 60, ...other }));
      expect(thrown).toBeInstanceOf(UnacceptableClaimError);
      expect(thrown).not.toBeInstanceOf(ExpiredTokenError);
    }
  });
});

describe('numericDate', () => {
  it('is undefined for a claim that is not there', () => {
    expect([numericDate({}, 'iat'), numericDate({ iat: 0 }, 'iat')]).toEqual([undefined, 0]);
  });
});

describe('subjectOf', () => {
  it('takes 255 characters', () => {
    expect(subjectOf({ sub: 's'.repeat(255) })).toBe('s'.repeat(255));
  });
  it.each([[undefined], [''], [7], [null], [['alice']], ['s'.repeat(256)]])('refuses %j', (sub) => {
    expect(() => subjectOf({ sub })).toThrow('missing or malformed "sub" claim value');
  });
});

describe('audiencesOf', () => {
  it('reads one string or a list of strings', () => {
    expect([audiencesOf({ aud: 'a' }), audiencesOf({ aud: ['a', 'b'] })]).toEqual([['a'], ['a', 'b']]);
  });
  it.each([[undefined], [null], [7], [{}], [[]], [['a', 7]], [[['a']]]])('refuses %j', (aud) => {
    expect(() => audiencesOf({ aud })).toThrow('missing or malformed "aud" claim value');
  });
});

describe('validateAudience', () => {
  const accepted = ['web', 'https://api.example.com', 'api://web'];
  it.each([['web'], ['https://api.example.com'], ['api://web'], [['other', 'web']]])('T11 accepts %j', (aud) => {
    expect(validateAudience({ aud }, accepted)).toBe([aud].flat().at(-1));
  });
  it.each([
    ['we'],
    ['webs'],
    ['WEB'],
    ['https://api.example.com/'],
    ['https://api.example.com.evil.example'],
    ['https://api.example'],
    ['web https://api.example.com'],
    [''],
    [['other']],
  ])('T11 refuses %j', (aud) => {
    expect(() => {
      validateAudience({ aud }, accepted);
    }).toThrow('unexpected "aud" claim value');
  });
});

describe('stringClaim', () => {
  it('reads a string or nothing', () => {
    expect([stringClaim({ azp: 'a' }, 'azp'), stringClaim({}, 'azp')]).toEqual(['a', undefined]);
    expect(() => stringClaim({ azp: ['a'] }, 'azp')).toThrow('malformed "azp" claim value');
  });
});

describe('UnacceptableClaimError', () => {
  it('names the claim and never its value', () => {
    const thrown = outcomeOf(() => subjectOf({ sub: ['s3cret'] }));
    expect(thrown).toMatchObject({ name: 'UnacceptableClaimError', claim: 'sub' });
    expect((thrown as Error).stack).not.toContain('s3cret');
  });
});
