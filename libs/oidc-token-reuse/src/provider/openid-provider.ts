/** Everything that belongs to one OpenID Provider, as one object. */
import type { Cache } from 'cache-manager';
import type { Clock } from '../clock.js';
import type { OidcOptions } from '../config/options.js';
import type { OidcEvents } from '../observability/events.js';
import { reasonOf } from '../observability/reason.js';
import { JwkSetSource } from './jwk-set.source.js';
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
    const { issuer } = options;
    this.options = options;
    this.cache = new SharedCache(cache, { issuer, namespace: `oidc:${issuer}:${options.clientId}`, events });
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
    const shared = { clock, fetch: this.fetch, cache: this.cache, timeout: options.httpTimeout };
    this.metadata = new MetadataSource({ ...options, ...shared });
    this.keys = new JwkSetSource({
      ...shared,
      jwksUri: async () => (await this.metadata.get()).jwks_uri,
      cacheTime: options.jwksCache ? options.jwksCacheTime : 0,
      onStale: (reason) => {
        events.emit({ type: 'keys.stale', issuer, reason });
      },
    });
    this.client = new ProtocolClient(options, this.metadata, this.fetch);
  }

  get issuer(): string {
    return this.options.issuer;
  }

  /** True when the provider is known and answered its last request. */
  get isHealthy(): boolean {
    return this.metadata.known !== undefined && !this.fetch.isDown;
  }
}
