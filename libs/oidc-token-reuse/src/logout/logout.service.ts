/** Signs end-users out: here, in every request still in flight, at the provider's tokens, and at the provider itself. */
import { CoordinationUnavailableException } from '../errors/exceptions.js';
import type { OidcEvents } from '../observability/events.js';
import { reasonOf } from '../observability/reason.js';
import type { HttpExchange } from '../http/http-exchange.js';
import type { OnBehalfOfService } from '../on-behalf-of/on-behalf-of.service.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import { ProviderRefusal } from '../provider/provider-refusal.js';
import type { SessionService } from '../refresh/session.service.js';
import type { Session } from '../session/session.js';
import { sessionDigest } from '../session/tombstones.js';
import { logoutUrl } from './logout-url.js';

export interface LogoutServiceDependencies {
  readonly provider: OpenIdProvider;
  readonly sessions: SessionService;
  readonly onBehalfOf: OnBehalfOfService;
  readonly events: OidcEvents;
}

export interface Logout {
  /** Where the browser goes to end its session at the provider too, or null. */
  readonly redirect: string | null;
  /** False while other instances are not told that the session has ended. */
  readonly isComplete: boolean;
}

/** Milliseconds a logout waits for the revocation, which then goes on behind it. */
const REVOCATION_PATIENCE_MS = 2000;

export class LogoutService {
  constructor(private readonly dependencies: LogoutServiceDependencies) {}

  /**
   * Ends the request's session, however old it is; without one it does nothing and says so in the same way. While the shared store is away the session
   * leaves this browser, and the rest follows when the store is back.
   */
  async logout(exchange: HttpExchange, state: string | undefined): Promise<Logout> {
    const { session, isComplete } = await this.end(exchange);
    if (session !== undefined) await this.withdraw(session);
    const { client, options } = this.dependencies.provider;
    const redirect = options.useEndSessionEndpoint ? logoutUrl(session, state, { client, options }) : null;
    return { redirect, isComplete };
  }

  private async end(
    exchange: HttpExchange,
  ): Promise<{ readonly session: Session | undefined; readonly isComplete: boolean }> {
    const { sessions } = this.dependencies;
    let session: Session | undefined;
    try {
      session = await sessions.carriedNewest(exchange);
    } catch (error) {
      if (!(error instanceof CoordinationUnavailableException)) throw error;
      sessions.endLater(exchange, (kept) => this.withdraw(kept));
      return { session: undefined, isComplete: false };
    }
    return { session, isComplete: await sessions.end(exchange, session) };
  }

  private async withdraw(session: Session): Promise<void> {
    const { onBehalfOf, events } = this.dependencies;
    const { issuer, subject } = session;
    await onBehalfOf.forget(session);
    const revoked = await withPatience(this.revoke(session));
    events.emit({ type: 'logout', issuer, subject, session: sessionDigest(session), revoked });
  }

  /**
   * Revokes the grant by its refresh token, else the access token (RFC 7009 section 2.1), after a renewal that is under way: its tokens are the ones
   * that live. A failure ends nothing, the session is over here.
   */
  private async revoke(session: Session): Promise<boolean> {
    const { client } = this.dependencies.provider;
    try {
      const { refreshToken, accessToken } = (await this.dependencies.sessions.settled(session)).tokens;
      if (refreshToken !== undefined) return await client.revoke(refreshToken.reveal(), 'refresh_token');
      return accessToken !== undefined && (await client.revoke(accessToken.reveal(), 'access_token'));
    } catch (error) {
      // A provider need not revoke access tokens that it does not look up (RFC 7009 section 2.2.1).
      if (error instanceof ProviderRefusal && error.error === 'unsupported_token_type') return false;
      const { issuer, subject } = session;
      this.dependencies.events.emit({ type: 'revocation.failed', issuer, subject, reason: reasonOf(error) });
      return false;
    }
  }
}

async function withPatience(revocation: Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => {
      resolve(false);
    }, REVOCATION_PATIENCE_MS);
  });
  const revoked = await Promise.race([revocation, patience]);
  clearTimeout(timer);
  return revoked;
}
