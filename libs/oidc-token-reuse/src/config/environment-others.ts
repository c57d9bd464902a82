/** The variables that are not options: mistyped, of another product, or without a choice. */
import type { ConfigurationProblem } from '../errors/configuration.exception.js';
import { INEFFECTIVE_VARIABLES, KNOWN_VARIABLES, NONCE_VARIABLE, VARIABLES } from './environment-names.js';
import { booleanText } from './environment-values.js';
import type { Variables } from './environment-variables.js';
import { nearestName } from './nearest-name.js';

interface OtherFindings {
  readonly problems: readonly ConfigurationProblem[];
  readonly warnings: readonly string[];
}

export function checkOtherVariables(variables: Variables): OtherFindings {
  const nonce = checkNonce(variables);
  return {
    problems: [...contradictions(variables), ...nonce.problems],
    warnings: [...strangers(variables), ...nonce.warnings, ...inProduction(variables)],
  };
}

/** Two spellings of one variable that disagree. */
function contradictions(variables: Variables): readonly ConfigurationProblem[] {
  return Object.values(VARIABLES).flatMap((spellings) => {
    const [one, other] = spellings.filter((name) => variables.has(name));
    if (one === undefined || other === undefined || variables.get(one) === variables.get(other)) return [];
    return [{ setting: one, message: `differs from ${other}, which is the same setting; remove one of the two` }];
  });
}

function checkNonce(variables: Variables): OtherFindings {
  const { error, data } = booleanText.safeParse(variables.get(NONCE_VARIABLE) ?? 'true');
  return {
    problems: (error?.issues ?? []).map(({ message }) => ({ setting: NONCE_VARIABLE, message })),
    warnings: data === false ? [`${NONCE_VARIABLE}: false has no effect; the nonce is always sent and checked`] : [],
  };
}

function strangers(variables: Variables): readonly string[] {
  return [...variables.keys()]
    .filter((name) => /^OPENID_/i.test(name) && !KNOWN_VARIABLES.includes(name))
    .map((name) => {
      const replacement = INEFFECTIVE_VARIABLES.get(name);
      if (replacement !== undefined) return `${name}: has no effect here; ${replacement}`;
      return `${name}: is not known and has no effect; the nearest known name is ${nearestName(name.toUpperCase(), KNOWN_VARIABLES)}`;
    });
}

function inProduction(variables: Variables): readonly string[] {
  if (variables.get('NODE_ENV') !== 'production' || variables.has('PUBLIC_URL')) return [];
  return ['PUBLIC_URL: is not set in production; browsers are sent to localhost'];
}
