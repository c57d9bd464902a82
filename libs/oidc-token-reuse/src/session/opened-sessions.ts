/** Keeps sessions opened for a moment, so that what a browser sends again and again is decrypted once. */
import type { Clock } from '../clock.js';
import type { OidcOptions } from '../config/options.js';
import { ExpiringCache, type Held } from '../provider/expiring-cache.js';
import { deepFrozen } from '../provider/json.js';
import { sessionExpiresAt, type Session } from './session.js';

/** Milliseconds for which a session stays opened, and its tokens stay in memory. */
const MAX_AGE_MS = 60_000;
/** Bytes that an opened session takes beside what depends on its length, and bytes for each character of its sealed form, as measured. */
const OVERHEAD = 2000;
const BYTES_PER_CHARACTER = 3;

export type OpenedSessionsOptions = Pick<
  OidcOptions,
  'maxOpenedSessions' | 'maxOpenedSessionBytes' | 'sessionAbsoluteLifetime' | 'sessionIdleLifetime' | 'reuseTokens'
>;

interface Opened extends Held {
  readonly sealed: string;
  readonly session: Session;
  /** Epoch seconds: the end of the session, or of its access token, which comes before. */
  readonly until: number;
  /** Monotonic milliseconds. */
  readonly at: number;
}

/**
 * Finds a session by the name of its sealed form, and only for the same sealed form to the last character. Says nothing about whether the session
 * still counts: sign-outs and successors are looked up at every request.
 */
export class OpenedSessions {
  private readonly opened: ExpiringCache<string, Opened>;

  constructor(
    private readonly options: OpenedSessionsOptions,
    private readonly clock: Clock,
  ) {
    const limits = { entries: options.maxOpenedSessions, bytes: options.maxOpenedSessionBytes };
    this.opened = new ExpiringCache<string, Opened>(limits, (opened) => this.isOver(opened));
  }

  get size(): number {
    return this.opened.size;
  }

  find(name: string, sealed: string): Session | undefined {
    const opened = this.opened.get(name);
    return opened?.sealed === sealed ? opened.session : undefined;
  }

  /** Every request with this sealed form is given this session, which nobody can change. */
  keep(name: string, sealed: string, session: Session): Session {
    const until = Math.min(session.tokens.expiresAt, sessionExpiresAt(session, this.options));
    const opened = { sealed, session: deepFrozen(session), until, at: this.clock.monotonic(), usedAt: 0 };
    if (!this.isOver(opened)) this.opened.set(name, opened, OVERHEAD + BYTES_PER_CHARACTER * sealed.length);
    return session;
  }

  /** Lets go of every form of a session, and gives them back. */
  forget({ id }: Pick<Session, 'id'>): readonly Session[] {
    return this.opened.deleteWhere(({ session }) => session.id === id).map(({ session }) => session);
  }

  /** Lets go of everything. */
  close(): void {
    this.opened.close();
  }

  private isOver({ until, at }: Opened): boolean {
    return this.clock.monotonic() - at >= MAX_AGE_MS || this.clock.now() >= until;
  }
}
