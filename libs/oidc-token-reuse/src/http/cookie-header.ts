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

  /** Names of all cookies, also of those sent twice. */
  names(): IterableIterator<string> {
    return this.values.keys();
  }

  private add(pair: string): void {
    const separator = pair.indexOf('=');
    if (separator < 1) return;
    const name = pair.slice(0, separator).trim();
    if (name === '') return;
    this.values.set(name, this.values.has(name) ? undefined : unquote(pair.slice(separator + 1).trim()));
  }
}

function unquote(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
