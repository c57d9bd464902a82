/** The one environment of the application: the process's own, with `.env` behind it. */
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The process's variables, and those of a `.env` file that it does not set. */
export function readProcessEnvironment(file = '.env'): Environment {
  const content = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return { ...parseEnv(content), ...process.env };
}

/** A variable that is set to nothing is not set. */
export function withoutBlanks(environment: Environment): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
}

export function isProduction(environment: Environment): boolean {
  return environment['NODE_ENV'] === 'production';
}

/** Whether it is left to the application to have an OpenID Provider. */
export function needsDevelopmentProvider(environment: Environment): boolean {
  return environment['OPENID_ISSUER'] === undefined && !isProduction(environment);
}
