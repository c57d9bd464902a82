/** Where a sign-in that failed ends, unless the application has a page of its own. */
import { Controller, Get, Header } from '@nestjs/common';
import { OidcRoutes } from '../config/routes.js';
import { ERROR_CODES } from '../errors/oidc.exception.js';
import { Public } from '../guard/decorators.js';
import { Exchange } from '../http/exchange.decorator.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { readParameters } from '../http/parameters.js';

@Controller()
@Public()
export class ErrorController {
  constructor(private readonly routes: OidcRoutes) {}

  /** `GET /auth/error?error=CODE`: a page without scripts. Only codes of the closed list are shown. */
  @Get('error')
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'")
  @Header('Cache-Control', 'no-store')
  page(@Exchange() exchange: HttpExchange): string {
    const { error } = readParameters(exchange.query, ['error']);
    const code = ERROR_CODES.find((known) => known === error) ?? 'unknown';
    return [
      '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
      '<title>Sign-in failed</title></head><body><main><h1>Sign-in failed</h1>',
      `<p>Code: <code>${code}</code></p><p><a href="${this.routes.login}">Try again</a></p></main></body></html>`,
    ].join('');
  }
}
