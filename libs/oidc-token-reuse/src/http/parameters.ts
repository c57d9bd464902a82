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
  if (typeof source !== 'object' || source === null) return result;
  for (const name of names) {
    const value: unknown = Object.getOwnPropertyDescriptor(source, name)?.value;
    if (value === undefined) continue;
    if (typeof value !== 'string' || value.length > MAX_VALUE_LENGTH) {
      throw new InvalidRequestException(`parameter '${name}' has to be sent once, as one short string`);
    }
    result[name] = value;
  }
  return result;
}
