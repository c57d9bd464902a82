/** The route by which a page renews its session. */
import { Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { OIDC_OPTIONS, type OidcOptions } from '../config/options.js';
import { LoginRequiredException } from '../errors/exceptions.js';
import { Public } from '../guard/decorators.js';
import { PrincipalFactory } from '../guard/principal.factory.js';
import { Exchange } from '../http/exchange.decorator.js';
import { assertSameOrigin } from '../http/fetch-metadata.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { SessionService } from '../refresh/session.service.js';
import type { Session } from '../session/session.js';

interface Refreshed {
  readonly authenticated: true;
  /** Epoch seconds. */
  readonly expires_at: number;
  readonly access_token?: string;
  readonly token_type?: 'Bearer';
}

@Controller()
@Public()
export class RefreshController {
  constructor(
    private readonly sessions: SessionService,
    private readonly principals: PrincipalFactory,
    @Inject(OIDC_OPTIONS) private readonly options: OidcOptions,
  ) {}

  /**
   * `POST /auth/refresh`: 200 with the new end of the access token; 401 `session_missing` or `login_required`; 403 when policy refuses the
   * end-user; 503 with the session kept when the provider cannot answer. The access token itself only with `exposeAccessToken`.
   */
  @Post('refresh')
  @HttpCode(200)
  async refresh(@Exchange() exchange: HttpExchange): Promise<Refreshed> {
    exchange.neverStore();
    if (!this.sessions.isPresent(exchange)) throw missing();
    assertSameOrigin(exchange, this.options.publicUrl());
    const session = await this.sessions.renewed(exchange);
    if (session === undefined) throw missing();
    await this.principals.fromSession(session);
    return {
      authenticated: true,
      expires_at: Math.min(session.tokens.expiresAt, this.sessions.expiresAt(session)),
      ...this.exposed(session),
    };
  }

  private exposed({ tokens }: Session): Pick<Refreshed, 'access_token' | 'token_type'> {
    const { reusedToken, exposeAccessToken } = this.options;
    const token = reusedToken === 'id_token' ? tokens.idToken : tokens.accessToken;
    return exposeAccessToken && token !== undefined ? { access_token: token.reveal(), token_type: 'Bearer' } : {};
  }
}

function missing(): LoginRequiredException {
  return new LoginRequiredException('session_missing', 'there is no session; sign in first');
}
