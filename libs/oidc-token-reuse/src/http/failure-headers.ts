/** Puts the headers of a failure on the response, as soon as the exchange is at hand: an application's own exception filter keeps them. */
import type { OidcException } from '../errors/oidc.exception.js';
import type { HttpExchange } from './http-exchange.js';

/** `WWW-Authenticate`, `Retry-After`, `Location` and the like; nothing once the response is on its way. */
export function putHeaders(exchange: HttpExchange, { headers }: OidcException): void {
  if (exchange.isAnswered) return;
  for (const name of Object.keys(headers)) exchange.setHeader(name, headers[name] ?? '');
}
