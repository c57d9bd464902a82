/** What a request says of its origin and purpose: Fetch Metadata headers first, older headers only in their absence. */
import { ForbiddenException } from '../errors/exceptions.js';
import type { HttpExchange } from './http-exchange.js';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** True when a browser loads a page; `Accept` decides only when `Sec-Fetch-Mode` is absent. */
export function isPageLoad(exchange: HttpExchange): boolean {
  const mode = exchange.header('sec-fetch-mode');
  if (mode !== undefined) return mode === 'navigate';
  return exchange.header('accept')?.includes('text/html') === true;
}

/** True when a browser fetches ahead of a click that may never come. */
export function isPrefetch(exchange: HttpExchange): boolean {
  return ['sec-purpose', 'purpose', 'x-moz'].some((name) => exchange.header(name)?.includes('prefetch') === true);
}

const FRAMES: ReadonlySet<string | undefined> = new Set(['iframe', 'frame', 'embed', 'object', 'fencedframe']);

/** True when the request fills a frame in a page of another origin, where the end-user does not see whose page it is. */
export function isFramedElsewhere(exchange: HttpExchange): boolean {
  return FRAMES.has(exchange.header('sec-fetch-dest')) && exchange.header('sec-fetch-site') !== 'same-origin';
}

/** True for methods that change nothing (RFC 9110 section 9.2.1). */
export function isSafeMethod(exchange: HttpExchange): boolean {
  return SAFE_METHODS.has(exchange.method);
}

/**
 * Proves that a request authenticated by a cookie was made by our own page: `Sec-Fetch-Site` is `same-origin`, or in its absence `Origin` is ours.
 * Neither `same-site` (a sibling sub-domain) nor `none` will do.
 *
 * @throws ForbiddenException `csrf`
 */
export function assertSameOrigin(exchange: HttpExchange, origin: string): void {
  const site = exchange.header('sec-fetch-site');
  if (site === undefined ? exchange.header('origin') === origin : site === 'same-origin') return;
  throw new ForbiddenException('csrf', 'this request has to come from a page of this origin');
}
