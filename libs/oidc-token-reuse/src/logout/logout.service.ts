/** Signs end-users out: here, in every request still in flight, at the provider's tokens, and at the provider itself. */
import type { OidcEvents } from '../observability/events.js';
import { reasonOf } from '../observability/reason.js';
import type { HttpExchange } from '../http/http-exchange.js';
import type { OnBehalfOfService } from '../on-behalf-of/on-behalf-of.service.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
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

/** Milliseconds a logout waits for the revocation, which then goes on behind it. */
const REVOCATION_PATIENCE_MS = 2000;

export class LogoutService {
  constructor(private readonly dependencies: LogoutServiceDependencies) {}

  /**
   * Ends the request's session, however old it is; without one it does nothing and says so in the same way.
   *
   * @returns where the browser goes to end its session at the provider, or null
   */
  async logout(exchange: HttpExchange, state: string | undefined): Promise<string | null> {
    const { sessions, provider } = this.dependencies;
    const session = await sessions.carriedNewest(exchange);
    await sessions.end(exchange, session);
    if (session !== undefined) await this.withdraw(session);
    if (!provider.options.useEndSessionEndpoint) return null;
    return logoutUrl(session, state, { client: provider.client, options: provider.options });
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
