/** The route that sends a page to the provider. */
import { Controller, Get, Redirect } from '@nestjs/common';
import { OidcException } from '../errors/oidc.exception.js';
import { Public } from '../guard/decorators.js';
import { Exchange } from '../http/exchange.decorator.js';
import { isPrefetch } from '../http/fetch-metadata.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { LoginOutcome, type Redirection } from './login-outcome.js';
import { LoginService } from './login.service.js';

@Controller()
@Public()
export class LoginController {
  constructor(
    private readonly logins: LoginService,
    private readonly outcome: LoginOutcome,
  ) {}

  /** `GET /auth/login?returnTo=/path`: 302 to the provider; 401 for a prefetch; 503 while the provider is not known. */
  @Get('login')
  @Redirect()
  async login(@Exchange() exchange: HttpExchange): Promise<Redirection> {
    exchange.neverStore();
    if (isPrefetch(exchange))
      throw new OidcException('prefetch_refused', 401, { description: 'a sign-in is not started ahead of time' });
    try {
      return { url: (await this.logins.begin(exchange)).href };
    } catch (error) {
      // Nothing has begun yet: 503 says when to try again.
      if (error instanceof OidcException && error.getStatus() === 503) throw error;
      return this.outcome.ofFailure(exchange, error);
    }
  }
}
