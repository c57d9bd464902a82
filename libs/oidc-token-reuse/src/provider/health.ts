/** Says how the provider is doing, for the application's health check. */
import type { OpenIdProvider } from './openid-provider.js';

/**
 * `ok`: the provider is known and answers. `degraded`: it does not; verification goes on with the keys that are held, sign-in and refresh may not.
 *
 * @publicApi
 */
export interface OidcHealthReport {
  readonly status: 'ok' | 'degraded';
  readonly issuer: string;
  /** The discovery document is known. */
  readonly metadata: boolean;
  /** Seconds since the signing keys were fetched; null before they were needed. */
  readonly keysAge: number | null;
}

/**
 * Asks nobody: reports what the last requests to the provider said.
 *
 * @publicApi
 */
export class OidcHealth {
  constructor(private readonly provider: OpenIdProvider) {}

  check(): OidcHealthReport {
    const { issuer, metadata, keys, isHealthy } = this.provider;
    return {
      status: isHealthy ? 'ok' : 'degraded',
      issuer,
      metadata: metadata.known !== undefined,
      keysAge: keys.age ?? null,
    };
  }
}
