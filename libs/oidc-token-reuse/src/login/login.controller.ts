/** The route that sends a page to the provider. */
import { Controller, Get, Post, Redirect } from '@nestjs/common';
import { OidcRoutes } from '../config/routes.js';
import { InvalidRequestException } from '../errors/exceptions.js';
import { challenge } from '../errors/challenge.js';
import { OidcException } from '../errors/oidc.exception.js';
import { Public } from '../guard/decorators.js';
import { Exchange } from '../http/exchange.decorator.js';
import { isFramedElsewhere, isPrefetch } from '../http/fetch-metadata.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { readParameters } from '../http/parameters.js';
import { LoginOutcome, type Redirection } from './login-outcome.js';
import { INITIATION } from './login-request.js';
import { LoginService } from './login.service.js';

@Controller()
@Public()
export class LoginController {
  constructor(
    private readonly logins: LoginService,
    private readonly outcome: LoginOutcome,
    private readonly routes: OidcRoutes,
  ) {}

  /** `GET /auth/login?returnTo=/path`: 302 to the provider; 401 for a prefetch; 503 while the provider is not known. */
  @Get('login')
  @Redirect()
  login(@Exchange() exchange: HttpExchange): Promise<Redirection> {
    refuseFrames(exchange);
    if (isPrefetch(exchange))
      throw new OidcException('prefetch_refused', 401, {
        description: 'a sign-in is not started ahead of time',
        headers: { 'WWW-Authenticate': challenge({}) },
      });
    return this.answer(exchange, async () => (await this.logins.begin(exchange)).href);
  }

  /**
   * `POST /auth/login`: another site starts a sign-in (OpenID Connect Core section 4). 303 to the same sign-in by GET: a browser keeps our cookies
   * out of another site's POST, and a sign-in has to know whose session it begins in.
   */
  @Post('login')
  @Redirect('', 303)
  initiate(@Exchange() exchange: HttpExchange): Promise<Redirection> {
    refuseFrames(exchange);
    return this.answer(exchange, () => {
      const asked = readParameters(exchange.body, INITIATION);
      if (asked.iss === undefined) throw new InvalidRequestException("parameter 'iss' is missing");
      return `${this.routes.login}?${new URLSearchParams(asked).toString()}`;
    });
  }

  private async answer(exchange: HttpExchange, urlOf: () => string | Promise<string>): Promise<Redirection> {
    try {
      return { url: await urlOf() };
    } catch (error) {
      // Nothing has begun yet: 503 says when to try again.
      if (error instanceof OidcException && error.getStatus() === 503) throw error;
      return this.outcome.ofFailure(exchange, error);
    }
  }
}

/**
 * Clickjacking (RFC 6819 section 4.4.1.9): no other site starts a sign-in where the end-user does not see it.
 *
 * @throws InvalidRequestException in a frame of another site
 */
function refuseFrames(exchange: HttpExchange): void {
  exchange.neverStore();
  exchange.setHeader('Content-Security-Policy', "frame-ancestors 'self'");
  if (isFramedElsewhere(exchange))
    throw new InvalidRequestException('a sign-in is not started in a frame of another site');
}
