import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { INEFFECTIVE_VARIABLES, KNOWN_VARIABLES } from '../../src/config/environment-names.js';
import { oidcEnvironmentSchema, readEnvironment } from '../../src/config/environment.js';
import { resolveOptions } from '../../src/config/resolve-options.js';
import { OidcConfigurationException } from '../../src/errors/configuration.exception.js';
import { ENVIRONMENT, OPTIONS, problemsOf } from './valid-options.js';

const name = fc.oneof(
  fc.constantFrom(...KNOWN_VARIABLES, ...INEFFECTIVE_VARIABLES.keys(), 'PORT', 'NODE_ENV', '__proto__', 'constructor'),
  fc.string().map((text) => `OPENID_${text}`),
  fc.string(),
);
const value = fc.oneof(
  fc.string(),
  fc.webUrl(),
  fc.constantFrom('true', 'no', '5', 'form_post', 'entra', 'https://login.microsoftonline.com/common/v2.0', undefined),
);
const environments = fc
  .tuple(fc.array(fc.tuple(name, value)), fc.boolean())
  .map(([entries, complete]) => Object.fromEntries([...(complete ? Object.entries(ENVIRONMENT) : []), ...entries]));

describe('any environment', () => {
  it('is read or refused with the one exception, and what is read resolves', () => {
    fc.assert(
      fc.property(environments, (environment) => {
        for (const { setting } of problemsOf(() => resolveOptions(readEnvironment(environment).options))) {
          expect([...KNOWN_VARIABLES, ...Object.keys(environment)]).toContain(setting);
        }
      }),
    );
  });

  it('is judged alike by the schema', () => {
    fc.assert(
      fc.property(environments, (environment) => {
        const problems = problemsOf(() => readEnvironment(environment));
        const issues = oidcEnvironmentSchema.safeParse(environment).error?.issues ?? [];
        expect(issues.map(({ path, message }) => ({ setting: path.join('.'), message }))).toEqual(problems);
      }),
    );
  });

  it('never has a value repeated in a problem', () => {
    const marked = fc
      .tuple(fc.constantFrom(...KNOWN_VARIABLES), fc.string())
      .map(([key, text]) => [key, `S3cr3t${text}`]);
    fc.assert(
      fc.property(fc.array(marked, { minLength: 1 }), (entries) => {
        const environment = { ...ENVIRONMENT, ...Object.fromEntries(entries) };
        const problems = problemsOf(() => readEnvironment(environment));
        expect(new OidcConfigurationException(problems).message).not.toContain('S3cr3t');
      }),
    );
  });
});

describe('any value', () => {
  const toleranceOf = (text: string) => readEnvironment({ ...ENVIRONMENT, OPENID_MAX_AGE: text }).options.maxAge;

  it('of an integer is its digits or a refusal', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (number) => expect(toleranceOf(String(number))).toBe(number)));
    const other = fc.string().filter((text) => text.trim() !== '' && !/^\d+$/.test(text.trim()));
    fc.assert(fc.property(other, (text) => expect(() => toleranceOf(text)).toThrow(OidcConfigurationException)));
  });

  it('of a boolean is one of eight words or a refusal', () => {
    const words = ['true', '1', 'yes', 'on', 'false', '0', 'no', 'off'];
    const other = fc.string().filter((text) => text.trim() !== '' && !words.includes(text.trim().toLowerCase()));
    fc.assert(
      fc.property(other, (text) => {
        expect(() => readEnvironment({ ...ENVIRONMENT, OPENID_REUSE_TOKENS: text })).toThrow(
          OidcConfigurationException,
        );
      }),
    );
  });

  it('of an option is accepted or refused with the one exception', () => {
    const names = fc.constantFrom(...Object.keys(resolveOptions(OPTIONS)), 'audience', 'callbackUrl', '__proto__');
    fc.assert(
      fc.property(names, fc.anything(), (option, anything) => {
        problemsOf(() => resolveOptions({ ...OPTIONS, ...Object.fromEntries([[option, anything]]) }));
      }),
      { numRuns: 1000 },
    );
  });
});
