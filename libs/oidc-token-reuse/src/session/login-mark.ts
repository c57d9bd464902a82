/** Notices a browser that keeps no session: it has just signed in, and comes back to do it again. */
import type { CookieWriter } from '../http/cookie-writer.js';
import type { HttpExchange } from '../http/http-exchange.js';

const COOKIE = 'oidc.completed';
const LIFETIME = 10;

/** A cookie that says for ten seconds that a sign-in was completed. */
export class LoginMark {
  constructor(private readonly cookies: CookieWriter) {}

  set(exchange: HttpExchange): void {
    this.cookies.set(exchange, this.name, { value: '1', maxAge: LIFETIME });
  }

  /** True when a sign-in was just completed; the next time it is false. */
  take(exchange: HttpExchange): boolean {
    if (!exchange.cookies.has(this.name)) return false;
    this.cookies.clear(exchange, this.name);
    return true;
  }

  private get name(): string {
    return this.cookies.nameOf(COOKIE);
  }
}
