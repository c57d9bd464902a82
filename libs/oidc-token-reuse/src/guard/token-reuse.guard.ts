/** The guard: request -> credential -> principal -> authorised. */
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { OIDC_OPTIONS, type OidcOptions } from '../config/options.js';
import { OidcRoutes } from '../config/routes.js';
import { InvalidTokenException, UnauthorizedException } from '../errors/exceptions.js';
import { OidcException, type OidcErrorCode } from '../errors/oidc.exception.js';
import { exchangeOf } from '../http/exchange.decorator.js';
import { putHeaders } from '../http/failure-headers.js';
import { assertSameOrigin, isPageLoad, isSafeMethod } from '../http/fetch-metadata.js';
import { httpExchange, type HttpExchange } from '../http/http-exchange.js';
import { SessionService } from '../refresh/session.service.js';
import { Principal } from '../session/principal.js';
import type { Session } from '../session/session.js';
import { PresentedToken } from '../verification/presented-token.js';
import { authorize, type Requirements } from './authorization.js';
import { bearerCredential, formFault } from './credential.js';
import { HandlerRules } from './handler-rules.js';
import { PrincipalFactory, type Awaitable } from './principal.factory.js';

/**
 * The HTTP request of a context, which gets the principal as its `user`, and the response to it.
 *
 * @publicApi
 */
export interface RequestResponse {
  readonly request: { user?: unknown };
  readonly response: object;
}

interface Admission {
  readonly exchange: HttpExchange;
  readonly context: ExecutionContext;
  readonly request: RequestResponse['request'];
}

/** Failures that a new sign-in resolves. Another authentication level is none of them: the provider may not reach it, and the page would load for ever. */
const RESOLVED_BY_LOGIN: ReadonlySet<OidcErrorCode> = new Set([
  'unauthorized',
  'session_missing',
  'login_required',
  'invalid_token',
]);

/**
 * Authenticates every request by a bearer token or by the session cookie, never by both, and authorises it by the handler's decorators.
 * Global by default. Extend it and override a protected method to change a decision.
 *
 * @publicApi
 */
@Injectable()
export class TokenReuseGuard implements CanActivate {
  private readonly rules: HandlerRules;

  constructor(
    reflector: Reflector,
    @Inject(OIDC_OPTIONS) private readonly options: OidcOptions,
    private readonly sessions: SessionService,
    private readonly principals: PrincipalFactory,
    private readonly routes: OidcRoutes,
  ) {
    this.rules = new HandlerRules(reflector);
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (this.rules.of(context).access === 'public') return this.passThrough(context);
    const { request, response } = this.getRequestResponse(context);
    const admission = { context, request, exchange: httpExchange(request, response) };
    const authenticated = this.authenticated(admission.exchange);
    const isKnown = authenticated === undefined || authenticated instanceof Principal;
    return isKnown ? this.admit(authenticated, admission) : this.later(authenticated, admission);
  }

  /**
   * The request and response of a context. Override it for contexts that carry them elsewhere, such as GraphQL.
   *
   * @throws UnauthorizedException for every context that is not HTTP: without a request there is nothing to authenticate
   */
  protected getRequestResponse(context: ExecutionContext): RequestResponse {
    if (context.getType<string>() !== 'http') throw new UnauthorizedException();
    const http = context.switchToHttp();
    return { request: http.getRequest<RequestResponse['request']>(), response: http.getResponse<object>() };
  }

  /** What the handler, else its class, asks for. Override it for requirements from elsewhere. */
  protected getRequirements(context: ExecutionContext): Requirements {
    return this.rules.of(context).requirements;
  }

  /**
   * The principal of a request, or undefined when it carries no credential. A bearer token, when there is one, is the only credential that counts.
   * At once where nothing has to be waited for, a refusal too: what is thrown need not come by the promise.
   */
  protected authenticate(exchange: HttpExchange): Awaitable<Principal | undefined> {
    const credential = bearerCredential(exchange);
    if (credential === undefined) return this.fromSession(exchange);
    const token = new PresentedToken(credential);
    const tidying = this.sessions.tidy(exchange);
    return tidying === undefined ? this.fromBearer(token) : tidying.then(() => this.fromBearer(token));
  }

  /** Whether a page load without a credential is sent to the login. Override it to answer 401 there too. */
  protected shouldRedirectToLogin(exchange: HttpExchange): boolean {
    if (exchange.header('authorization') !== undefined) return false;
    return (exchange.method === 'GET' || exchange.method === 'HEAD') && isPageLoad(exchange);
  }

  /** Every response that sees too many attempts to sign in clears some: a browser that collects them is soon refused by the server. */
  private passThrough(context: ExecutionContext): boolean | Promise<boolean> {
    const exchange = exchangeOf(context);
    return (exchange === undefined ? undefined : this.sessions.tidy(exchange)?.then(() => true)) ?? true;
  }

  private fromBearer(token: PresentedToken): Awaitable<Principal> {
    return this.principals.fromKnownBearer(token) ?? this.principals.fromBearer(token);
  }

  private fromSession(exchange: HttpExchange): Awaitable<Principal | undefined> {
    if (!isSafeMethod(exchange) && this.sessions.isPresent(exchange))
      assertSameOrigin(exchange, this.options.publicUrl());
    const known = this.sessions.known(exchange);
    const principal = known && this.principals.fromKnownSession(known);
    if (known === undefined || principal === undefined) return this.fromLiveSession(exchange);
    if (!(principal instanceof Promise)) return principal;
    return principal.catch((error: unknown) => this.fromRenewed(exchange, known, error));
  }

  private async fromLiveSession(exchange: HttpExchange): Promise<Principal | undefined> {
    const session = await this.sessions.live(exchange);
    if (session === undefined) return undefined;
    try {
      return await this.principals.fromSession(session);
    } catch (error) {
      return this.fromRenewed(exchange, session, error);
    }
  }

  /** A token that was refused had its key withdrawn, or was revoked, or the provider's clock runs ahead of ours: a new one decides. */
  private async fromRenewed(exchange: HttpExchange, session: Session, refusal: unknown): Promise<Principal> {
    if (!(refusal instanceof InvalidTokenException) || this.sessions.wasJustRenewed(session)) throw refusal;
    const renewed = await this.sessions.renewed(exchange);
    if (renewed === undefined || renewed.generation === session.generation) throw refusal;
    return this.principals.fromSession(renewed);
  }

  private authenticated(exchange: HttpExchange): Awaitable<Principal | undefined> {
    try {
      return this.authenticate(exchange);
    } catch (error) {
      throw this.failure(exchange, error);
    }
  }

  /** Not by `await`, which would throw the refusal of a token once more. */
  private later(authenticated: Promise<Principal | undefined>, admission: Admission): Promise<boolean> {
    return authenticated.then(
      (principal) => this.admit(principal, admission),
      (error: unknown) => {
        throw this.failure(admission.exchange, error);
      },
    );
  }

  private admit(principal: Principal | undefined, { context, request, exchange }: Admission): boolean {
    try {
      if (principal !== undefined) {
        authorize(principal, this.getRequirements(context));
        request.user = principal;
      } else if (this.rules.of(context).access === 'protected') throw new UnauthorizedException();
      return true;
    } catch (error) {
      throw this.failure(exchange, error);
    }
  }

  private failure(exchange: HttpExchange, error: unknown): unknown {
    return error instanceof OidcException ? this.answer(exchange, formFault(exchange, error) ?? error) : error;
  }

  /** What to throw, with its headers on the response already: they do not depend on the application's exception filters. */
  private answer(exchange: HttpExchange, error: OidcException): OidcException {
    const isResolvable = this.routes.areServed && RESOLVED_BY_LOGIN.has(error.code);
    const isRedirected = isResolvable && this.shouldRedirectToLogin(exchange);
    const answer = isRedirected ? this.redirection(exchange, error) : error;
    putHeaders(exchange, answer);
    return answer;
  }

  private redirection(exchange: HttpExchange, cause: OidcException): OidcException {
    exchange.neverStore();
    return new OidcException('login_required', 302, {
      description: 'sign in to see this page',
      cause,
      headers: { Location: this.routes.loginFrom(exchange.url) },
    });
  }
}
