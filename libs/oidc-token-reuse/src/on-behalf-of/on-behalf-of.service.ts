/** Calls downstream APIs as the end-user: exchanges the live access token for one that the downstream API accepts. */
import type { Clock } from '../clock.js';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import type { OidcEvents } from '../observability/events.js';
import { reasonOf } from '../observability/reason.js';
import { Secret } from '../observability/secret.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import { requestedWait } from '../provider/provider-fetch.js';
import { ProviderRefusal } from '../provider/provider-refusal.js';
import type { TokenResponse } from '../provider/token-response.js';
import type { Principal } from '../session/principal.js';
import { peekClaims } from '../session/token-set.js';
import { assertionOf, type Assertion } from './assertion.js';
import { cacheKey, normalScope, ownerOf, toWire, type DownstreamRequest, type Owner } from './downstream-request.js';
import type { CachePlace, DownstreamToken, DownstreamTokenCache } from './downstream-token.cache.js';
import { exchangeRefusal } from './exchange-refusal.js';

export interface OnBehalfOfDependencies {
  readonly provider: OpenIdProvider;
  readonly cache: DownstreamTokenCache;
  readonly clock: Clock;
  readonly events: OidcEvents;
}

interface Flight {
  readonly owner: string;
  readonly token: Promise<DownstreamToken>;
}

/**
 * Token exchange on behalf of the principal of a request, in the wire form of the provider: Entra's on-behalf-of flow (RFC 7523) or RFC 8693.
 *
 * @publicApi
 */
export class OnBehalfOfService {
  /** Exchanges under way whose result is to be kept, by the key of that result. */
  private readonly flights = new Map<string, Flight>();

  constructor(private readonly dependencies: OnBehalfOfDependencies) {}

  /**
   * A token for a downstream API, from the cache or the provider; all who ask for the same at the same time share one exchange. The assertion is
   * always the principal's own verified, live access token; an ID Token, an opaque token or an application's token is refused. What the downstream
   * API does with the answer is not checked.
   *
   * @throws ForbiddenException `token_reuse_disabled`, `token_not_reusable`
   * @throws InvalidTokenException when the access token has expired since the request began
   * @throws OnBehalfOfException `consent_required`, `interaction_required`, … with `claims` where the provider sent them
   * @throws ProviderUnavailableException when the provider cannot answer now
   */
  async getToken(principal: Principal, request: DownstreamRequest): Promise<DownstreamToken> {
    const { provider, clock, cache } = this.dependencies;
    const { options } = provider;
    const assertion = assertionOf(principal, { options, now: clock.now() });
    const place: CachePlace = {
      key: cacheKey(assertion, request, options),
      assertion: assertion.token,
      until: assertion.verified.expiresAt,
      owner: ownerOf(principal),
    };
    return (
      cache.near(place) ??
      this.fly(place, async () => (await cache.far(place)) ?? this.exchange(assertion, request)).token
    );
  }

  /** Forgets what was exchanged on behalf of an end-user, as far as this process knows it, and keeps nothing of what is under way. */
  async forget(owner: Owner): Promise<void> {
    const name = ownerOf(owner);
    for (const [key, flight] of this.flights) if (flight.owner === name) this.flights.delete(key);
    await this.dependencies.cache.forget(name);
  }

  private fly(place: CachePlace, obtain: () => Promise<DownstreamToken>): Flight {
    const known = this.flights.get(place.key);
    if (known !== undefined) return known;
    const isKept = (): boolean => this.flights.get(place.key) === flight;
    const token = obtain()
      .then(async (obtained) => {
        if (isKept()) await this.dependencies.cache.set(place, obtained);
        return obtained;
      })
      .finally(() => {
        if (isKept()) this.flights.delete(place.key);
      });
    const flight: Flight = { owner: place.owner, token };
    this.flights.set(place.key, flight);
    return flight;
  }

  private async exchange(assertion: Assertion, request: DownstreamRequest): Promise<DownstreamToken> {
    const { provider, clock, events } = this.dependencies;
    const about = { issuer: provider.issuer, subject: assertion.verified.subject, scope: normalScope(request.scope) };
    try {
      const response = await this.send(assertion, request);
      events.emit({ type: 'on_behalf_of.succeeded', ...about });
      const expiresAt = expiryOf(response, clock.now());
      return { accessToken: new Secret(response.accessToken), expiresAt, scope: response.scope ?? about.scope };
    } catch (error) {
      if (!(error instanceof ProviderRefusal)) {
        events.emit({ type: 'on_behalf_of.failed', ...about, code: 'provider_unavailable', reason: reasonOf(error) });
        throw error;
      }
      const refusal = exchangeRefusal(error);
      events.emit({ type: 'on_behalf_of.failed', ...about, code: refusal.code, reason: error.error });
      throw refusal;
    }
  }

  /** An exchange changes nothing at the provider, so a transient failure is tried once more, unless the provider asks to be left alone. */
  private async send(assertion: Assertion, request: DownstreamRequest): Promise<TokenResponse> {
    const { client, options } = this.dependencies.provider;
    const { grantType, parameters } = toWire(assertion, request, options);
    try {
      return await client.requestTokens(grantType, parameters);
    } catch (error) {
      if (!(error instanceof ProviderUnavailableException) || requestedWait(error) > 0) throw error;
      return client.requestTokens(grantType, parameters);
    }
  }
}

/** `expires_in`, else the token's own `exp`; a token that does not say how long it lives is used once and not kept. */
function expiryOf({ expiresIn, accessToken }: TokenResponse, now: number): number {
  if (expiresIn !== undefined) return now + expiresIn;
  const exp = peekClaims(accessToken)?.['exp'];
  return typeof exp === 'number' && Number.isFinite(exp) ? Math.floor(exp) : now;
}
