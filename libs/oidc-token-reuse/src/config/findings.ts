/** Collects what is wrong and what is weak about a configuration while it is checked. */
import type { ConfigurationProblem } from '../errors/configuration.exception.js';
import { VARIABLES } from './environment-names.js';
import type { OidcModuleOptions } from './options.js';

export type OptionName = keyof OidcModuleOptions;

/** How the reader of a message wrote the option: by its own name or by its environment variable. */
export type NameOf = (option: OptionName) => string;

export interface Findings {
  readonly problems: readonly ConfigurationProblem[];
  readonly warnings: readonly string[];
  readonly nameOf: NameOf;
  readonly problem: (option: OptionName, message: string) => void;
  readonly warn: (option: OptionName, message: string) => void;
}

export function createFindings(nameOf: NameOf): Findings {
  const problems: ConfigurationProblem[] = [];
  const warnings: string[] = [];
  return {
    problems,
    warnings,
    nameOf,
    problem(option, message) {
      const setting = nameOf(option);
      if (problems.some((known) => known.setting === setting && known.message === message)) return;
      problems.push({ setting, message });
    },
    // Both names: the same warning comes from the environment and from the options, and is logged once.
    warn(option, message) {
      warnings.push(`${[option, ...VARIABLES[option].slice(0, 1)].join(' / ')}: ${message}`);
    },
  };
}
