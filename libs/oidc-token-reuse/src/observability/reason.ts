/** Says why something failed in words that are safe to log: our own, and codes and names, never a value that came from outside. */
import { types } from 'node:util';
import { OidcException } from '../errors/oidc.exception.js';

const SAFE = /^[\w .:'"()/-]{1,200}$/;

/** An error whose message is made of our own words, so that it may be logged. */
export class ReportableError extends Error {}

/** The chain of an error and its causes, such as `the OpenID Provider did not answer < TypeError < Error ECONNREFUSED`. */
export function reasonOf(error: unknown): string {
  const parts: string[] = [];
  let current = error;
  for (let depth = 0; depth < 4 && types.isNativeError(current); depth += 1) {
    parts.push(describe(current));
    current = current.cause;
  }
  return parts.length === 0 ? typeof error : parts.join(' < ');
}

function describe(error: Error): string {
  if (error instanceof OidcException || error instanceof ReportableError) return error.message;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const name = nameOf(error);
  return code !== undefined && SAFE.test(code) ? `${name} ${code}` : name;
}

/** Many libraries name the class of an error and leave its `name` as it is. */
function nameOf({ name, constructor }: Error): string {
  return name === 'Error' && constructor.name !== '' ? constructor.name : name;
}
