/** The guard: request -> credential -> principal -> authorised. */
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { OIDC_OPTIONS, type OidcOptions } from '../config/options.js';
import { OidcRoutes } from '../config/routes.js';
import { InvalidTokenException, UnauthorizedException } from '../errors/exceptions.js';
import { OidcException } from '../errors/oidc.exception.js';
import { exchangeOf } from '../http/exchange.decorator.js';
import { assertSameOrigin, isPageLoad, isSafeMethod } from '../http/fetch-metadata.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { SessionService } from '../refresh/session.service.js';
import type { Principal } from '../session/principal.js';
import { authorize, type Requirements } from './authorization.js';
import { bearerToken } from './credential.js';
import { ACR, OPTIONAL, PUBLIC, ROLES, SCOPES } from './decorators.js';
import { PrincipalFactory } from './principal.factory.js';

/**
 * Authenticates every request by a bearer token or by the session cookie, never by both, and authorises it by the handler's decorators.
 * Global by default. Extend it and override a protected method to change a decision.
 *
 * @publicApi
 */
@Injectable()
export class TokenReuseGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    @Inject(OIDC_OPTIONS) private readonly options: OidcOptions,
    private readonly sessions: SessionService,
    private readonly principals: PrincipalFactory,
    private readonly routes: OidcRoutes,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.metadata<boolean>(context, PUBLIC) === true) return true;
    const exchange = this.getExchange(context);
    try {
      await this.admit(context, exchange);
      return true;
    } catch (error) {
      if (error instanceof OidcException) this.answer(exchange, error);
      throw error;
    }
  }

  /**
   * The request and response of a context. Override it for contexts that carry them elsewhere, such as GraphQL.
   *
   * @throws UnauthorizedException for every context that is not HTTP: without an exchange there is nothing to authenticate
   */
  protected getExchange(context: ExecutionContext): HttpExchange {
    if (context.getType<string>() !== 'http') throw new UnauthorizedException();
    return exchangeOf(context);
  }

  /** What the handler, else its class, asks for. Override it for requirements from elsewhere. */
  protected getRequirements(context: ExecutionContext): Requirements {
    return {
      scopes: this.metadata<readonly string[]>(context, SCOPES) ?? [],
      roles: this.metadata<readonly string[]>(context, ROLES) ?? [],
      acrValues: this.metadata<readonly string[]>(context, ACR) ?? [],
    };
  }

  /**
   * The principal of a request, or undefined when it carries no credential. A bearer token, when there is one, is the only credential that counts.
   */
  protected async authenticate(exchange: HttpExchange): Promise<Principal | undefined> {
    const token = bearerToken(exchange);
    return token === undefined ? this.fromSession(exchange) : this.principals.fromBearer(token);
  }

  /** Whether a page load without a credential is sent to the login. Override it to answer 401 there too. */
  protected shouldRedirectToLogin(exchange: HttpExchange): boolean {
    const isRead = exchange.method === 'GET' || exchange.method === 'HEAD';
    return isRead && exchange.header('authorization') === undefined && isPageLoad(exchange);
  }

  private async admit(context: ExecutionContext, exchange: HttpExchange): Promise<void> {
    const principal = await this.authenticate(exchange);
    if (principal !== undefined) {
      authorize(principal, this.getRequirements(context));
      context.switchToHttp().getRequest<{ user?: unknown }>().user = principal;
      return;
    }
    if (this.metadata<boolean>(context, OPTIONAL) !== true) throw new UnauthorizedException();
  }

  private async fromSession(exchange: HttpExchange): Promise<Principal | undefined> {
    if (!isSafeMethod(exchange) && this.sessions.isPresent(exchange))
      assertSameOrigin(exchange, this.options.publicUrl());
    const session = await this.sessions.live(exchange);
    if (session === undefined) return undefined;
    try {
      return await this.principals.fromSession(session);
    } catch (error) {
      if (!(error instanceof InvalidTokenException)) throw error;
      // Its key was withdrawn, or the provider's clock runs ahead of ours: a new token decides.
      const renewed = await this.sessions.renewed(exchange);
      if (renewed === undefined || renewed.generation === session.generation) throw error;
      return this.principals.fromSession(renewed);
    }
  }

  /** Puts what belongs to a failure on the response here, so that it does not depend on the application's exception filters. */
  private answer(exchange: HttpExchange, error: OidcException): void {
    if (error.getStatus() === 401 && this.shouldRedirectToLogin(exchange)) throw this.redirectToLogin(exchange, error);
    for (const [name, value] of Object.entries(error.headers)) exchange.setHeader(name, value);
  }

  private redirectToLogin(exchange: HttpExchange, cause: OidcException): OidcException {
    const location = `${this.routes.login}?returnTo=${encodeURIComponent(exchange.url)}`;
    exchange.setHeader('Location', location);
    return new OidcException('login_required', 302, {
      description: 'sign in to see this page',
      cause,
      headers: { Location: location },
    });
  }

  private metadata<Value>(context: ExecutionContext, key: symbol): Value | undefined {
    return this.reflector.getAllAndOverride<Value | undefined>(key, [context.getHandler(), context.getClass()]);
  }
}
