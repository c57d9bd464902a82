/** Renews token sets so that nobody is signed out by accident: one flight per token set, one lease per session, late comers adopt. */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Coordinator, Lease } from '../coordination/coordinator.js';
import {
  CoordinationUnavailableException,
  LoginRequiredException,
  ProviderUnavailableException,
} from '../errors/exceptions.js';
import type { OidcEvents } from '../observability/events.js';
import { reasonOf } from '../observability/reason.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import { LostResponseException } from '../provider/provider-fetch.js';
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

/** What waiting for a lease adds to the time its holder may take, in milliseconds. */
const LEASE_MARGIN_MS = 5000;
/** Seconds. */
const LONGEST_STRETCH = 30;
const SHORT_LIFE = 60;

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
   * True shortly before the access token expires: the time to renew it behind a request that still uses it. The stretch is a tenth of the token's
   * life and 30 s at most, different for each session so that not all are renewed together; tokens that live under a minute have none.
   */
  isInLastStretch({ id, tokens }: Session): boolean {
    const life = tokens.expiresAt - tokens.issuedAt;
    if (tokens.accessToken === undefined || tokens.refreshToken === undefined || life < SHORT_LIFE) return false;
    const stretch = Math.min(LONGEST_STRETCH, life / 10) * jitterOf(id);
    return tokens.expiresAt - this.dependencies.clock.now() <= stretch;
  }

  /**
   * Renews a session's token set. All who ask with the same token set share one request to the provider; a request once made is never aborted.
   *
   * @throws LoginRequiredException when the session has ended for good
   * @throws ProviderUnavailableException when it could not be renewed now; the session is kept
   */
  refresh(session: Session): Promise<Session> {
    return this.fly(session, this.dependencies.provider.options.successorGrace);
  }

  /**
   * As `refresh`, without a response that could tell the browser: the successor waits for it as long as the session may be idle.
   */
  refreshBehind(session: Session): Promise<Session> {
    const { successorGrace, sessionIdleLifetime } = this.dependencies.provider.options;
    return this.fly(session, Math.max(successorGrace, sessionIdleLifetime));
  }

  /** Waits until a renewal that is under way for this token set has ended, however it ends. */
  async settled(session: Session): Promise<void> {
    await Promise.allSettled([this.flights.get(linkOf(session))]);
  }

  private fly(session: Session, grace: number): Promise<Session> {
    const key = linkOf(session);
    const known = this.flights.get(key);
    if (known !== undefined) return known;
    const flight = this.renew(session, grace).finally(() => this.flights.delete(key));
    this.flights.set(key, flight);
    return flight;
  }

  /**
   * Under the session's lease. While the shared store is away, a provider that accepts a refresh token twice is asked without a lease; a strict one
   * would revoke the session, so it is kept and tried again later.
   */
  private async renew(session: Session, grace: number): Promise<Session> {
    try {
      return await this.underLease(session, grace);
    } catch (error) {
      const refreshToken = session.tokens.refreshToken?.reveal();
      if (!(error instanceof CoordinationUnavailableException) || refreshToken === undefined) throw error;
      if (this.dependencies.provider.options.replayWindow === 0) throw error;
      return this.redeem(session, { refreshToken, lease: undefined, grace });
    }
  }

  private async underLease(session: Session, grace: number): Promise<Session> {
    const { coordinator, provider } = this.dependencies;
    // Longer than the leader may take for a request and its one replay.
    const wait = 2 * provider.options.tokenRequestTimeout + LEASE_MARGIN_MS;
    const lease = await coordinator.acquire(`${session.id}:refresh`, { wait });
    if (lease === undefined) {
      throw new ProviderUnavailableException('another instance is still renewing this session', { retryAfter: 1 });
    }
    try {
      return await this.adoptOrRedeem(session, { lease, grace });
    } finally {
      await lease.release();
    }
  }

  private async adoptOrRedeem(session: Session, course: { readonly lease: Lease; readonly grace: number }): Promise<Session> {
    const { successors, tombstones } = this.dependencies;
    if (await tombstones.has(session)) throw signedOut();
    const adopted = await this.adopted(session);
    if (adopted !== undefined) return adopted;
    const refreshToken = session.tokens.refreshToken?.reveal();
    if (refreshToken === undefined) throw this.ended(session, 'nothing can renew it');
    if (await successors.isSpent(session)) throw this.replayDetected(session);
    if (!(await successors.beginAttempt(session))) this.emit(session, { type: 'refresh.taken_over' });
    return this.redeem(session, { refreshToken, ...course });
  }

  /** What somebody else made of this session meanwhile. */
  private async adopted(session: Session): Promise<Session | undefined> {
    const newest = await this.dependencies.successors.newest(session);
    if (newest.generation === session.generation) return undefined;
    this.emit(session, { type: 'refresh.adopted' });
    return newest;
  }

  private async redeem(session: Session, { refreshToken, lease, grace }: Course): Promise<Session> {
    let renewed: Session;
    try {
      renewed = await this.dependencies.redemption.redeem(session, refreshToken);
    } catch (error) {
      return this.afterFailure(session, error);
    }
    this.emit(session, { type: 'refresh.succeeded', rotated: renewed.tokens.refreshToken?.reveal() !== refreshToken });
    return lease === undefined ? renewed : this.published(session, renewed, { lease, grace });
  }

  /** Tells late comers. Whoever took the lease over meanwhile has told them already, and their result counts. */
  private async published(session: Session, renewed: Session, { lease, grace }: { readonly lease: Lease; readonly grace: number }): Promise<Session> {
    const { successors, coordinator } = this.dependencies;
    try {
      const records = await successors.recordsOf(session, renewed, grace);
      if (await lease.publish(records)) return renewed;
      const winner = await this.adopted(session);
      if (winner !== undefined) return winner;
      for (const record of records) await coordinator.put(record.space, record.key, record);
    } catch (error) {
      if (!(error instanceof CoordinationUnavailableException)) throw error;
      // The tokens are good and go to the caller all the same.
      this.emit(session, { type: 'refresh.not_published', reason: reasonOf(error) });
    }
    return renewed;
  }

  /** Only a real `invalid_grant`, after looking at the shared state again, ends a session; everything else keeps it. */
  private async afterFailure(session: Session, error: unknown): Promise<Session> {
    const { successors, tombstones } = this.dependencies;
    if (!(error instanceof LostResponseException)) await this.endAttempt(session);
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

  private async endAttempt(session: Session): Promise<void> {
    try {
      await this.dependencies.successors.endAttempt(session);
    } catch (error) {
      // The note only serves the audit, and goes by itself.
      if (!(error instanceof CoordinationUnavailableException)) throw error;
    }
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

/** How a token set is renewed. */
interface Course {
  readonly refreshToken: string;
  /** Undefined while the shared store is away. */
  readonly lease: Lease | undefined;
  /** Seconds for which late comers find the successor. */
  readonly grace: number;
}

type RefreshEvent =
  | { readonly type: 'refresh.adopted' | 'refresh.replay_detected' | 'refresh.taken_over' }
  | { readonly type: 'refresh.succeeded'; readonly rotated: boolean }
  | { readonly type: 'refresh.unavailable' | 'refresh.not_published' | 'session.ended'; readonly reason: string }
  | { readonly type: 'refresh.identity_changed'; readonly claim: string };

/** A number from a half to one that belongs to a session. */
function jitterOf(id: string): number {
  return 0.5 + createHash('sha256').update(id).digest().readUInt16BE() / 0x1_ff_ff;
}

function signedOut(): LoginRequiredException {
  return new LoginRequiredException('login_required', 'the session was signed out');
}
