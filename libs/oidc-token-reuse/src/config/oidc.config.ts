/** The only reader of the process's environment: options for ConfigModule and for `OidcModule.forRootAsync`. */
import { registerAs } from '@nestjs/config';
import { readEnvironment } from './environment.js';
import type { OidcModuleOptions } from './options.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Options from the process's environment, read when ConfigModule loads them.
 *
 * @example
 * ConfigModule.forRoot({ load: [oidcConfig] }), OidcModule.forRootAsync(oidcConfig.asProvider())
 * @throws OidcConfigurationException that lists all problems at once.
 * @publicApi
 */
export const oidcConfig = registerAs('oidc', () => optionsFrom(process.env));

/**
 * The same for an application that makes its own environment object.
 *
 * @throws OidcConfigurationException that lists all problems at once.
 * @publicApi
 */
export function createOidcConfig(environment: Environment) {
  return registerAs('oidc', () => optionsFrom(environment));
}

function optionsFrom(environment: Environment): OidcModuleOptions {
  const { options, warnings } = readEnvironment(environment);
  return { ...options, warnings };
}
