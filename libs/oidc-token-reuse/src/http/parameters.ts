/** Reads query and form parameters: every value is one string, or the request is malformed (RFC 6749 section 3.1). */
import { InvalidRequestException } from '../errors/exceptions.js';

const MAX_VALUE_LENGTH = 8192;

/**
 * The named parameters that are present. Other parameters are ignored.
 *
 * @throws InvalidRequestException when a named parameter is repeated, nested or longer than 8192 characters
 */
export function readParameters<Name extends string>(
  source: unknown,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const result: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = readParameter(source, name);
    if (value === undefined) continue;
    if (value.length > MAX_VALUE_LENGTH) throw new InvalidRequestException(`parameter '${name}' is too long`);
    result[name] = value;
  }
  return result;
}

/**
 * One parameter of any length, for callers with a limit of their own; undefined when it is absent.
 *
 * @throws InvalidRequestException when it is repeated or nested
 */
export function readParameter(source: unknown, name: string): string | undefined {
  if (typeof source !== 'object' || source === null) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(source, name)?.value;
  if (value === undefined || typeof value === 'string') return value;
  throw new InvalidRequestException(`parameter '${name}' has to be sent once, as one string`);
}
