/** Signs end-users in: begins attempts, completes them, and decides what becomes of the browser's session. */
import { HttpException } from '@nestjs/common';
import type { Clock } from '../clock.js';
import {
  ForbiddenException,
  InvalidRequestException,
  InvalidTokenException,
  LoginFailedException,
} from '../errors/exceptions.js';
import { OidcException } from '../errors/oidc.exception.js';
import type { PrincipalFactory } from '../guard/principal.factory.js';
import type { HttpExchange } from '../http/http-exchange.js';
import type { OidcEvents } from '../observability/events.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import { ProviderRefusal } from '../provider/provider-refusal.js';
import type { SessionService } from '../refresh/session.service.js';
import type { LoginMark } from '../session/login-mark.js';
import { withoutTokens, type Session } from '../session/session.js';
import { sessionDigest } from '../session/tombstones.js';
import { mayEndAs, type Transaction } from '../session/transaction.js';
import type { TransactionCookies } from '../session/transaction.cookies.js';
import { isOwnIssuer } from '../verification/issuer.js';
import { readAuthorizationResponse } from './authorization-response.js';
import { readLoginRequest } from './login-request.js';
import type { OidcStrategy } from './oidc.strategy.js';
import { safeReturnTo } from './return-to.js';

export interface LoginServiceDependencies {
  readonly provider: OpenIdProvider;
  readonly strategy: OidcStrategy;
  readonly transactions: TransactionCookies;
  readonly sessions: SessionService;
  readonly principals: PrincipalFactory;
  readonly loginMark: LoginMark;
  readonly clock: Clock;
  readonly events: OidcEvents;
}

export interface CompletedLogin {
  readonly returnTo: string;
}

export class LoginService {
  constructor(private readonly dependencies: LoginServiceDependencies) {}

  /**
   * The URL of the authorization request for a page that wants to sign in. The attempt is in a cookie on the response, and nowhere else.
   *
   * @throws LoginFailedException `session_not_stored`, `configuration`, and `provider_rejected` when a pushed request is refused
   * @throws InvalidRequestException; ProviderUnavailableException while the provider is not known
   */
  async begin(exchange: HttpExchange): Promise<URL> {
    const { provider, strategy, transactions, sessions, clock, events } = this.dependencies;
    exchange.neverStore();
    const current = await sessions.peek(exchange);
    if (current === undefined) await this.assertSessionsAreStored(exchange);
    const { parameters, iss, ...request } = readLoginRequest(exchange.query, provider.options);
    if (iss !== undefined) await this.assertOwn(iss);
    const { issuer } = provider;
    const transaction = transactions.draft(exchange, { ...request, issuer, current, startedAt: clock.millis() });
    const url = await this.authorizationUrl(await strategy.begin({ transaction, parameters }));
    await transactions.begin(exchange, transaction);
    events.emit({ type: 'login.started', issuer });
    return url;
  }

  /**
   * Completes an attempt: the session is on the response, and any session the browser had is signed out.
   *
   * @throws OidcException of every kind that `docs/errors.md` lists for the callback
   */
  async complete(exchange: HttpExchange, parameters: unknown): Promise<CompletedLogin> {
    const { strategy, transactions, sessions, loginMark, provider, events } = this.dependencies;
    exchange.neverStore();
    const response = readAuthorizationResponse(parameters);
    const transaction = await transactions.take(exchange, response.state);
    assertMayEndAs(transaction, await sessions.peek(exchange));
    const session = await strategy.complete({ transaction, response });
    assertMayEndAs(transaction, session);
    await this.admit(session);
    const kept = provider.options.reuseTokens ? session : withoutTokens(session, provider.options);
    await sessions.begin(exchange, kept, transaction.startedIn?.id);
    loginMark.set(exchange);
    events.emit({ type: 'login.succeeded', ...about(session) });
    return { returnTo: safeReturnTo(transaction.returnTo) };
  }

  /** Reports a sign-in that did not complete. */
  failed(error: OidcException): void {
    const { events, provider } = this.dependencies;
    events.emit({ type: 'login.failed', issuer: provider.issuer, code: error.code, reason: error.message });
  }

  /** OpenID Connect Core section 4: the provider that another site names has to be ours. */
  private async assertOwn(iss: string): Promise<void> {
    const { metadata, options } = this.dependencies.provider;
    const { issuer } = await metadata.get();
    if (!isOwnIssuer(iss, issuer, options)) throw new InvalidRequestException("parameter 'iss' is not the issuer");
  }

  /** A session that came back and has ended since is no reason to doubt the browser. */
  private async assertSessionsAreStored(exchange: HttpExchange): Promise<void> {
    const { loginMark, sessions } = this.dependencies;
    if (!loginMark.take(exchange) || (await sessions.cameBack(exchange))) return;
    throw new LoginFailedException(
      'session_not_stored',
      400,
      'the browser did not keep the session cookies; their size or the connection (https) forbids it',
    );
  }

  private async authorizationUrl(parameters: Readonly<Record<string, string>>): Promise<URL> {
    const { client, metadata, options } = this.dependencies.provider;
    const { pushed_authorization_request_endpoint: endpoint } = await metadata.get();
    if (options.usePar === true && endpoint === undefined)
      throw new LoginFailedException(
        'configuration',
        502,
        'the OpenID Provider has no endpoint for pushed authorization requests; leave OPENID_USE_PAR out',
      );
    try {
      return await client.authorizationUrl(parameters);
    } catch (error) {
      if (!(error instanceof ProviderRefusal)) throw error;
      const reason = `the OpenID Provider refused the pushed authorization request with "${error.error}"`;
      throw new LoginFailedException('provider_rejected', 502, reason, error);
    }
  }

  /** The application's policy, asked before there is a session. */
  private async admit(session: Session): Promise<void> {
    const { principals, provider } = this.dependencies;
    try {
      const principal = await principals.fromSession(session);
      if (provider.options.reuseTokens && principal.verifiedAccessToken === undefined) this.warnNotVerifiable(session);
    } catch (error) {
      throw notAdmitted(error);
    }
  }

  private warnNotVerifiable(session: Session): void {
    const reason =
      'the access token is opaque or for another API: it is not verified here, and scope checks and on-behalf-of refuse it (OPENID_AUDIENCE, OPENID_SCOPE)';
    this.dependencies.events.emit({ type: 'token.not_verifiable', ...about(session), reason });
  }
}

/** An attempt that began in one end-user's session must not end as another's, nor inside another's session (RFC 9700 section 4.7). */
function assertMayEndAs(transaction: Transaction, session: Session | undefined): void {
  if (session === undefined || mayEndAs(transaction, session)) return;
  throw new ForbiddenException('session_conflict', 'another end-user has signed in meanwhile; sign out first');
}

/** A refusal of the application's own hook is a failed login; what is out of order there stays what it is. */
function notAdmitted(error: unknown): unknown {
  if (error instanceof InvalidTokenException)
    return new LoginFailedException(error.code, 502, `the access token is not acceptable: ${error.message}`, error);
  if (error instanceof OidcException || !(error instanceof HttpException) || error.getStatus() >= 500) return error;
  return new LoginFailedException('access_denied', 403, 'this application does not admit the end-user', error);
}

function about(session: Session): { readonly issuer: string; readonly subject: string; readonly session: string } {
  return { issuer: session.issuer, subject: session.subject, session: sessionDigest(session) };
}
