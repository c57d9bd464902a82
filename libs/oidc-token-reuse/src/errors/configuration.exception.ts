/** Misconfiguration: one start-up error that lists every problem. */

export interface ConfigurationProblem {
  /** Name of the setting as the reader wrote it: an option or an environment variable. */
  readonly setting: string;
  /** What is wrong, and what to write instead. Never the value of a secret. */
  readonly message: string;
}

/**
 * Thrown at start-up. Its message lists all problems, one per line.
 *
 * @publicApi
 */
export class OidcConfigurationException extends Error {
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    const lines = problems.map(({ setting, message }) => `  ${setting}: ${message}`);
    super(`The OpenID Connect configuration has ${String(problems.length)} problem(s):\n${lines.join('\n')}`);
    this.name = 'OidcConfigurationException';
    this.problems = problems;
  }
}
