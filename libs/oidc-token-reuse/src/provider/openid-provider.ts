/** Everything that belongs to one OpenID Provider, as one object. */
import type { Cache } from 'cache-manager';
import type { Clock } from '../clock.js';
import type { OidcOptions } from '../config/options.js';
import type { OidcEvents } from '../observability/events.js';
import { reasonOf } from '../observability/reason.js';
import { ClientCredentials } from './client-credentials.js';
import { JwkSetSource } from './jwk-set.source.js';
import { LastGood } from './last-good.js';
import { MetadataSource } from './metadata.source.js';
import { ProtocolClient } from './protocol.client.js';
import { ProviderFetch } from './provider-fetch.js';
import { SharedCache } from './shared-cache.js';

export interface OpenIdProviderDependencies {
  readonly options: OidcOptions;
  readonly clock: Clock;
  readonly events: OidcEvents;
  readonly cache: Cache | undefined;
}

/** One provider: its options, metadata, keys, client and cache namespace. */
export class OpenIdProvider {
  readonly options: OidcOptions;
  readonly metadata: MetadataSource;
  readonly keys: JwkSetSource;
  readonly client: ProtocolClient;
  readonly cache: SharedCache;
  private readonly fetch: ProviderFetch;

  constructor({ options, clock, events, cache }: OpenIdProviderDependencies) {
    const { issuer, clientId, httpTimeout: timeout, jwksCache, jwksCacheTime, sessionSecrets: secrets } = options;
    const namespace = `oidc:${issuer}:${clientId}`;
    this.options = options;
    this.cache = new SharedCache(cache, { issuer, namespace, events, clock });
    this.fetch = new ProviderFetch({
      clock,
      fetch: options.fetch,
      onDown: (error) => {
        events.emit({ type: 'provider.down', issuer, reason: reasonOf(error) });
      },
      onUp: () => {
        events.emit({ type: 'provider.up', issuer });
      },
    });
    const lastGood = new LastGood(this.cache, { clock, secrets, owner: namespace });
    const shared = { clock, fetch: this.fetch, lastGood, timeout };
    this.metadata = new MetadataSource({
      ...options,
      ...shared,
      onFailing: (error) => {
        // A provider that does not answer has been reported as that.
        if (!this.fetch.isDown) events.emit({ type: 'metadata.rejected', issuer, reason: reasonOf(error) });
      },
    });
    this.keys = new JwkSetSource({
      ...shared,
      jwksUri: async () => (await this.metadata.get()).jwks_uri,
      cacheTime: jwksCache ? jwksCacheTime : 0,
      onFailing: (error) => {
        events.emit({ type: 'keys.stale', issuer, reason: reasonOf(error) });
      },
    });
    this.client = new ProtocolClient({
      options,
      metadata: this.metadata,
      fetch: this.fetch,
      credentials: new ClientCredentials({ options, clock, events }),
    });
  }

  get issuer(): string {
    return this.options.issuer;
  }

  /** True when the provider is known, answered its last request, and what it published last can be used. */
  get isHealthy(): boolean {
    const { metadata, keys, fetch } = this;
    return metadata.known !== undefined && !fetch.isDown && !metadata.isFailing && !keys.isFailing;
  }

  /** Ends what runs in the background. Requests that somebody waits for go on. */
  close(): void {
    this.metadata.close();
    this.keys.close();
  }
}
