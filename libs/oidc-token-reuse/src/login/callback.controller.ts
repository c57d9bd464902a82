/** The redirect URI: where the provider sends the browser back to. */
import { Controller, Get, Inject, Post, Redirect } from '@nestjs/common';
import { OIDC_OPTIONS, type OidcOptions } from '../config/options.js';
import { Public } from '../guard/decorators.js';
import { Exchange } from '../http/exchange.decorator.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { InvalidRequestException } from '../errors/exceptions.js';
import { LoginOutcome, type Redirection } from './login-outcome.js';
import { LoginService } from './login.service.js';

/** Served at the path of `callbackUrl`, which the module sets. */
@Controller()
@Public()
export class CallbackController {
  constructor(
    private readonly logins: LoginService,
    private readonly outcome: LoginOutcome,
    @Inject(OIDC_OPTIONS) private readonly options: OidcOptions,
  ) {}

  /** Response mode `query`: 302 to where the sign-in was started from, or to the error page. */
  @Get()
  @Redirect()
  fromQuery(@Exchange() exchange: HttpExchange): Promise<Redirection> {
    return this.complete(exchange, { mode: 'query', parameters: exchange.query });
  }

  /** Response mode `form_post` (OAuth 2.0 Form Post Response Mode section 2). */
  @Post()
  @Redirect()
  fromForm(@Exchange() exchange: HttpExchange): Promise<Redirection> {
    return this.complete(exchange, { mode: 'form_post', parameters: exchange.body });
  }

  private async complete(
    exchange: HttpExchange,
    { mode, parameters }: { readonly mode: string; readonly parameters: unknown },
  ): Promise<Redirection> {
    exchange.neverStore();
    try {
      if (mode !== this.options.responseMode)
        throw new InvalidRequestException(`the response has to come with response mode ${this.options.responseMode}`);
      const { returnTo } = await this.logins.complete(exchange, parameters);
      return { url: returnTo };
    } catch (error) {
      return this.outcome.ofFailure(exchange, error);
    }
  }
}
