/** Finds the bearer token of a request (RFC 6750 section 2.1). The header only: never the query, never the body. */
import { InvalidRequestException } from '../errors/exceptions.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { MalformedTokenError } from '../verification/jws.js';

/** The scheme alone, by the characters that a scheme may have (RFC 9110 sections 5.6.2 and 11.1). */
const BEARER_SCHEME = /^bearer(?![\w!#$%&'*+.^`|~-])/i;
const SCHEME_LENGTH = 'bearer'.length;
/** As almost everybody writes it. */
const USUAL = 'Bearer ';
/** One `b64token` (RFC 6750 section 2.1). */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * What follows the scheme, or undefined when the request has no bearer token; other authentication schemes are ignored. Its form is not looked at: a
 * token that is accepted has the right one, and `formFault` tells of the others.
 *
 * @throws InvalidRequestException for a repeated header
 */
export function bearerCredential(exchange: HttpExchange): string | undefined {
  const header = exchange.header('authorization')?.trim();
  if (header === undefined) return undefined;
  if (exchange.countHeader('authorization') > 1)
    throw new InvalidRequestException('the Authorization header was sent more than once');
  if (header.startsWith(USUAL) && header[USUAL.length] !== ' ') return header.slice(USUAL.length);
  if (!BEARER_SCHEME.test(header)) return undefined;
  let start = SCHEME_LENGTH;
  while (header[start] === ' ') start += 1;
  return start > SCHEME_LENGTH ? header.slice(start) : '';
}

/** What to tell of a credential that was refused because it is no token at all; undefined when it is one, or was refused for something else. */
export function formFault(exchange: HttpExchange, refusal: Error): InvalidRequestException | undefined {
  if (!(refusal.cause instanceof MalformedTokenError)) return undefined;
  const credential = bearerCredential(exchange);
  if (credential === undefined || TOKEN.test(credential)) return undefined;
  return new InvalidRequestException('the Authorization header holds no bearer token', refusal);
}
