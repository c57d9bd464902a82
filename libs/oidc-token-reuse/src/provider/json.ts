/** Parses JSON that came from outside: bounded in depth, without repeated members, always an object. */

const MAX_DEPTH = 20;

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Parses a JSON object.
 *
 * @throws SyntaxError when the text is no JSON object, is nested more than 20 deep, or names a member of the object twice
 *   (RFC 8259 section 4 leaves the meaning of that open, RFC 7519 section 4 forbids it for claims)
 */
export function parseJsonObject(text: string): JsonObject {
  assertShallowAndUnique(text);
  const value: unknown = JSON.parse(text);
  if (!isJsonObject(value)) throw new SyntaxError('not a JSON object');
  return value;
}

/** One pass over the text: counts brackets outside strings and remembers the member names of the outermost object. */
function assertShallowAndUnique(text: string): void {
  const names = new Set<string>();
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charCodeAt(index);
    if (character === QUOTE) {
      const end = endOfString(text, index);
      if (depth === 1 && isMemberName(text, end)) addUnique(names, text.slice(index, end + 1));
      index = end;
    } else if (character === OPEN_BRACE || character === OPEN_BRACKET) {
      depth += 1;
      if (depth > MAX_DEPTH) throw new SyntaxError('JSON is nested too deeply');
    } else if (character === CLOSE_BRACE || character === CLOSE_BRACKET) depth -= 1;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text.charCodeAt(index) !== QUOTE) index += text.charCodeAt(index) === BACKSLASH ? 2 : 1;
  return index;
}

function isMemberName(text: string, end: number): boolean {
  let index = end + 1;
  while (index < text.length && text.charCodeAt(index) <= 0x20) index += 1;
  return text.charCodeAt(index) === COLON;
}

function addUnique(names: Set<string>, quoted: string): void {
  const name: unknown = JSON.parse(quoted);
  if (typeof name !== 'string' || name === '__proto__' || names.has(name))
    throw new SyntaxError('a JSON member is repeated or not allowed');
  names.add(name);
}
