/** Writes the `WWW-Authenticate` challenge of RFC 6750 section 3. */

/** Characters allowed in `error`, `error_description` and `scope` values (RFC 6750 section 3): no control, quote or backslash. */
const NOT_ALLOWED = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/g;

/** A `Bearer` challenge with the given parameters, each made safe for a quoted-string. */
export function challenge(parameters: Readonly<Record<string, string>>): string {
  let list = '';
  for (const name of Object.keys(parameters)) {
    const value = parameters[name] ?? '';
    list += `${list === '' ? ' ' : ', '}${name}="${value.replace(NOT_ALLOWED, '')}"`;
  }
  return `Bearer${list}`;
}

/** Most refusals have the words of the one before. */
let latest = { error: '', description: '', challenge: '' };

/** A `Bearer` challenge of an error and its description alone. */
export function errorChallenge(error: string, description: string): string {
  if (latest.description !== description || latest.error !== error)
    latest = { error, description, challenge: challenge({ error, error_description: description }) };
  return latest.challenge;
}
