/** Parses JSON that came from outside: bounded in depth, without repeated members, always an object. */
import { ReportableError } from '../observability/reason.js';

const MAX_DEPTH = 20;
/** Characters up to which a text is parsed before it is looked at: no presented token has more. */
const MAX_PARSED_FIRST = 16_384;

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return isObject(value) && !Array.isArray(value);
}

/** True for a list of nothing but strings. Not by `every`, which V8 runs slowly for what is frozen. */
export function isStringList(value: unknown): value is readonly string[] {
  if (!Array.isArray(value)) return false;
  for (const element of value) if (typeof element !== 'string') return false;
  return true;
}

/** The same object, which nobody can change any more, nor anything inside it. */
export function deepFrozen<Value extends object>(value: Value): Readonly<Value> {
  for (const member of Object.values(value)) if (isObject(member)) deepFrozen(member);
  return Object.freeze(value);
}

/** A document that is not what it should be. The message names the rule and quotes nothing. */
export class MalformedDocumentError extends ReportableError {
  override readonly name = 'MalformedDocumentError';
}

/**
 * Parses a JSON object, which is frozen with all that is in it. The text is not quoted by what is thrown: it may hold tokens.
 *
 * @throws MalformedDocumentError when the text is no JSON object, is nested more than 20 deep, has an object with a repeated member (RFC 8259 section 4
 *   leaves the meaning of that open, RFC 7519 section 4 forbids it for claims), or a member `__proto__`
 */
export function parseJsonObject(text: string): JsonObject {
  const isParsedFirst = text.length <= MAX_PARSED_FIRST;
  if (!isParsedFirst) assertShallowAndUnique(text);
  const value = parsed(text);
  const count = isObject(value) ? frozenMembers(value, MAX_DEPTH) : 0;
  if (isParsedFirst && count !== writtenMembers(text)) assertShallowAndUnique(text);
  if (!isJsonObject(value)) throw new MalformedDocumentError('not a JSON object');
  return value;
}

/**
 * Colons behind a quote or white space: as many as the members that a text writes, or more, since strings may hold some too. A value that has as many
 * members has lost none to a repeated name. Most tokens are told to be good so, in half the time that it takes to look at each character.
 */
function writtenMembers(text: string): number {
  let count = 0;
  for (let colon = text.indexOf(':'); colon >= 0; colon = text.indexOf(':', colon + 1)) {
    const before = text.charCodeAt(colon - 1);
    if (before === QUOTE || before <= SPACE) count += 1;
  }
  return count;
}

/** Freezes an object and all that is in it. Returns the members of all its objects; -1 for one that is too deep or has a forbidden name. */
function frozenMembers(value: object, depth: number): number {
  if (depth === 0 || Object.hasOwn(value, '__proto__')) return -1;
  const count = Array.isArray(value) ? membersOfElements(value, depth - 1) : membersOf(value as JsonObject, depth - 1);
  Object.freeze(value);
  return count;
}

function membersOfElements(elements: readonly unknown[], depth: number): number {
  let count = 0;
  for (const element of elements) {
    const inside = isObject(element) ? frozenMembers(element, depth) : 0;
    if (inside < 0) return -1;
    count += inside;
  }
  return count;
}

function membersOf(value: JsonObject, depth: number): number {
  let count = 0;
  for (const name of Object.keys(value)) {
    const member = value[name];
    const inside = isObject(member) ? frozenMembers(member, depth) : 0;
    if (inside < 0) return -1;
    count += inside + 1;
  }
  return count;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The message of this error holds a piece of the text.
    throw new MalformedDocumentError('not JSON');
  }
}

/** One pass over the text: counts brackets outside strings and remembers the member names of each object that is open. */
function assertShallowAndUnique(text: string): void {
  const open: Set<string>[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charCodeAt(index);
    if (character === QUOTE) {
      const end = endOfString(text, index);
      if (isMemberName(text, end)) addUnique(open.at(-1), text.slice(index, end + 1));
      index = end;
    } else if (character === OPEN_BRACE || character === OPEN_BRACKET) {
      if (open.push(new Set()) > MAX_DEPTH) throw new MalformedDocumentError('JSON is nested too deeply');
    } else if (character === CLOSE_BRACE || character === CLOSE_BRACKET) open.pop();
  }
}

const SPACE = 0x20;
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
  while (text.charCodeAt(index) <= SPACE) index += 1;
  return text.charCodeAt(index) === COLON;
}

function addUnique(names: Set<string> | undefined, quoted: string): void {
  const name = quoted.includes('\\') ? String(parsed(quoted)) : quoted.slice(1, -1);
  if (name === '__proto__' || names?.has(name) === true)
    throw new MalformedDocumentError('a JSON member is repeated or not allowed');
  names?.add(name);
}
