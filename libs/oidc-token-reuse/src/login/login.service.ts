/** Signs end-users in: begins attempts, completes them, and decides what becomes of the browser's session. */
import type { Clock } from '../clock.js';
import { ForbiddenException, LoginFailedException } from '../errors/exceptions.js';
import { OidcException } from '../errors/oidc.exception.js';
import type { PrincipalFactory } from '../guard/principal.factory.js';
import type { CookieWriter } from '../http/cookie-writer.js';
import type { HttpExchange } from '../http/http-exchange.js';
import type { OidcEvents } from '../observability/events.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import type { SessionService } from '../refresh/session.service.js';
import { withoutTokens, type Session } from '../session/session.js';
import { sessionDigest } from '../session/tombstones.js';
import { newSeed, shortDigest, type Transaction } from '../session/transaction.js';
import { readAuthorizationResponse } from './authorization-response.js';
import { readLoginRequest } from './login-request.js';
import type { OidcStrategy } from './oidc.strategy.js';

export interface LoginServiceDependencies {
  readonly provider: OpenIdProvider;
  readonly strategy: OidcStrategy;
  readonly sessions: SessionService;
  readonly principals: PrincipalFactory;
  readonly cookies: CookieWriter;
  readonly clock: Clock;
  readonly events: OidcEvents;
}

/** Says for a few seconds that a sign-in has just been completed: a new one right after it means that the browser kept no session. */
const COMPLETED_COOKIE = 'oidc.completed';
const COMPLETED_SECONDS = 10;

export interface CompletedLogin {
  readonly returnTo: string;
}

export class LoginService {
  constructor(private readonly dependencies: LoginServiceDependencies) {}

  /**
   * The URL of the authorization request for a page that wants to sign in.
   *
   * @throws LoginFailedException `session_not_stored`; InvalidRequestException; ProviderUnavailableException while the provider is not known
   */
  async begin(exchange: HttpExchange): Promise<URL> {
    const { provider, strategy, events } = this.dependencies;
    exchange.neverStore();
    const current = await this.dependencies.sessions.peek(exchange);
    if (current === undefined) this.assertSessionsAreStored(exchange);
    const request = readLoginRequest(exchange.query, provider.options);
    const metadata = await provider.metadata.get();
    const transaction = this.transaction(request, current);
    const url = await strategy.begin({ exchange, transaction, parameters: request.parameters, metadata });
    events.emit({ type: 'login.started', issuer: provider.issuer });
    return provider.client.authorizationUrl(Object.fromEntries(url.searchParams));
  }

  /**
   * Completes an attempt: the session is on the response, and any session the browser had is signed out.
   *
   * @throws OidcException of every kind that `docs/errors.md` lists for the callback
   */
  async complete(exchange: HttpExchange, parameters: unknown): Promise<CompletedLogin> {
    const { strategy, sessions, cookies, provider, events } = this.dependencies;
    exchange.neverStore();
    const current = await sessions.peek(exchange);
    const { session, transaction } = await strategy.complete({
      exchange,
      response: readAuthorizationResponse(parameters),
    });
    assertSameEndUser({ session, transaction, current });
    await this.admit(session);
    await sessions.begin(exchange, provider.options.reuseTokens ? session : withoutTokens(session, provider.options));
    cookies.set(exchange, this.completedCookie, { value: '1', maxAge: COMPLETED_SECONDS });
    events.emit({ type: 'login.succeeded', ...about(session) });
    return { returnTo: transaction.returnTo };
  }

  /** Reports a sign-in that did not complete. */
  failed(error: OidcException): void {
    const { events, provider } = this.dependencies;
    events.emit({ type: 'login.failed', issuer: provider.issuer, code: error.code, reason: error.message });
  }

  private get completedCookie(): string {
    return this.dependencies.cookies.nameOf(COMPLETED_COOKIE);
  }

  private transaction(
    { maxAge, returnTo }: Pick<Transaction, 'maxAge' | 'returnTo'>,
    current: Session | undefined,
  ): Transaction {
    const { provider, clock } = this.dependencies;
    const signedInAs = current === undefined ? new Uint8Array() : identityOf(current);
    return {
      seed: newSeed(),
      startedAt: clock.millis(),
      issuer: shortDigest(provider.issuer),
      signedInAs,
      maxAge,
      returnTo,
    };
  }

  private assertSessionsAreStored(exchange: HttpExchange): void {
    if (exchange.cookies.get(this.completedCookie) === undefined) return;
    this.dependencies.cookies.clear(exchange, this.completedCookie);
    throw new LoginFailedException(
      'session_not_stored',
      400,
      'the browser did not keep the session cookies; their size or the connection (https) forbids it',
    );
  }

  /** The application's policy, asked before there is a session. */
  private async admit(session: Session): Promise<void> {
    const { principals, provider } = this.dependencies;
    try {
      const principal = await principals.fromSession(session);
      if (provider.options.reuseTokens && principal.verifiedAccessToken === undefined) this.warnNotVerifiable(session);
    } catch (error) {
      if (error instanceof OidcException) throw error;
      throw new LoginFailedException('access_denied', 403, 'this application does not admit the end-user', error);
    }
  }

  private warnNotVerifiable(session: Session): void {
    const reason =
      'the access token is opaque or for another API: it is not verified here, and scope checks and on-behalf-of refuse it (OPENID_AUDIENCE, OPENID_SCOPE)';
    this.dependencies.events.emit({ type: 'token.not_verifiable', ...about(session), reason });
  }
}

/** An attempt that began in one end-user's session must not end as another's, nor inside another's session (RFC 9700 section 4.7). */
function assertSameEndUser({
  session,
  transaction,
  current,
}: {
  session: Session;
  transaction: Transaction;
  current: Session | undefined;
}): void {
  const { signedInAs } = transaction;
  if (signedInAs.length === 0) return;
  const others = current === undefined ? [session] : [session, current];
  if (others.every((other) => Buffer.from(signedInAs).equals(identityOf(other)))) return;
  throw new ForbiddenException('session_conflict', 'another end-user has signed in meanwhile; sign out first');
}

function identityOf({ issuer, subject }: Session): Uint8Array {
  return shortDigest(issuer, subject);
}

function about(session: Session): { readonly issuer: string; readonly subject: string; readonly session: string } {
  return { issuer: session.issuer, subject: session.subject, session: sessionDigest(session) };
}
