/** Calls downstream APIs as the end-user: exchanges the live access token for one that the downstream API accepts. */
import type { Clock } from '../clock.js';
import {
  ForbiddenException,
  InvalidTokenException,
  OnBehalfOfException,
  ProviderUnavailableException,
} from '../errors/exceptions.js';
import type { OidcErrorCode } from '../errors/oidc.exception.js';
import type { OidcEvents } from '../observability/events.js';
import { reasonOf } from '../observability/reason.js';
import { Secret } from '../observability/secret.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import { ProviderRefusal } from '../provider/provider-refusal.js';
import type { TokenResponse } from '../provider/token-response.js';
import type { Principal } from '../session/principal.js';
import {
  assertionDigest,
  cacheKey,
  normalScope,
  toWire,
  type Assertion,
  type DownstreamRequest,
} from './downstream-request.js';
import type { CachePlace, DownstreamToken, DownstreamTokenCache } from './downstream-token.cache.js';

export interface OnBehalfOfDependencies {
  readonly provider: OpenIdProvider;
  readonly cache: DownstreamTokenCache;
  readonly clock: Clock;
  readonly events: OidcEvents;
}

/** Refusals that the end-user can resolve, by their standard codes (OpenID Connect Core section 3.1.2.6, Entra). */
const INTERACTION: ReadonlySet<string> = new Set<OidcErrorCode>([
  'interaction_required',
  'consent_required',
  'login_required',
  'account_selection_required',
]);

/**
 * Token exchange on behalf of the principal of a request, in the wire form of the provider: Entra's on-behalf-of flow (RFC 7523) or RFC 8693.
 *
 * @publicApi
 */
export class OnBehalfOfService {
  private readonly flights = new Map<string, Promise<DownstreamToken>>();

  constructor(private readonly dependencies: OnBehalfOfDependencies) {}

  /**
   * A token for a downstream API, from the cache or the provider. The assertion is always the principal's own verified, live access token;
   * an ID Token, an opaque token or an application's token is refused. What the downstream API does with the answer is not checked.
   *
   * @throws ForbiddenException `token_reuse_disabled`, `token_not_reusable`
   * @throws OnBehalfOfException `consent_required`, `interaction_required`, … with `claims` where the provider sent them
   * @throws ProviderUnavailableException when the provider cannot answer now
   */
  async getToken(principal: Principal, request: DownstreamRequest): Promise<DownstreamToken> {
    const assertion = this.assertionOf(principal);
    const digest = assertionDigest(assertion.token);
    const place = {
      key: cacheKey(assertion, request, this.dependencies.provider.options),
      assertion: assertion.token,
      assertionDigest: digest,
    };
    return (
      this.flights.get(place.key) ??
      (await this.dependencies.cache.get(place)) ??
      this.fly(place, () => this.exchange(assertion, request))
    );
  }

  /** Forgets what was exchanged for an access token, at logout. */
  async forget(accessToken: string): Promise<void> {
    await this.dependencies.cache.forget(assertionDigest(accessToken));
  }

  private fly(place: CachePlace, exchange: () => Promise<DownstreamToken>): Promise<DownstreamToken> {
    const known = this.flights.get(place.key);
    if (known !== undefined) return known;
    const flight = exchange()
      .then(async (token) => {
        await this.dependencies.cache.set(place, token);
        return token;
      })
      .finally(() => this.flights.delete(place.key));
    this.flights.set(place.key, flight);
    return flight;
  }

  private assertionOf(principal: Principal): Assertion {
    const { options } = this.dependencies.provider;
    const { accessToken, verifiedAccessToken: verified } = principal;
    if (!options.reuseTokens)
      throw new ForbiddenException(
        'token_reuse_disabled',
        'this application keeps no tokens: OPENID_REUSE_TOKENS is false',
      );
    if (accessToken === undefined || verified === undefined || options.reusedToken === 'id_token') {
      const remedy =
        'the access token is not one of this API; request a scope of it (OPENID_SCOPE) and name its audience (OPENID_AUDIENCE)';
      throw new ForbiddenException('token_not_reusable', remedy);
    }
    if (verified.claims['idtyp'] === 'app')
      throw new ForbiddenException('token_not_reusable', 'the token is an application token, not of an end-user');
    if (verified.expiresAt <= this.dependencies.clock.now())
      throw new InvalidTokenException('the access token has expired');
    return { token: accessToken.reveal(), verified };
  }

  private async exchange(assertion: Assertion, request: DownstreamRequest): Promise<DownstreamToken> {
    const { provider, clock, events } = this.dependencies;
    const about = { issuer: provider.issuer, subject: assertion.verified.subject, scope: normalScope(request.scope) };
    try {
      const response = await this.send(assertion, request);
      events.emit({ type: 'on_behalf_of.succeeded', ...about });
      // A token that does not say how long it lives is used once and not kept.
      const expiresAt = clock.now() + (response.expiresIn ?? 0);
      return { accessToken: new Secret(response.accessToken), expiresAt, scope: response.scope ?? about.scope };
    } catch (error) {
      const failure = asException(error);
      events.emit({
        type: 'on_behalf_of.failed',
        ...about,
        code: failure.code,
        reason: error instanceof ProviderRefusal ? error.error : reasonOf(error),
      });
      throw failure;
    }
  }

  /** An exchange changes nothing at the provider, so a transient failure is tried once more. */
  private async send(assertion: Assertion, request: DownstreamRequest): Promise<TokenResponse> {
    const { client, options } = this.dependencies.provider;
    const { grantType, parameters } = toWire(assertion, request, options);
    try {
      return await client.requestTokens(grantType, parameters);
    } catch (error) {
      if (!(error instanceof ProviderUnavailableException)) throw error;
      return client.requestTokens(grantType, parameters);
    }
  }
}

function asException(error: unknown): OnBehalfOfException | ProviderUnavailableException {
  if (error instanceof ProviderUnavailableException) return error;
  if (!(error instanceof ProviderRefusal))
    return new ProviderUnavailableException('the exchange failed', { cause: error });
  const { claims } = error;
  if (isInteraction(error.error)) {
    return new OnBehalfOfException(error.error, {
      description: 'the end-user has to sign in or consent again',
      claims,
      cause: error,
    });
  }
  if (claims !== undefined) {
    return new OnBehalfOfException('interaction_required', {
      description: 'the provider asks for further claims',
      claims,
      cause: error,
    });
  }
  const description = `the OpenID Provider refused the exchange with "${error.error}"; check the scope and the permissions of this application`;
  return new OnBehalfOfException('on_behalf_of_failed', { description, cause: error });
}

function isInteraction(code: string): code is OidcErrorCode {
  return INTERACTION.has(code);
}
