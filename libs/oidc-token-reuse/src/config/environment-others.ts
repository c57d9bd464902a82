/** The variables that are not options: mistyped, of another product, not built yet, or without a choice. */
import type { ConfigurationProblem } from '../errors/configuration.exception.js';
import {
  INEFFECTIVE_VARIABLES,
  KNOWN_VARIABLES,
  NONCE_VARIABLE,
  NOT_YET_VARIABLES,
  VARIABLES,
} from './environment-names.js';
import { booleanText } from './environment-values.js';
import type { Variables } from './environment-variables.js';
import { nearestName } from './nearest-name.js';

interface OtherFindings {
  readonly problems: readonly ConfigurationProblem[];
  readonly warnings: readonly string[];
}

/** Strangers are no problem by themselves; where something is missing, they may be what was meant. */
export function checkOtherVariables(
  variables: Variables,
): OtherFindings & { readonly strangers: readonly ConfigurationProblem[] } {
  const nonce = checkNonce(variables);
  return {
    problems: [...contradictions(variables), ...notYet(variables), ...nonce.problems],
    warnings: [...nonce.warnings, ...inProduction(variables)],
    strangers: strangers(variables),
  };
}

/** Two spellings of one variable that disagree. */
function contradictions(variables: Variables): readonly ConfigurationProblem[] {
  return Object.values(VARIABLES).flatMap((spellings) => {
    const [one, other] = spellings.filter((name) => variables.has(name));
    if (one === undefined || other === undefined || meaningOf(variables.get(one)) === meaningOf(variables.get(other)))
      return [];
    return [{ setting: one, message: `differs from ${other}, which is the same setting; remove one of the two` }];
  });
}

/** `TRUE` and `yes` are one value of a flag, and no other setting with two spellings can be written like a flag. */
function meaningOf(text: string | undefined): string | boolean | undefined {
  const { data } = booleanText.safeParse(text);
  return data ?? text;
}

function notYet(variables: Variables): readonly ConfigurationProblem[] {
  const message = 'is not available in this version; remove it and set OPENID_CLIENT_SECRET';
  return NOT_YET_VARIABLES.filter((name) => variables.has(name)).map((setting) => ({ setting, message }));
}

function checkNonce(variables: Variables): OtherFindings {
  const { error, data } = booleanText.safeParse(variables.get(NONCE_VARIABLE) ?? 'true');
  return {
    problems: (error?.issues ?? []).map(({ message }) => ({ setting: NONCE_VARIABLE, message })),
    warnings: data === false ? [`${NONCE_VARIABLE}: false has no effect; the nonce is always sent and checked`] : [],
  };
}

function strangers(variables: Variables): readonly ConfigurationProblem[] {
  return [...variables.keys()]
    .filter((name) => /^OPENID_/i.test(name) && !KNOWN_VARIABLES.includes(name))
    .map((setting) => ({ setting, message: whatIsStrange(setting) }));
}

function whatIsStrange(name: string): string {
  const replacement = INEFFECTIVE_VARIABLES.get(name);
  if (replacement !== undefined) return `has no effect here; ${replacement}`;
  return `is not known and has no effect; the nearest known name is ${nearestName(name.toUpperCase(), KNOWN_VARIABLES)}`;
}

function inProduction(variables: Variables): readonly string[] {
  if (variables.get('NODE_ENV') !== 'production' || variables.has('PUBLIC_URL')) return [];
  return ['PUBLIC_URL: is not set in production; browsers are sent to localhost'];
}
