/** Ends sessions when the provider says so: by its own request behind the scenes, or through the browser. */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Coordinator } from '../coordination/coordinator.js';
import { CoordinationUnavailableException, InvalidRequestException } from '../errors/exceptions.js';
import { OidcException } from '../errors/oidc.exception.js';
import type { OidcEvents } from '../observability/events.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import type { SessionService } from '../refresh/session.service.js';
import type { ProviderSession, Tombstones } from '../session/tombstones.js';
import { TRANSACTION_LIFETIME } from '../session/transaction.js';
import { isOwnIssuer } from '../verification/issuer.js';
import {
  InvalidLogoutTokenError,
  type LogoutToken,
  type LogoutTokenVerifier,
} from '../verification/logout-token.verifier.js';
import { RateLimit } from './rate-limit.js';

export interface LogoutChannelsDependencies {
  readonly provider: OpenIdProvider;
  readonly logoutTokens: LogoutTokenVerifier;
  readonly sessions: SessionService;
  readonly tombstones: Tombstones;
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly events: OidcEvents;
}

const MAX_SID_LENGTH = 256;
/** Milliseconds that a copy of a logout token waits for the one that came first. */
const TURN_MS = 2000;
/** Front-channel marks of unknown sessions come from browsers unasked: this many in this many milliseconds, for all browsers together. */
const FRONT_CHANNEL_LIMIT = { count: 100, window: 10_000 };

export class LogoutChannelsService {
  private readonly frontChannelLimit: RateLimit;

  constructor(private readonly dependencies: LogoutChannelsDependencies) {
    this.frontChannelLimit = new RateLimit(dependencies.clock, FRONT_CHANNEL_LIMIT);
  }

  /**
   * Back-Channel Logout 1.0 section 2.5: verifies the logout token, and ends the session it names, or all of its subject. Each token counts once; one
   * that could not be carried out counts as not received, so that the provider may send it again.
   *
   * @throws InvalidRequestException for a token that is not acceptable or was carried out before
   * @throws ProviderUnavailableException when that cannot be decided now
   * @throws CoordinationUnavailableException when it cannot be carried out now
   */
  async backChannel(token: string): Promise<void> {
    const logoutToken = await this.verified(token);
    const { issuer, subject } = logoutToken;
    await this.once(logoutToken, () => this.carryOut(logoutToken));
    const { events } = this.dependencies;
    events.emit({ type: 'logout.received', issuer, channel: 'back', ...(subject === undefined ? {} : { subject }) });
  }

  /**
   * Front-Channel Logout 1.0 section 3: a browser loads this without our cookie and without proof, so it only marks a session that names its `sid`. A
   * `sid` that no session here has could only be that of a login under way: it is remembered as long as one may take. Of those, and of all where
   * nobody can tell, so many are taken only.
   *
   * @throws InvalidRequestException without an issuer of ours and a `sid`
   */
  async frontChannel(issuer: string | undefined, providerSessionId: string | undefined): Promise<void> {
    const { provider, events } = this.dependencies;
    const metadata = await provider.metadata.get();
    if (issuer === undefined || !isOwnIssuer(issuer, metadata.issuer, provider.options))
      throw new InvalidRequestException("parameter 'iss' is not the issuer");
    if (providerSessionId === undefined || providerSessionId === '' || providerSessionId.length > MAX_SID_LENGTH) {
      throw new InvalidRequestException("parameter 'sid' is missing or too long");
    }
    await this.markUnverified({ issuer, providerSessionId });
    events.emit({ type: 'logout.received', issuer, channel: 'front' });
  }

  private async markUnverified(session: ProviderSession): Promise<void> {
    const { sessions, tombstones } = this.dependencies;
    const isKnown = await sessions.anyOf(session);
    if (isKnown !== true && !this.frontChannelLimit.allows()) throw tooMany();
    await tombstones.markProviderSessionUnverified(session, isKnown === false ? TRANSACTION_LIFETIME : undefined);
  }

  private async verified(token: string): Promise<LogoutToken> {
    try {
      return await this.dependencies.logoutTokens.verify(token);
    } catch (error) {
      if (!(error instanceof InvalidLogoutTokenError)) throw error;
      const { events, provider } = this.dependencies;
      events.emit({ type: 'token.rejected', issuer: provider.issuer, reason: error.message });
      throw new InvalidRequestException('the logout token is not acceptable', error);
    }
  }

  private async carryOut({ issuer, providerSessionId, subject }: LogoutToken): Promise<void> {
    const { sessions } = this.dependencies;
    if (providerSessionId !== undefined) await sessions.endAll({ issuer, providerSessionId });
    else if (subject !== undefined) await sessions.endAll({ issuer, subject });
  }

  /** One process at a time, and noted only when it is done, under the same lease: who comes with a copy meanwhile waits, and is refused. */
  private async once({ issuer, jti, expiresAt }: LogoutToken, carryOut: () => Promise<void>): Promise<void> {
    const { coordinator, clock, provider } = this.dependencies;
    const key = createHash('sha256')
      .update(JSON.stringify([issuer, jti]))
      .digest('base64url');
    const lease = await coordinator.acquire(key, { wait: TURN_MS });
    if (lease === undefined) throw new CoordinationUnavailableException();
    try {
      if ((await coordinator.get('jti', key)) !== undefined)
        throw new InvalidRequestException('the logout token was used before');
      await carryOut();
      const ttl = Math.max(1, expiresAt - clock.now() + provider.options.clockTolerance);
      if (!(await lease.publish([{ space: 'jti', key, value: '1', ttl }])))
        throw new CoordinationUnavailableException();
    } finally {
      await lease.release();
    }
  }
}

function tooMany(): OidcException {
  return new OidcException('too_many_requests', 429, {
    description: 'too many sessions are being ended through browsers',
    headers: { 'Retry-After': '10' },
  });
}
