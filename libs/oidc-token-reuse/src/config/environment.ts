/** Environment variables in, options out, with the same rules as options and with the variables' names in every message. */
import { z } from 'zod';
import { OidcConfigurationException, type ConfigurationProblem } from '../errors/configuration.exception.js';
import { checkOtherVariables } from './environment-others.js';
import { VALUES } from './environment-values.js';
import { byOption, defaultPublicUrl, presentVariables, variableOf } from './environment-variables.js';
import type { OptionName } from './findings.js';
import { parseLeniently, type UncheckedOptions } from './option-shape.js';
import type { OidcModuleOptions } from './options.js';
import { checkOptions } from './resolve-options.js';

export interface EnvironmentConfiguration {
  readonly options: OidcModuleOptions;
  /** What is weaker than it could be, unknown, or without effect. */
  readonly warnings: readonly string[];
}

/**
 * Reads options from an object of environment variables; a blank value counts as absent. Names that do not concern this
 * library are ignored, unknown ones that begin with `OPENID_` are warned about. No secret is ever part of a message.
 *
 * @throws OidcConfigurationException that lists all problems at once, each under the name of its variable.
 */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>): EnvironmentConfiguration {
  const { problems, options, warnings } = inspect(environment);
  if (options === undefined) throw new OidcConfigurationException(problems);
  return { options, warnings };
}

/** `validationSchema` for ConfigModule: the rules of `readEnvironment`; every variable passes through as it is. */
export const oidcEnvironmentSchema = z.looseObject({}).superRefine((environment, context) => {
  for (const { setting, message } of inspect(environment).problems)
    context.addIssue({ code: 'custom', path: [setting], message });
});

interface Inspection {
  readonly problems: readonly ConfigurationProblem[];
  readonly warnings: readonly string[];
  /** Undefined when there is a problem. */
  readonly options: OidcModuleOptions | undefined;
}

function inspect(environment: Readonly<Record<string, unknown>>): Inspection {
  const variables = presentVariables(environment);
  const nameOf = (option: OptionName) => variableOf(option, variables);
  const others = checkOtherVariables(variables);
  const problems = [...others.problems];
  const values = parseLeniently(VALUES, byOption(variables), (option, message) => {
    problems.push({ setting: nameOf(option), message });
  });
  const publicUrl = values.publicUrl ?? defaultPublicUrl(variables);
  const checked = checkOptions({ ...values, publicUrl }, nameOf);
  problems.push(...checked.problems);
  if (problems.length > 0) return { problems: [...problems, ...others.strangers], options: undefined, warnings: [] };
  const strange = others.strangers.map(({ setting, message }) => `${setting}: ${message}`);
  return {
    problems,
    options: complete({ ...values, publicUrl }),
    warnings: [...strange, ...others.warnings, ...checked.warnings],
  };
}

/** Undefined when a required option is missing. */
function complete(values: UncheckedOptions): OidcModuleOptions | undefined {
  const { issuer, clientId, publicUrl, sessionSecrets } = values;
  if (issuer === undefined || clientId === undefined) return undefined;
  if (publicUrl === undefined || sessionSecrets === undefined) return undefined;
  return { ...values, issuer, clientId, publicUrl, sessionSecrets };
}
