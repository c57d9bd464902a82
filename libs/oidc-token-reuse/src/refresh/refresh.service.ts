/** Renews token sets so that nobody is signed out by accident: one flight per token set, one lease per session, late comers adopt. */
import type { Clock } from '../clock.js';
import type { Coordinator } from '../coordination/coordinator.js';
import { LoginRequiredException, ProviderUnavailableException } from '../errors/exceptions.js';
import type { OidcEvents } from '../observability/events.js';
import { reasonOf } from '../observability/reason.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import { ProviderRefusal } from '../provider/provider-refusal.js';
import type { Session } from '../session/session.js';
import { sessionDigest, type Tombstones } from '../session/tombstones.js';
import { IdentityChangedError, type Redemption } from './redemption.js';
import { linkOf, type Successors } from './successors.js';

export interface RefreshDependencies {
  readonly provider: OpenIdProvider;
  readonly coordinator: Coordinator;
  readonly successors: Successors;
  readonly tombstones: Tombstones;
  readonly redemption: Redemption;
  readonly clock: Clock;
  readonly events: OidcEvents;
}

/** What a lease outlives the token request by, in milliseconds; who waits for it waits longer still. */
const LEASE_MARGIN_MS = 5000;

/** Answers of the provider that ask for the end-user; the refresh token itself may still be good. */
const INTERACTION: ReadonlySet<string> = new Set([
  'interaction_required',
  'login_required',
  'consent_required',
  'account_selection_required',
]);

/**
 * The refresh grant for sessions.
 *
 * @publicApi
 */
export class RefreshService {
  private readonly flights = new Map<string, Promise<Session>>();

  constructor(private readonly dependencies: RefreshDependencies) {}

  /** The newest session of the chain that a session belongs to. Asks nobody and renews nothing. */
  newest(session: Session): Promise<Session> {
    return this.dependencies.successors.newest(session);
  }

  /** True when the access token is no longer used. The clock tolerance never prolongs our own token set. */
  isExpired({ tokens }: Session): boolean {
    return tokens.accessToken !== undefined && this.dependencies.clock.now() >= tokens.expiresAt;
  }

  /**
   * Renews a session's token set. All who ask with the same token set share one request to the provider; a request once made is never aborted.
   *
   * @throws LoginRequiredException when the session has ended for good
   * @throws ProviderUnavailableException when it could not be renewed now; the session is kept
   */
  refresh(session: Session): Promise<Session> {
    const key = linkOf(session);
    const known = this.flights.get(key);
    if (known !== undefined) return known;
    const flight = this.underLease(session).finally(() => this.flights.delete(key));
    this.flights.set(key, flight);
    return flight;
  }

  /** Waits until a renewal that is under way for this token set has ended, however it ends. */
  async settled(session: Session): Promise<void> {
    await Promise.allSettled([this.flights.get(linkOf(session))]);
  }

  private async underLease(session: Session): Promise<Session> {
    const { coordinator, provider } = this.dependencies;
    const ttl = provider.options.tokenRequestTimeout + LEASE_MARGIN_MS;
    const lease = await coordinator.acquire(`refresh:${session.id}`, { ttl, wait: ttl + LEASE_MARGIN_MS });
    if (lease === undefined)
      throw new ProviderUnavailableException('another instance is still renewing this session', { retryAfter: 1 });
    try {
      return await this.adoptOrRedeem(session);
    } finally {
      await lease.release();
    }
  }

  private async adoptOrRedeem(session: Session): Promise<Session> {
    const { successors, tombstones } = this.dependencies;
    if (await tombstones.has(session)) throw signedOut();
    const adopted = await this.adopted(session);
    if (adopted !== undefined) return adopted;
    const refreshToken = session.tokens.refreshToken?.reveal();
    if (refreshToken === undefined) throw this.ended(session, 'nothing can renew it');
    if (await successors.isSpent(session)) throw this.replayDetected(session);
    return this.redeem(session, refreshToken);
  }

  /** What somebody else made of this session meanwhile. */
  private async adopted(session: Session): Promise<Session | undefined> {
    const newest = await this.dependencies.successors.newest(session);
    if (newest.generation === session.generation) return undefined;
    this.emit(session, { type: 'refresh.adopted' });
    return newest;
  }

  private async redeem(session: Session, refreshToken: string): Promise<Session> {
    try {
      const renewed = await this.dependencies.redemption.redeem(session, refreshToken);
      await this.dependencies.successors.publish(session, renewed);
      this.emit(session, {
        type: 'refresh.succeeded',
        rotated: renewed.tokens.refreshToken?.reveal() !== refreshToken,
      });
      return renewed;
    } catch (error) {
      return this.afterFailure(session, error);
    }
  }

  /** Only a real `invalid_grant`, after looking at the shared state again, ends a session; everything else keeps it. */
  private async afterFailure(session: Session, error: unknown): Promise<Session> {
    const { successors, tombstones } = this.dependencies;
    if (error instanceof IdentityChangedError) {
      this.emit(session, { type: 'refresh.identity_changed', claim: error.claim });
      await tombstones.mark(session);
      throw this.ended(session, 'the provider answered with another identity', error);
    }
    if (error instanceof ProviderRefusal && error.error === 'invalid_grant') {
      const adopted = await this.adopted(session);
      if (adopted !== undefined) return adopted;
      await successors.markSpent(session);
      throw this.ended(session, 'the provider refused the refresh token', error);
    }
    if (error instanceof ProviderRefusal && INTERACTION.has(error.error)) {
      throw new LoginRequiredException('login_required', 'the OpenID Provider asks for the end-user', error);
    }
    this.emit(session, {
      type: 'refresh.unavailable',
      reason: error instanceof ProviderRefusal ? error.error : reasonOf(error),
    });
    if (error instanceof ProviderRefusal) {
      throw new ProviderUnavailableException('the OpenID Provider refuses this application; its log names the reason', {
        cause: error,
        retryAfter: 30,
      });
    }
    throw error;
  }

  private ended(session: Session, reason: string, cause?: unknown): LoginRequiredException {
    this.emit(session, { type: 'session.ended', reason });
    return new LoginRequiredException('login_required', 'the session has ended; sign in again', cause);
  }

  private replayDetected(session: Session): LoginRequiredException {
    this.emit(session, { type: 'refresh.replay_detected' });
    return new LoginRequiredException('login_required', 'the session was renewed elsewhere; sign in again');
  }

  private emit(session: Session, event: RefreshEvent): void {
    this.dependencies.events.emit({
      ...event,
      issuer: session.issuer,
      subject: session.subject,
      session: sessionDigest(session),
    });
  }
}

type RefreshEvent =
  | { readonly type: 'refresh.adopted' | 'refresh.replay_detected' }
  | { readonly type: 'refresh.succeeded'; readonly rotated: boolean }
  | { readonly type: 'refresh.unavailable' | 'session.ended'; readonly reason: string }
  | { readonly type: 'refresh.identity_changed'; readonly claim: string };

function signedOut(): LoginRequiredException {
  return new LoginRequiredException('login_required', 'the session was signed out');
}
