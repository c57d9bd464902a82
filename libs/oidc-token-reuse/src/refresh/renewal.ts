/** Renews one token set: under the session's lease, once, and told to all who come late. */
import type { Coordinator, Lease, PlacedRecord } from '../coordination/coordinator.js';
import { pause } from '../coordination/pause.js';
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
import { longestRenewal, LOOK_MS, LOOKS } from './leader-time.js';
import type { Outbox } from './outbox.js';
import { IdentityChangedError, type Redemption } from './redemption.js';
import { linkOf, type Successors } from './successors.js';

export interface RenewalDependencies {
  readonly provider: OpenIdProvider;
  readonly coordinator: Coordinator;
  readonly successors: Successors;
  readonly tombstones: Tombstones;
  readonly redemption: Redemption;
  readonly outbox: Outbox;
  readonly events: OidcEvents;
}

/** Answers of the provider that ask for the end-user; the refresh token itself may still be good. */
const INTERACTION: ReadonlySet<string> = new Set([
  'interaction_required',
  'login_required',
  'consent_required',
  'account_selection_required',
]);

/** The lease, where there is one, and the seconds for which late comers find the successor. */
interface Course {
  readonly lease?: Lease;
  readonly grace: number;
}

export class Renewal {
  constructor(private readonly dependencies: RenewalDependencies) {}

  /**
   * Renews under the session's lease; late comers find the result for `grace` seconds. While the shared store is away, a provider that accepts a
   * refresh token twice is asked without a lease; a strict one would revoke the session, so it is kept and tried again later.
   *
   * @throws LoginRequiredException when the session has ended for good
   * @throws ProviderUnavailableException when it could not be renewed now; the session is kept
   */
  async renew(session: Session, grace: number): Promise<Session> {
    try {
      return await this.underLease(session, grace);
    } catch (error) {
      const refreshToken = session.tokens.refreshToken?.reveal();
      if (!(error instanceof CoordinationUnavailableException) || refreshToken === undefined) throw error;
      if (this.dependencies.provider.options.replayWindow === 0) throw error;
      return this.redeem(session, refreshToken, { grace });
    }
  }

  private async underLease(session: Session, grace: number): Promise<Session> {
    const { coordinator, provider } = this.dependencies;
    const lease = await coordinator.acquire(`${session.id}:refresh`, { wait: longestRenewal(provider.options) });
    if (lease === undefined) {
      throw new ProviderUnavailableException('another instance is still renewing this session', { retryAfter: 1 });
    }
    try {
      return await this.adoptOrRedeem(session, { lease, grace });
    } finally {
      await lease.release();
    }
  }

  private async adoptOrRedeem(session: Session, course: Course): Promise<Session> {
    const { successors, tombstones } = this.dependencies;
    if (await tombstones.has(session)) throw signedOut();
    const adopted = await this.adopted(session);
    if (adopted !== undefined) return adopted;
    const refreshToken = session.tokens.refreshToken?.reveal();
    if (refreshToken === undefined) throw this.ended(session, 'nothing can renew it');
    const spent = await successors.spentBy(session);
    if (spent === 'rotation') throw this.replayDetected(session);
    if (spent === 'refusal') throw loginRequired();
    const earlier = await successors.beginAttempt(session);
    if (earlier === 'unknown') {
      const late = await this.awaited(session);
      if (late !== undefined) return late;
    }
    if (earlier !== 'none') this.emit(session, { type: 'refresh.taken_over' });
    return this.redeem(session, refreshToken, course);
  }

  /**
   * What a holder that lived on without its lease makes known late, as one does that was cut off from the shared store. A strict provider would take
   * the same refresh token for a replay, so it is worth a wait; a lenient one gives tokens again.
   */
  private async awaited(session: Session): Promise<Session | undefined> {
    const looks = this.dependencies.provider.options.replayWindow > 0 ? 0 : LOOKS;
    for (let look = 0; look < looks; look += 1) {
      await pause(LOOK_MS);
      const adopted = await this.adopted(session);
      if (adopted !== undefined) return adopted;
    }
    return undefined;
  }

  /** What somebody else made of this session meanwhile. */
  private async adopted(session: Session): Promise<Session | undefined> {
    const newest = await this.dependencies.successors.newest(session);
    if (newest.generation === session.generation) return undefined;
    this.emit(session, { type: 'refresh.adopted' });
    return newest;
  }

  private async redeem(session: Session, refreshToken: string, course: Course): Promise<Session> {
    let renewed: Session;
    try {
      renewed = await this.dependencies.redemption.redeem(session, refreshToken);
    } catch (error) {
      return this.afterFailure(session, error);
    }
    const rotated = renewed.tokens.refreshToken?.reveal() !== refreshToken;
    this.emit(session, { type: 'refresh.succeeded', rotated });
    if (!rotated) await this.noteAttempt(session, 'ended');
    return this.publish(session, renewed, course);
  }

  /** Tells late comers, and goes on trying while the shared store is away: the tokens are good and go to the caller all the same. */
  private async publish(session: Session, renewed: Session, { lease, grace }: Course): Promise<Session> {
    const records = await this.dependencies.successors.recordsOf(session, renewed, grace);
    const tell = async (): Promise<Session> => {
      if (lease !== undefined && (await lease.publish(records))) return renewed;
      return this.tellWithoutLease(session, renewed, records);
    };
    try {
      return await tell();
    } catch (error) {
      if (!(error instanceof CoordinationUnavailableException)) throw error;
      this.dependencies.outbox.add(`publish ${linkOf(session)}`, tell);
      this.emit(session, { type: 'refresh.not_published', reason: reasonOf(error) });
      return renewed;
    }
  }

  /** Whoever has taken over meanwhile has told late comers already, and their result counts. */
  private async tellWithoutLease(
    session: Session,
    renewed: Session,
    records: readonly PlacedRecord[],
  ): Promise<Session> {
    const winner = await this.adopted(session);
    if (winner !== undefined) return winner;
    for (const record of records) await this.dependencies.coordinator.put(record.space, record.key, record);
    return renewed;
  }

  /** Only a real `invalid_grant`, after looking at the shared state again, ends a session; everything else keeps it. */
  private async afterFailure(session: Session, error: unknown): Promise<Session> {
    await this.noteAttempt(session, error instanceof LostResponseException ? 'lost' : 'ended');
    if (error instanceof IdentityChangedError) throw await this.identityChanged(session, error);
    if (!(error instanceof ProviderRefusal)) throw this.unavailable(session, error);
    if (error.error === 'invalid_grant') return this.adoptedOrEnded(session, error);
    if (INTERACTION.has(error.error)) {
      throw this.ended(session, 'the OpenID Provider asks for the end-user', error);
    }
    this.emit(session, { type: 'refresh.unavailable', reason: error.error });
    const description = 'the OpenID Provider refuses this application; its log names the reason';
    throw new ProviderUnavailableException(description, { cause: error, retryAfter: 30 });
  }

  private async adoptedOrEnded(session: Session, refusal: ProviderRefusal): Promise<Session> {
    const adopted = await this.adopted(session);
    if (adopted !== undefined) return adopted;
    await this.dependencies.successors.markRefused(session);
    throw this.ended(session, 'the provider refused the refresh token', refusal);
  }

  private async identityChanged(session: Session, error: IdentityChangedError): Promise<LoginRequiredException> {
    this.emit(session, { type: 'refresh.identity_changed', claim: error.claim });
    await this.dependencies.tombstones.mark(session);
    return this.ended(session, 'the provider answered with another identity', error);
  }

  private unavailable(session: Session, error: unknown): unknown {
    this.emit(session, { type: 'refresh.unavailable', reason: reasonOf(error) });
    return error;
  }

  private async noteAttempt(session: Session, outcome: 'ended' | 'lost'): Promise<void> {
    const { successors } = this.dependencies;
    try {
      await (outcome === 'lost' ? successors.loseAttempt(session) : successors.endAttempt(session));
    } catch (error) {
      // The note only spares the next attempt a wait, and goes by itself.
      if (!(error instanceof CoordinationUnavailableException)) throw error;
    }
  }

  private ended(session: Session, reason: string, cause?: unknown): LoginRequiredException {
    this.emit(session, { type: 'session.ended', reason });
    return loginRequired(cause);
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
  | { readonly type: 'refresh.adopted' | 'refresh.replay_detected' | 'refresh.taken_over' }
  | { readonly type: 'refresh.succeeded'; readonly rotated: boolean }
  | { readonly type: 'refresh.unavailable' | 'refresh.not_published' | 'session.ended'; readonly reason: string }
  | { readonly type: 'refresh.identity_changed'; readonly claim: string };

function loginRequired(cause?: unknown): LoginRequiredException {
  return new LoginRequiredException('login_required', 'the session has ended; sign in again', cause);
}

function signedOut(): LoginRequiredException {
  return new LoginRequiredException('login_required', 'the session was signed out');
}
