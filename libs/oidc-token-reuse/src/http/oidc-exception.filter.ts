/** Answers the failures of this library, wherever in the application they were thrown. */
import { Catch, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { OidcException } from '../errors/oidc.exception.js';
import { putHeaders } from './failure-headers.js';
import { httpExchange } from './http-exchange.js';

/**
 * Answers as Nest does, with `WWW-Authenticate`, `Retry-After` and the like added. Catches this library's exceptions only, and answers HTTP only:
 * for other contexts it handles nothing, so that Nest rejects the call as it does without a filter.
 */
@Catch(OidcException)
export class OidcExceptionFilter extends BaseExceptionFilter<OidcException> {
  override catch(exception: OidcException, host: ArgumentsHost): void {
    if (host.getType() !== 'http') return;
    const http = host.switchToHttp();
    putHeaders(httpExchange(http.getRequest<object>(), http.getResponse<object>()), exception);
    super.catch(exception, host);
  }
}
