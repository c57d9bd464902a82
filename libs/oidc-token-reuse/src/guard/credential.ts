/** Finds the bearer token of a request (RFC 6750 section 2.1). The header only: never the query, never the body. */
import { InvalidRequestException } from '../errors/exceptions.js';
import type { HttpExchange } from '../http/http-exchange.js';

/** The scheme alone, by the characters that a scheme may have (RFC 9110 sections 5.6.2 and 11.1). */
const BEARER_SCHEME = /^bearer(?![\w!#$%&'*+.^`|~-])/i;
/** The whole value: the scheme, spaces and one `b64token` (RFC 6750 section 2.1). */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/**
 * The bearer token, or undefined when the request has none; other authentication schemes are ignored.
 *
 * @throws InvalidRequestException for a repeated or malformed header
 */
export function bearerToken(exchange: HttpExchange): string | undefined {
  const header = exchange.header('authorization')?.trim();
  if (header === undefined) return undefined;
  if (exchange.countHeader('authorization') > 1)
    throw new InvalidRequestException('the Authorization header was sent more than once');
  if (!BEARER_SCHEME.test(header)) return undefined;
  const token = BEARER.exec(header)?.[1];
  if (token === undefined) throw new InvalidRequestException('the Authorization header holds no bearer token');
  return token;
}
