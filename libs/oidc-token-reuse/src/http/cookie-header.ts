/** Reads the `Cookie` request header (RFC 6265 section 5.4) without trusting it. */

/** The cookies of one request. A name that was sent twice has no value: one of the two is somebody else's. */
export class CookieJar {
  private readonly values = new Map<string, string | undefined>();

  constructor(header: string | undefined) {
    for (const pair of header?.split(';') ?? []) this.add(pair);
  }

  /** The value of a cookie that was sent exactly once. */
  get(name: string): string | undefined {
    return this.values.get(name);
  }

  /** True when a cookie of this name was sent, once or more. */
  has(name: string): boolean {
    return this.values.has(name);
  }

  /** True when a cookie of this name was sent more than once. */
  isRepeated(name: string): boolean {
    return this.values.has(name) && this.values.get(name) === undefined;
  }

  /** Names of all cookies, also of those sent twice. */
  names(): IterableIterator<string> {
    return this.values.keys();
  }

  private add(pair: string): void {
    const separator = pair.indexOf('=');
    if (separator < 1) return;
    const name = trimmed(pair.slice(0, separator));
    if (name === '') return;
    this.values.set(name, this.values.has(name) ? undefined : unquote(trimmed(pair.slice(separator + 1))));
  }
}

/** Without the white space of RFC 9110 section 5.6.3. Any other would let a sibling's `\xa0__Host-name` pass for our `__Host-name`. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhiteSpace(text[start])) start += 1;
  while (end > start && isWhiteSpace(text[end - 1])) end -= 1;
  return text.slice(start, end);
}

function isWhiteSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\t';
}

function unquote(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
