/** A live access token where there is no response at hand: in streams, queues and scheduled work. */
import { tokenReuseDisabled } from '../errors/exceptions.js';
import type { Secret } from '../observability/secret.js';
import type { Session } from '../session/session.js';
import type { RefreshService } from './refresh.service.js';

/**
 * Gives the access token of a session at the moment of use, renewed when that is needed. The browser that the session belongs to finds the renewed
 * token set at its next request.
 *
 * @publicApi
 */
export class TokenSource {
  constructor(
    private session: Session,
    private readonly refresh: RefreshService,
  ) {}

  /**
   * A token that can be used now.
   *
   * @throws LoginRequiredException when the session has ended or was signed out
   * @throws ProviderUnavailableException when it could not be renewed now
   * @throws ForbiddenException `token_reuse_disabled` when the session holds no tokens
   */
  async getAccessToken(): Promise<Secret> {
    this.session = await this.refresh.alive(this.session);
    const { accessToken } = this.session.tokens;
    if (accessToken !== undefined) return accessToken;
    throw tokenReuseDisabled();
  }
}
