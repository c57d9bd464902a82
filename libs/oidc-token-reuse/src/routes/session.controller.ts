/** The route by which a page learns who is signed in and for how long. */
import { randomBytes } from 'node:crypto';
import { Controller, Get, Inject } from '@nestjs/common';
import { Clock } from '../clock.js';
import { OIDC_OPTIONS, type Custody as CustodyKind, type OidcOptions } from '../config/options.js';
import { CoordinationUnavailableException } from '../errors/exceptions.js';
import type { OidcErrorCode } from '../errors/oidc.exception.js';
import { Public } from '../guard/decorators.js';
import { Exchange } from '../http/exchange.decorator.js';
import type { HttpExchange } from '../http/http-exchange.js';
import type { JsonObject } from '../provider/json.js';
import { SessionService } from '../refresh/session.service.js';
import { identityClaims, type Session } from '../session/session.js';

interface Lifetime {
  readonly issued_at: number | null;
  readonly expires_at: number | null;
}

type SessionView = { readonly authenticated: false } | AuthenticatedView | UnknownView;

/** Nobody can tell now: neither is this end-user signed out, nor is anybody known to be signed in. */
interface UnknownView {
  readonly authenticated: null;
  readonly error: OidcErrorCode;
  /** Seconds. */
  readonly retry_after: number;
}

/** Times are epoch seconds. */
interface AuthenticatedView {
  readonly authenticated: true;
  readonly claims: JsonObject;
  readonly now: number;
  readonly expires_at: number;
  readonly session_expires_at: number;
  /** When the provider was last asked: at login, or for a refresh. */
  readonly last_refresh_at: number;
  readonly custody: CustodyKind;
  /** The process that answered. */
  readonly instance: string;
  readonly tokens: {
    readonly access?: Lifetime;
    readonly id: Lifetime;
    readonly refresh?: { readonly expires_at: number | null };
  };
}

@Controller()
@Public()
export class SessionController {
  private readonly instance = randomBytes(4).toString('hex');

  constructor(
    private readonly sessions: SessionService,
    private readonly clock: Clock,
    @Inject(OIDC_OPTIONS) private readonly options: OidcOptions,
  ) {}

  /**
   * `GET /auth/session`: 200 always. Asking prolongs nothing, refreshes nothing and shows no token. `authenticated` is null while the store of the
   * sessions is away.
   */
  @Get('session')
  async session(@Exchange() exchange: HttpExchange): Promise<SessionView> {
    exchange.neverStore();
    try {
      const session = await this.sessions.peek(exchange);
      return session === undefined ? { authenticated: false } : this.view(session);
    } catch (error) {
      if (!(error instanceof CoordinationUnavailableException)) throw error;
      return { authenticated: null, error: error.code, retry_after: error.retryAfter };
    }
  }

  private view(session: Session): AuthenticatedView {
    const { tokens, claims } = session;
    const sessionExpiresAt = this.sessions.expiresAt(session);
    return {
      authenticated: true,
      claims: identityClaims(claims),
      now: this.clock.now(),
      expires_at: Math.min(tokens.expiresAt, sessionExpiresAt),
      session_expires_at: sessionExpiresAt,
      last_refresh_at: tokens.issuedAt,
      custody: this.options.custody,
      instance: this.instance,
      tokens: {
        ...(tokens.accessToken === undefined
          ? {}
          : { access: { issued_at: tokens.issuedAt, expires_at: tokens.expiresAt } }),
        id: { issued_at: seconds(claims['iat']), expires_at: seconds(claims['exp']) },
        ...(tokens.refreshToken === undefined ? {} : { refresh: { expires_at: tokens.refreshExpiresAt ?? null } }),
      },
    };
  }
}

function seconds(value: unknown): number | null {
  return typeof value === 'number' ? Math.floor(value) : null;
}
