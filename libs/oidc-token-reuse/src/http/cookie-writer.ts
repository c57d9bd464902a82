/** The one place that writes `Set-Cookie`: attributes and prefix are decided once and mirrored when a cookie is cleared. */
import type { HttpExchange } from './http-exchange.js';

/** Browsers drop a cookie whose name, value and attributes together exceed this many bytes (RFC 6265bis section 5.6). */
export const MAX_COOKIE_BYTES = 4096;

export interface CookiePolicy {
  /** Origin that browsers use. Read at the first cookie, since it may be known late. */
  readonly publicUrl: () => string;
  /** `None` where the provider posts back across sites; a browser accepts it over https only. */
  readonly crossSite: boolean;
}

/**
 * Writes host-only, HttpOnly cookies for the whole origin (RFC 6265bis section 4.1.3.2, `__Host-`). On plain http, which is accepted on loopback
 * only, the prefix and `Secure` are left out: browsers would refuse both.
 */
export class CookieWriter {
  constructor(private readonly policy: CookiePolicy) {}

  /** The full name of a cookie, prefixed where the connection allows it. */
  nameOf(name: string): string {
    return this.isSecure ? `__Host-${name}` : name;
  }

  /** Sets a cookie for `maxAge` seconds. `name` is the full name. */
  set(
    exchange: HttpExchange,
    name: string,
    { value, maxAge }: { readonly value: string; readonly maxAge: number },
  ): void {
    exchange.setCookie(name, `${name}=${value}; Max-Age=${String(maxAge)}; ${this.mirrored()}`);
  }

  /** Removes a cookie from the browser, with the attributes it was set with. `name` is the full name. */
  clear(exchange: HttpExchange, name: string): void {
    exchange.setCookie(name, `${name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ${this.mirrored()}`);
  }

  private get isSecure(): boolean {
    return this.policy.publicUrl().startsWith('https:');
  }

  private mirrored(): string {
    const sameSite = this.policy.crossSite && this.isSecure ? 'None' : 'Lax';
    return `Path=/; HttpOnly; SameSite=${sameSite}${this.isSecure ? '; Secure' : ''}`;
  }
}
