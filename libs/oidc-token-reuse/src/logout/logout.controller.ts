/** The route that signs out. */
import { Controller, Inject, Post } from '@nestjs/common';
import { OIDC_OPTIONS, type OidcOptions } from '../config/options.js';
import { InvalidRequestException } from '../errors/exceptions.js';
import { Public } from '../guard/decorators.js';
import { Exchange } from '../http/exchange.decorator.js';
import { assertSameOrigin, isPageLoad } from '../http/fetch-metadata.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { readParameters } from '../http/parameters.js';
import { SessionService } from '../refresh/session.service.js';
import { LogoutService } from './logout.service.js';

interface LoggedOut {
  /** Where the browser goes next to end its session at the provider too. */
  readonly redirect: string | null;
  /** This browser is signed out; copies of its session, and its tokens, are so only when the shared store is back. */
  readonly pending?: true;
}

@Controller()
@Public()
export class LogoutController {
  constructor(
    private readonly logouts: LogoutService,
    private readonly sessions: SessionService,
    @Inject(OIDC_OPTIONS) private readonly options: OidcOptions,
  ) {}

  /**
   * `POST /auth/logout`: 303 for a page load, else 200 `{"redirect":URL or null}`. Works with an expired session, and twice. While the shared store is
   * away: 202 with `"pending":true`.
   * `post_logout_redirect_uri`, when sent, has to be the configured one; `state` goes to the provider and comes back with the browser.
   */
  @Post('logout')
  async logout(@Exchange() exchange: HttpExchange): Promise<LoggedOut | undefined> {
    exchange.neverStore();
    if (this.sessions.isPresent(exchange)) assertSameOrigin(exchange, this.options.publicUrl());
    const { redirect, isComplete } = await this.logouts.logout(exchange, this.readState(exchange));
    if (!isPageLoad(exchange)) {
      exchange.setStatus(isComplete ? 200 : 202);
      return isComplete ? { redirect } : { redirect, pending: true };
    }
    exchange.setHeader('Location', redirect ?? this.options.postLogoutRedirectUri());
    exchange.setStatus(303);
    return undefined;
  }

  private readState(exchange: HttpExchange): string | undefined {
    const { state, post_logout_redirect_uri: target } = readParameters(exchange.body, [
      'state',
      'post_logout_redirect_uri',
    ]);
    if (target !== undefined && target !== this.options.postLogoutRedirectUri()) {
      throw new InvalidRequestException("parameter 'post_logout_redirect_uri' is not the configured one");
    }
    return state;
  }
}
