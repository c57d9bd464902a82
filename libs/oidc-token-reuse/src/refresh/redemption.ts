/** Redeems a refresh token (RFC 6749 section 6) and makes sure that the same end-user came back (OpenID Connect Core section 12.2). */
import type { Clock } from '../clock.js';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import type { OidcEvents } from '../observability/events.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import { LostResponseException } from '../provider/provider-fetch.js';
import type { TokenResponse } from '../provider/token-response.js';
import { claimsOf, type Session } from '../session/session.js';
import { sessionDigest } from '../session/tombstones.js';
import { peekClaims, toTokenSet } from '../session/token-set.js';
import { MistimedTokenError } from '../verification/claims.js';
import { InvalidIdTokenError, type IdTokenVerifier } from '../verification/id-token.verifier.js';

/** The refreshed tokens are not those of the end-user who signed in. */
export class IdentityChangedError extends Error {
  override readonly name = 'IdentityChangedError';

  constructor(
    readonly claim: string,
    cause?: unknown,
  ) {
    super(`the refreshed ID Token has another "${claim}"`, { cause });
  }
}

export interface RedemptionDependencies {
  readonly provider: OpenIdProvider;
  readonly idTokens: IdTokenVerifier;
  readonly clock: Clock;
  readonly events: OidcEvents;
}

export class Redemption {
  constructor(private readonly dependencies: RedemptionDependencies) {}

  /**
   * Asks the provider once, and once more with the same token when the answer was lost and the provider allows that (`replayWindow`).
   *
   * @throws ProviderRefusal, ProviderUnavailableException, IdentityChangedError
   */
  async redeem(session: Session, refreshToken: string): Promise<Session> {
    const response = await this.request(session, refreshToken);
    const idToken = await this.acceptedIdToken(session, response);
    const kept = session.tokens;
    const tokens = toTokenSet(
      { ...response, refreshToken: response.refreshToken ?? refreshToken, idToken },
      this.dependencies.clock,
    );
    const refreshExpiresAt =
      tokens.refreshExpiresAt ?? (response.refreshToken === undefined ? kept.refreshExpiresAt : undefined);
    const renewed = { ...tokens, refreshExpiresAt, scope: tokens.scope ?? kept.scope };
    return {
      ...session,
      tokens: renewed,
      claims: claimsOf(renewed),
      renewedAt: renewed.issuedAt,
      generation: session.generation + 1,
    };
  }

  private async request(session: Session, refreshToken: string): Promise<TokenResponse> {
    const { provider, clock, events } = this.dependencies;
    const started = clock.monotonic();
    try {
      return await this.send(refreshToken);
    } catch (error) {
      if (!(error instanceof LostResponseException)) throw error;
      const replayed = clock.monotonic() - started < provider.options.replayWindow * 1000;
      events.emit({ type: 'refresh.lost_response', issuer: session.issuer, session: sessionDigest(session), replayed });
      if (!replayed) throw error;
      return this.send(refreshToken);
    }
  }

  private send(refreshToken: string): Promise<TokenResponse> {
    const { client, options } = this.dependencies.provider;
    return client.requestTokens('refresh_token', {
      refresh_token: refreshToken,
      ...(options.refreshScope === undefined ? {} : { scope: options.refreshScope }),
      ...(options.refreshAudience === undefined ? {} : { audience: options.refreshAudience }),
      ...(options.resource === undefined ? {} : { resource: options.resource }),
    });
  }

  /** The ID Token the session goes on with: the new one if there is one and it can be verified now, else the one it has. */
  private async acceptedIdToken(session: Session, { idToken, accessToken }: TokenResponse): Promise<string> {
    const previous = session.tokens.idToken.reveal();
    if (idToken === undefined) return previous;
    try {
      const { claims } = await this.dependencies.idTokens.verify(idToken, {
        nonce: undefined,
        accessToken,
        maxAge: undefined,
      });
      assertContinuity(session, claims);
      return idToken;
    } catch (error) {
      if (error instanceof InvalidIdTokenError && !isAboutTime(error))
        throw new IdentityChangedError('id_token', error);
      if (!(error instanceof InvalidIdTokenError || error instanceof ProviderUnavailableException)) throw error;
      // A clock is off, or there are no keys just now: the refresh token has rotated already, and TLS vouches for the answer (OpenID Connect Core
      // section 3.1.3.7, 6).
      assertContinuity(session, peekClaims(idToken) ?? {});
      return previous;
    }
  }
}

function assertContinuity(
  { issuer, subject, tenant, claims: before }: Session,
  after: Readonly<Record<string, unknown>>,
): void {
  if (after['iss'] !== issuer) throw new IdentityChangedError('iss');
  if (after['sub'] !== subject) throw new IdentityChangedError('sub');
  if (tenant !== undefined && after['tid'] !== tenant) throw new IdentityChangedError('tid');
  const nonces = [before['nonce'], after['nonce']];
  if (!nonces.includes(undefined) && nonces[0] !== nonces[1]) throw new IdentityChangedError('nonce');
}

function isAboutTime({ cause }: InvalidIdTokenError): boolean {
  return cause instanceof MistimedTokenError;
}
