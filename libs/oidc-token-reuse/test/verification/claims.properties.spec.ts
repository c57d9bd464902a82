import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  audiencesOf,
  numericDate,
  stringClaim,
  subjectOf,
  UnacceptableClaimError,
  validateAudience,
  validateTimes,
} from '../../src/verification/claims.js';
import { outcomeOf } from '../provider/support.js';

const NOW = 1_800_000_000;
const NAMES = ['exp', 'nbf', 'iat', 'sub', 'aud', 'iss', 'sid'] as const;

/** Values that are almost right, and any other. */
const value = fc.oneof(
  fc.integer({ min: NOW - 100, max: NOW + 100 }),
  fc.constantFrom('alice', 'api', ['api'], ['api', 'other'], [], '', null, -1, 0.5, 1e308, Number.NaN),
  fc.anything(),
);
const claims = fc.dictionary(fc.constantFrom(...NAMES), value, { noNullPrototype: false });

describe('the rules for claims', () => {
  const rules = {
    times: (given: Record<string, unknown>) => validateTimes(given, { now: NOW, clockTolerance: 30 }),
    subject: subjectOf,
    audience: (given: Record<string, unknown>) => {
      validateAudience(given, ['api']);
    },
    audiences: audiencesOf,
    date: (given: Record<string, unknown>) => numericDate(given, 'iat'),
    text: (given: Record<string, unknown>) => stringClaim(given, 'sid'),
  };

  it.each(Object.keys(rules) as (keyof typeof rules)[])('accept or refuse any %s, and never fail otherwise', (name) => {
    fc.assert(
      fc.property(claims, (given) => {
        const outcome = outcomeOf(() => rules[name](given));
        return !(outcome instanceof Error) || outcome instanceof UnacceptableClaimError;
      }),
    );
  });

  it('accept exactly the times that are whole, bounded and now', () => {
    const second = fc.integer({ min: NOW - 60, max: NOW + 60 });
    const optional = fc.option(second, { nil: undefined });
    fc.assert(
      fc.property(second, optional, optional, (exp, nbf, iat) => {
        const isAccepted = exp > NOW - 30 && (nbf ?? NOW) <= NOW + 30 && (iat ?? NOW) <= NOW + 30;
        const outcome = outcomeOf(() => rules.times({ exp, nbf, iat }).expiresAt);
        expect(outcome instanceof Error ? 'refused' : outcome).toBe(isAccepted ? exp : 'refused');
      }),
    );
  });

  it('accept exactly the audiences that name one of ours as it is written', () => {
    const audience = fc.constantFrom('api', 'API', 'api/', ' api', 'web', 'other');
    fc.assert(
      fc.property(fc.oneof(audience, fc.array(audience, { maxLength: 4 })), (aud) => {
        const isOurs = [aud].flat().some((each) => each === 'api' || each === 'web');
        const outcome = outcomeOf(() => {
          validateAudience({ aud }, ['api', 'web']);
        });
        expect(outcome instanceof UnacceptableClaimError).toBe(!isOurs);
      }),
    );
  });

  it('name the claim, and never show its value', () => {
    const secret = 'a-value-that-is-nobodys-business';
    fc.assert(
      fc.property(
        fc.constantFrom(...NAMES),
        fc.constantFrom([secret, 5], { secret }, `${secret}${'x'.repeat(300)}`),
        (name, odd) => {
          for (const rule of Object.values(rules)) {
            const outcome = outcomeOf(() => rule({ exp: NOW, sub: 'alice', aud: 'api', [name]: odd }));
            expect(outcome instanceof Error ? outcome.message : '').not.toContain(secret);
          }
        },
      ),
    );
  });
});
