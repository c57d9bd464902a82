/** What all processes know of a session: its newest form, and whether it was signed out or replaced. */
import type { OidcOptions } from '../config/options.js';
import { CoordinationUnavailableException, ForbiddenException, LoginRequiredException } from '../errors/exceptions.js';
import type { Session } from '../session/session.js';
import type { Tombstones } from '../session/tombstones.js';
import type { Successors } from './successors.js';

export interface SharedKnowledgeDependencies {
  readonly options: Pick<OidcOptions, 'custody'>;
  readonly successors: Successors;
  readonly tombstones: Tombstones;
}

/**
 * With custody `cookie` the request brings all that is needed; what is shared refines it, and while that is away the request counts. With custody
 * `store` every method throws `CoordinationUnavailableException` then.
 */
export class SharedKnowledge {
  constructor(private readonly dependencies: SharedKnowledgeDependencies) {}

  /** The newest form of a session. */
  newest(session: Session): Promise<Session> {
    return this.ifReachable(this.dependencies.successors.newest(session), session);
  }

  /** True when it is known here, without asking anybody, that a session was neither signed out nor renewed. */
  isKnownCurrent(session: Session): boolean {
    const { tombstones, successors } = this.dependencies;
    return tombstones.isKnownOpen(session) && successors.isKnownNewest(session);
  }

  /** As far as the word has come: for every request. */
  isSignedOut(session: Session): Promise<boolean> {
    return this.ifReachable(this.dependencies.tombstones.hasArrived(session), false);
  }

  /**
   * As far as anybody knows: before something is written that would outlive the logout.
   *
   * @throws LoginRequiredException when the session was signed out
   */
  async assertNotSignedOut(session: Session): Promise<void> {
    if (await this.ifReachable(this.dependencies.tombstones.has(session), false))
      throw new LoginRequiredException('login_required', 'the session was signed out');
  }

  /** True when a login has put another session in the place of this one. */
  isReplaced(session: Session): Promise<boolean> {
    return this.ifReachable(this.dependencies.tombstones.isReplaced(session), false);
  }

  /**
   * The session itself, or the one that replaced it since.
   *
   * @throws LoginRequiredException when it was signed out
   * @throws ForbiddenException `session_conflict` when another end-user has replaced it
   */
  async newestOpen(id: string, endUser: Session): Promise<{ readonly id: string }> {
    const fate = await this.ifReachable(this.dependencies.tombstones.fateOf({ id }, endUser), { is: 'open', id });
    switch (fate.is) {
      case 'open':
        return fate;
      case 'signed-out':
        throw new LoginRequiredException('login_required', 'the session was signed out meanwhile');
      case 'taken-over':
        throw new ForbiddenException('session_conflict', 'another end-user has signed in meanwhile; sign out first');
    }
  }

  private async ifReachable<Result>(asked: Promise<Result>, otherwise: Result): Promise<Result> {
    try {
      return await asked;
    } catch (error) {
      if (!(error instanceof CoordinationUnavailableException) || this.dependencies.options.custody !== 'cookie')
        throw error;
      return otherwise;
    }
  }
}
