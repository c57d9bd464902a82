/** Puts the headers of a failure on the response, wherever in the application it was thrown. */
import { Catch, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { OidcException } from '../errors/oidc.exception.js';
import { httpExchange } from './http-exchange.js';

/** Answers as Nest does, with `WWW-Authenticate`, `Retry-After` and the like added. Catches this library's exceptions only. */
@Catch(OidcException)
export class OidcExceptionFilter extends BaseExceptionFilter<OidcException> {
  override catch(exception: OidcException, host: ArgumentsHost): void {
    if (host.getType() === 'http') {
      const http = host.switchToHttp();
      const exchange = httpExchange(http.getRequest<object>(), http.getResponse<object>());
      for (const [name, value] of Object.entries(exception.headers)) exchange.setHeader(name, value);
    }
    super.catch(exception, host);
  }
}
