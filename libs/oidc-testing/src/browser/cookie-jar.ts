/** Keeps cookies the way browsers do (RFC 6265bis). */

/** A cookie as stored. */
export interface StoredCookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  /** Whether only the exact host that set it gets it. */
  readonly hostOnly: boolean;
  readonly path: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: 'strict' | 'lax' | 'none';
  /** Epoch milliseconds; `Infinity` for a session cookie. */
  readonly expires: number;
}

/** The request that cookies are wanted for. */
export interface CookieContext {
  /** Whether the request comes from another site than its target. */
  crossSite: boolean;
  /** Whether it is a top-level navigation with a safe method. */
  safeNavigation: boolean;
}

/** What {@link CookieJar.snapshot} gives. */
export type JarSnapshot = readonly StoredCookie[];

const sameSiteContext: CookieContext = { crossSite: false, safeNavigation: true };
const maxPairLength = 4096;

/**
 * A cookie jar. Respects host (ports are ignored), path, `Domain`, `Secure`, `Expires`, `Max-Age`, `SameSite`, the
 * prefixes `__Host-` and `__Secure-` and the limit of 4096 bytes; cookies without `SameSite` count as `Lax`. Does not
 * know public suffixes.
 */
export class CookieJar {
  #cookies = new Map<string, StoredCookie>();

  /** Takes one `Set-Cookie` header of a response from `url`. Cookies a browser would refuse are ignored. */
  store(setCookie: string, url: string | URL): void {
    const origin = new URL(url);
    const cookie = parseSetCookie(setCookie, origin);
    if (!cookie || !isAcceptable(cookie, origin)) return;
    const key = `${cookie.name};${cookie.domain};${cookie.path}`;
    if (cookie.expires <= Date.now()) this.#cookies.delete(key);
    else this.#cookies.set(key, cookie);
  }

  /** The live cookies that a request to `url` carries, longest path first. */
  matching(url: string | URL, context: CookieContext = sameSiteContext): StoredCookie[] {
    const target = new URL(url);
    return [...this.#cookies.values()]
      .filter((cookie) => cookie.expires > Date.now())
      .filter((cookie) => hostMatches(cookie, target.hostname) && pathMatches(cookie.path, target.pathname))
      .filter((cookie) => !cookie.secure || target.protocol === 'https:')
      .filter((cookie) => siteMatches(cookie, context))
      .sort((a, b) => b.path.length - a.path.length);
  }

  /** The `Cookie` header for a request to `url`; empty when it carries none. */
  header(url: string | URL, context: CookieContext = sameSiteContext): string {
    return this.matching(url, context)
      .map(({ name, value }) => (name === '' ? value : `${name}=${value}`))
      .join('; ');
  }

  /** All live cookies, to be put back later with {@link CookieJar.restore}. */
  snapshot(): JarSnapshot {
    return [...this.#cookies.values()];
  }

  /** Puts back exactly the cookies of a snapshot: what came since is forgotten. */
  restore(snapshot: JarSnapshot): void {
    this.#cookies = new Map(snapshot.map((cookie) => [`${cookie.name};${cookie.domain};${cookie.path}`, cookie]));
  }

  /** Removes cookies by name, or all of them. */
  clear(name?: string): void {
    for (const [key, cookie] of this.#cookies) {
      if (name === undefined || cookie.name === name) this.#cookies.delete(key);
    }
  }
}

function parseSetCookie(header: string, origin: URL): StoredCookie | undefined {
  const [pair = '', ...attributes] = header.split(';');
  const separator = pair.indexOf('=');
  const name = pair.slice(0, Math.max(separator, 0)).trim();
  const value = pair.slice(separator + 1).trim();
  if (name.length + value.length > maxPairLength || (name === '' && value === '')) return undefined;
  const given = new Map(attributes.map((attribute) => splitAttribute(attribute)));
  const domain = given.get('domain')?.replace(/^\./, '').toLowerCase() ?? '';
  const path = given.get('path') ?? '';
  return {
    name,
    value,
    domain: domain === '' ? origin.hostname : domain,
    hostOnly: domain === '',
    path: path.startsWith('/') ? path : defaultPath(origin.pathname),
    secure: given.has('secure'),
    httpOnly: given.has('httponly'),
    sameSite: sameSiteOf(given.get('samesite')),
    expires: expiryOf(given),
  };
}

function splitAttribute(attribute: string): [name: string, value: string] {
  const separator = attribute.indexOf('=');
  if (separator < 0) return [attribute.trim().toLowerCase(), ''];
  return [attribute.slice(0, separator).trim().toLowerCase(), attribute.slice(separator + 1).trim()];
}

function sameSiteOf(value: string | undefined): StoredCookie['sameSite'] {
  const lower = value?.toLowerCase();
  return lower === 'strict' || lower === 'none' ? lower : 'lax';
}

function expiryOf(attributes: Map<string, string>): number {
  const maxAge = attributes.get('max-age');
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge))
    return Number(maxAge) <= 0 ? 0 : Date.now() + Number(maxAge) * 1000;
  const expires = Date.parse(attributes.get('expires') ?? '');
  return Number.isNaN(expires) ? Infinity : expires;
}

function isAcceptable(cookie: StoredCookie, origin: URL): boolean {
  if (!hostMatches({ ...cookie, hostOnly: false }, origin.hostname)) return false;
  if (cookie.secure && origin.protocol !== 'https:') return false;
  if (cookie.sameSite === 'none' && !cookie.secure) return false;
  if (cookie.name.startsWith('__Secure-')) return cookie.secure;
  return !cookie.name.startsWith('__Host-') || (cookie.secure && cookie.hostOnly && cookie.path === '/');
}

function hostMatches(cookie: StoredCookie, host: string): boolean {
  if (cookie.domain === host) return true;
  return !cookie.hostOnly && host.endsWith(`.${cookie.domain}`) && !/^[\d.]+$/.test(host);
}

function pathMatches(cookiePath: string, path: string): boolean {
  if (cookiePath === path) return true;
  return path.startsWith(cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`);
}

function siteMatches({ sameSite }: StoredCookie, { crossSite, safeNavigation }: CookieContext): boolean {
  if (!crossSite || sameSite === 'none') return true;
  return sameSite === 'lax' && safeNavigation;
}

function defaultPath(path: string): string {
  const end = path.lastIndexOf('/');
  return end <= 0 ? '/' : path.slice(0, end);
}
