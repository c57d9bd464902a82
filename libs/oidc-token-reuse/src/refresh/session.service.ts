/** The session of a request: read, made live, renewed, begun and ended. What changes it goes through here. */
import type { Clock } from '../clock.js';
import type { OidcOptions } from '../config/options.js';
import { CoordinationUnavailableException, LoginRequiredException } from '../errors/exceptions.js';
import { OidcException } from '../errors/oidc.exception.js';
import type { HttpExchange } from '../http/http-exchange.js';
import type { OidcEvents } from '../observability/events.js';
import type { Custody } from '../session/custody.js';
import type { LoginMark } from '../session/login-mark.js';
import type { SessionIndex, SessionOwner } from '../session/session-index.js';
import { isOfTenant, sessionExpiresAt, withoutTokens, type Session } from '../session/session.js';
import { sessionDigest } from '../session/tombstones.js';
import type { TransactionCookies } from '../session/transaction.cookies.js';
import type { Outbox } from './outbox.js';
import type { RefreshService } from './refresh.service.js';
import type { SessionEnding } from './session-ending.js';
import { SessionAtHand } from './session-at-hand.js';
import type { SharedKnowledge } from './shared-knowledge.js';

export interface SessionServiceDependencies {
  readonly options: OidcOptions;
  readonly custody: Custody;
  readonly transactions: TransactionCookies;
  readonly loginMark: LoginMark;
  readonly index: SessionIndex;
  readonly ending: SessionEnding;
  readonly refresh: RefreshService;
  readonly shared: SharedKnowledge;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly events: OidcEvents;
}

/** Seconds for which tokens of a renewal are not renewed again because they were refused. */
const RENEWAL_PAUSE = 30;

export class SessionService {
  /** What a response has written already counts for the rest of its request: a guard may stand before a handler twice. */
  private readonly written = new WeakMap<HttpExchange, Session>();

  private readonly atHand: SessionAtHand;

  constructor(private readonly dependencies: SessionServiceDependencies) {
    this.atHand = new SessionAtHand(dependencies);
  }

  /** True when the request carries something that claims to be a session. */
  isPresent(exchange: HttpExchange): boolean {
    return this.dependencies.custody.isPresent(exchange);
  }

  /** True when what the request carries as a session was kept by the browser, whether it still counts or not. */
  async cameBack(exchange: HttpExchange): Promise<boolean> {
    return this.dependencies.custody.place(exchange) !== '' || (await this.read(exchange)) !== undefined;
  }

  /** True for tokens that a renewal has just brought: another one would bring the same. */
  wasJustRenewed({ generation, tokens }: Session): boolean {
    return generation > 0 && this.dependencies.clock.now() - tokens.issuedAt < RENEWAL_PAUSE;
  }

  /** Clears attempts to sign in that are too many, for a request that has nothing else to do with sessions; undefined when there are none. */
  tidy(exchange: HttpExchange): Promise<void> | undefined {
    const { transactions } = this.dependencies;
    return transactions.isPresent(exchange) ? transactions.evict(exchange) : undefined;
  }

  /** As `live`, where nothing has to be waited for, renewed or written; undefined says that `live` has to decide. */
  known(exchange: HttpExchange): Session | undefined {
    return this.written.has(exchange) ? undefined : this.atHand.of(exchange);
  }

  /** The newest form of the request's session. Renews nothing and writes nothing; undefined when there is none or it is over. */
  async peek(exchange: HttpExchange): Promise<Session | undefined> {
    const carried = await this.carried(exchange);
    return carried === undefined ? undefined : this.current(carried);
  }

  /**
   * The request's session with an access token that can be used now: renewed, and written to the response, where that is needed.
   *
   * @throws LoginRequiredException when there was a session and it has ended; its cookies are cleared
   * @throws ProviderUnavailableException when it could not be renewed now; its cookies are kept
   */
  async live(exchange: HttpExchange): Promise<Session | undefined> {
    const { refresh } = this.dependencies;
    return this.orCleared(exchange, async (carried) => {
      const current = await this.require(carried);
      if (refresh.isExpired(current)) return refresh.refresh(current);
      if (refresh.isInLastStretch(current)) this.renewBehind(current);
      return current;
    });
  }

  /**
   * As `live`, and asks the provider for new tokens even if the present ones could still be used: unless somebody just did so, or nothing can renew
   * them.
   */
  async renewed(exchange: HttpExchange): Promise<Session | undefined> {
    const { refresh, options } = this.dependencies;
    return this.orCleared(exchange, async (carried) => {
      const current = await this.require(carried);
      if (!options.reuseTokens) return this.prolonged(current);
      if (current.tokens.refreshToken === undefined) return current;
      const wasJustRenewed = current.generation !== carried.generation || this.isYoung(current);
      return wasJustRenewed && !refresh.isExpired(current) ? current : refresh.refresh(current);
    });
  }

  /** The newest form of what the request carries, also when it is over: for the logout, which leaves nothing behind. */
  async carriedNewest(exchange: HttpExchange): Promise<Session | undefined> {
    const carried = await this.read(exchange);
    return carried === undefined ? undefined : this.dependencies.shared.newest(carried);
  }

  /** The newest form of a session once a renewal that is under way has ended: what is left to revoke. */
  async settled(session: Session): Promise<Session> {
    await this.dependencies.refresh.settled(session);
    return this.dependencies.shared.newest(session);
  }

  /**
   * Begins a session: whatever session the browser had is signed out, so that its cookies are worth nothing (session fixation). `startedIn` is the
   * session that the login began in; the browser need not show it, since an answer by form_post comes from another site.
   *
   * @throws LoginRequiredException when a logout was faster
   * @throws ForbiddenException `session_conflict` when another end-user was
   */
  async begin(exchange: HttpExchange, session: Session, startedIn?: string): Promise<void> {
    const { custody, ending, shared } = this.dependencies;
    await shared.assertNotSignedOut(session);
    const inherited = startedIn === undefined ? undefined : await shared.newestOpen(startedIn, session);
    const carried = await custody.read(exchange);
    const place = custody.place(exchange);
    await custody.write(exchange, session);
    if (carried !== undefined) await ending.bury(carried, { place, heir: session });
    else if (inherited !== undefined) await ending.replace(inherited, session);
    await ending.enter(session, custody.place(exchange));
  }

  /**
   * Ends a session: signed out for every request still in flight, and out of the browser.
   *
   * @returns false when others could not be told; they are as soon as the shared store is back
   */
  async end(exchange: HttpExchange, session: Session | undefined): Promise<boolean> {
    const { custody, ending } = this.dependencies;
    const isTold = session === undefined || (await ending.bury(session, { place: custody.place(exchange) }));
    this.forget(exchange);
    return isTold;
  }

  /** Takes a session out of the browser that cannot be read now, and ends it as soon as the shared store is back; then `afterwards` gets it. */
  endLater(exchange: HttpExchange, afterwards: (session: Session) => Promise<void>): void {
    const { custody, ending, shared, outbox } = this.dependencies;
    const place = custody.place(exchange);
    outbox.add(`end ${place}`, async () => {
      const kept = await custody.recall(exchange);
      if (kept === undefined) return;
      const session = await shared.newest(kept);
      await ending.bury(session, { place });
      await afterwards(session);
    });
    this.forget(exchange);
  }

  /** Whether a session of this owner began here and may still be there; undefined when nobody can tell. */
  anyOf(owner: SessionOwner): Promise<boolean | undefined> {
    return this.dependencies.index.hasAny(owner);
  }

  /**
   * Ends all sessions of an end-user, or of one session at the provider, wherever they are. Their tokens are not revoked.
   *
   * @throws CoordinationUnavailableException when what is shared cannot be reached
   */
  endAll(owner: SessionOwner): Promise<void> {
    return this.dependencies.ending.endAll(owner);
  }

  /** Epoch seconds at which the session ends. */
  expiresAt(session: Session): number {
    return sessionExpiresAt(session, this.dependencies.options);
  }

  private async read(exchange: HttpExchange): Promise<Session | undefined> {
    exchange.neverStore();
    await this.tidy(exchange);
    return this.written.get(exchange) ?? this.dependencies.custody.read(exchange);
  }

  private async carried(exchange: HttpExchange): Promise<Session | undefined> {
    const carried = await this.read(exchange);
    return carried === undefined || (await this.dependencies.shared.isSignedOut(carried)) ? undefined : carried;
  }

  private async current(carried: Session): Promise<Session | undefined> {
    const newest = await this.dependencies.shared.newest(carried);
    const { clock, options } = this.dependencies;
    if (clock.now() >= this.expiresAt(newest) || !isOfTenant(newest, options.tenants)) return undefined;
    // Tokens of a time when they were kept are not used any more.
    return options.reuseTokens || newest.tokens.accessToken === undefined ? newest : withoutTokens(newest, options);
  }

  private async require(carried: Session): Promise<Session> {
    const current = await this.current(carried);
    if (current === undefined) throw new LoginRequiredException('login_required', 'the session is over; sign in again');
    return current;
  }

  private async orCleared(
    exchange: HttpExchange,
    renew: (carried: Session) => Promise<Session>,
  ): Promise<Session | undefined> {
    const carried = await this.read(exchange);
    if (carried === undefined) return undefined;
    try {
      if (await this.dependencies.shared.isSignedOut(carried))
        throw new LoginRequiredException('login_required', 'the session was signed out');
      const session = await renew(carried);
      if (session.generation !== carried.generation) await this.write(exchange, session);
      return session;
    } catch (error) {
      // What a new login put in the place of this session is not this response's to clear.
      if (error instanceof LoginRequiredException) this.dependencies.ending.release(carried);
      if (error instanceof LoginRequiredException && !(await this.dependencies.shared.isReplaced(carried)))
        this.forget(exchange);
      throw error;
    }
  }

  /** Takes the session out of the browser, on purpose: the next login does not wonder where it is. */
  private forget(exchange: HttpExchange): void {
    this.written.delete(exchange);
    this.dependencies.custody.clear(exchange);
    this.dependencies.loginMark.take(exchange);
  }

  /** A logout that came while the provider was asked wins over the new tokens. */
  private async write(exchange: HttpExchange, session: Session): Promise<void> {
    try {
      await this.dependencies.shared.assertNotSignedOut(session);
      await this.dependencies.custody.write(exchange, session);
    } catch (error) {
      this.reportTooLarge(session, error);
      if (error instanceof CoordinationUnavailableException) this.writeLater(exchange, session);
      throw error;
    }
    this.written.set(exchange, session);
  }

  /** Custody `store` keeps what the provider gives only once, so it is written when the store is back; what was signed out is not there any more. */
  private writeLater(exchange: HttpExchange, session: Session): void {
    const { custody, outbox } = this.dependencies;
    outbox.add(`write ${session.id} ${String(session.generation)}`, () => custody.write(exchange, session));
  }

  private reportTooLarge(session: Session, error: unknown): void {
    if (!(error instanceof OidcException) || error.code !== 'session_too_large') return;
    const { issuer, subject } = session;
    const about = { issuer, subject, session: sessionDigest(session) };
    this.dependencies.events.emit({ type: 'session.rejected', ...about, reason: error.message });
  }

  private renewBehind(session: Session): void {
    this.dependencies.refresh.refreshBehind(session).catch(() => {
      // Reported where it failed; the next request finds out for itself.
    });
  }

  private prolonged(session: Session): Session {
    return { ...session, renewedAt: this.dependencies.clock.now(), generation: session.generation + 1 };
  }

  private isYoung({ tokens }: Session): boolean {
    const { clock, options } = this.dependencies;
    return clock.millis() - tokens.issuedAt * 1000 < options.reuseMaxSessionAge;
  }
}
