/** Keeps sessions alive: says what is expired, and lets all who need the same renewal share it. */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { OidcOptions } from '../config/options.js';
import { LoginRequiredException } from '../errors/exceptions.js';
import type { Principal } from '../session/principal.js';
import { sessionExpiresAt, type Session } from '../session/session.js';
import type { Tombstones } from '../session/tombstones.js';
import type { Outbox } from './outbox.js';
import type { Renewal } from './renewal.js';
import { linkOf, type Successors } from './successors.js';
import { TokenSource } from './token-source.js';

export interface RefreshDependencies {
  readonly options: OidcOptions;
  readonly successors: Successors;
  readonly tombstones: Tombstones;
  readonly renewal: Renewal;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

/** Seconds. */
const LONGEST_STRETCH = 30;
const SHORT_LIFE = 60;

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

  /**
   * True when the access token is no longer used. The clock tolerance never prolongs our own token set, and a token from the future is taken to be
   * expired: the clock has been set back, and nobody knows how old it is.
   */
  isExpired({ tokens }: Session): boolean {
    const { clock, options } = this.dependencies;
    const now = clock.now();
    const isFromFuture = tokens.issuedAt > now + options.clockTolerance;
    return tokens.accessToken !== undefined && (now >= tokens.expiresAt || isFromFuture);
  }

  /**
   * True shortly before the access token expires: the time to renew it behind a request that still uses it. The stretch is a tenth of the token's
   * life and 30 s at most, different for each session so that not all are renewed together; tokens that live under a minute have none.
   */
  isInLastStretch({ id, tokens }: Session): boolean {
    const life = tokens.expiresAt - tokens.issuedAt;
    if (tokens.accessToken === undefined || tokens.refreshToken === undefined || life < SHORT_LIFE) return false;
    const longest = Math.min(LONGEST_STRETCH, life / 10);
    const left = tokens.expiresAt - this.dependencies.clock.now();
    return left <= longest && left <= longest * jitterOf(id);
  }

  /**
   * Renews a session's token set. All who ask with the same token set share one request to the provider; a request once made is never aborted.
   *
   * @throws LoginRequiredException when the session has ended for good
   * @throws ProviderUnavailableException when it could not be renewed now; the session is kept
   */
  refresh(session: Session): Promise<Session> {
    return this.fly(session, this.dependencies.options.successorGrace);
  }

  /**
   * As `refresh`, without a response that could tell the browser: the successor waits for it as long as the session may be idle.
   */
  refreshBehind(session: Session): Promise<Session> {
    const { successorGrace, sessionIdleLifetime } = this.dependencies.options;
    return this.fly(session, Math.max(successorGrace, sessionIdleLifetime));
  }

  /**
   * The newest form of a session, renewed behind its browser when its access token has expired.
   *
   * @throws LoginRequiredException when it was signed out or is over
   */
  async alive(session: Session): Promise<Session> {
    const { tombstones, options, clock } = this.dependencies;
    if (await tombstones.hasArrived(session))
      throw new LoginRequiredException('login_required', 'the session was signed out');
    const newest = await this.newest(session);
    if (clock.now() >= sessionExpiresAt(newest, options))
      throw new LoginRequiredException('login_required', 'the session is over');
    return this.isExpired(newest) ? this.refreshBehind(newest) : newest;
  }

  /** A source of live access tokens for the principal of a request, for use after the request. Undefined for bearers, who bring their own. */
  tokenSource({ session }: Principal): TokenSource | undefined {
    return session === undefined ? undefined : new TokenSource(session, this);
  }

  /** Waits until every renewal that is under way has ended, and has been told to others: a redemption that was cut off might cost its session. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.flights.values());
    await this.dependencies.outbox.drain();
  }

  /** Waits until a renewal that is under way for this token set has ended, however it ends. */
  async settled(session: Session): Promise<void> {
    await Promise.allSettled([this.flights.get(linkOf(session))]);
  }

  private fly(session: Session, grace: number): Promise<Session> {
    const key = linkOf(session);
    const known = this.flights.get(key);
    if (known !== undefined) return known;
    const flight = this.dependencies.renewal.renew(session, grace).finally(() => this.flights.delete(key));
    this.flights.set(key, flight);
    return flight;
  }
}

/** A number from a half to one that belongs to a session. */
function jitterOf(id: string): number {
  return 0.5 + createHash('sha256').update(id).digest().readUInt16BE() / 0x1_ff_ff;
}
