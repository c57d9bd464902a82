/** Ends sessions where others could find them: now, else as soon as the shared store is back. */
import type { OidcOptions } from '../config/options.js';
import { CoordinationUnavailableException } from '../errors/exceptions.js';
import type { OidcEvents } from '../observability/events.js';
import { reasonOf } from '../observability/reason.js';
import type { Custody } from '../session/custody.js';
import type { SessionIndex, SessionOwner } from '../session/session-index.js';
import type { Session } from '../session/session.js';
import type { Tombstones } from '../session/tombstones.js';
import type { AccessTokenVerifier } from '../verification/access-token.verifier.js';
import { PresentedToken } from '../verification/presented-token.js';
import type { Outbox } from './outbox.js';

export interface SessionEndingDependencies {
  readonly options: Pick<OidcOptions, 'issuer' | 'sessionAbsoluteLifetime'>;
  readonly custody: Custody;
  readonly accessTokens: Pick<AccessTokenVerifier, 'forget'>;
  readonly tombstones: Tombstones;
  readonly index: SessionIndex;
  readonly outbox: Outbox;
  readonly events: OidcEvents;
}

export class SessionEnding {
  constructor(private readonly dependencies: SessionEndingDependencies) {}

  /** Enters a session among those of its owner, so that all of them can be ended at once. */
  async enter(session: Session, place: string): Promise<void> {
    const { index, options } = this.dependencies;
    const entry = { place, ttl: options.sessionAbsoluteLifetime };
    await this.attempt(`enter ${session.id}`, () => index.add(session, entry));
  }

  /** Leaves nothing of a session where others could find it; false when that has to wait for the shared store. */
  bury(session: Session, { place, heir }: { readonly place: string; readonly heir?: Session }): Promise<boolean> {
    const { tombstones, custody, index } = this.dependencies;
    this.release(session);
    return this.attempt(`end ${session.id}`, async () => {
      await (heir === undefined ? tombstones.mark(session) : tombstones.markReplaced(session, heir));
      await (heir === undefined ? custody.remove(place) : custody.supersede(place));
      await index.remove(session, place);
    });
  }

  /** Ends a session that the browser does not show, in favour of one that began in it. */
  async replace({ id }: Pick<Session, 'id'>, heir: Session): Promise<void> {
    await this.attempt(`end ${id}`, () => this.dependencies.tombstones.markReplaced({ id }, heir));
  }

  /** Ends all sessions of an owner that began before now. */
  async endAll(owner: SessionOwner): Promise<void> {
    const { index, tombstones, custody } = this.dependencies;
    await ('subject' in owner ? tombstones.markSubject(owner) : tombstones.markProviderSession(owner));
    for (const { id, place } of await index.find(owner)) {
      this.releaseOpened({ id });
      await custody.remove(place);
    }
  }

  /** Nothing that was worked out for a session outlives it. */
  release(session: Session): void {
    this.forgetToken(session);
    this.releaseOpened(session);
  }

  private releaseOpened(session: Pick<Session, 'id'>): void {
    for (const opened of this.dependencies.custody.release(session)) this.forgetToken(opened);
  }

  private forgetToken({ tokens: { accessToken } }: Session): void {
    if (accessToken !== undefined) this.dependencies.accessTokens.forget(new PresentedToken(accessToken.reveal()));
  }

  /** Makes a change that may be repeated. */
  private async attempt(name: string, change: () => Promise<void>): Promise<boolean> {
    try {
      await change();
      return true;
    } catch (error) {
      if (!(error instanceof CoordinationUnavailableException)) throw error;
      const { events, options, outbox } = this.dependencies;
      events.emit({ type: 'coordination.failed', issuer: options.issuer, reason: reasonOf(error) });
      outbox.add(name, change);
      return false;
    }
  }
}
