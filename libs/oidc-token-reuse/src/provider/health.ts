/** Says how the provider and the shared store are doing, for the application's health check. */

/**
 * `ok`: the provider is known and answers, and so does the shared store. `degraded`: one of them does not; verification goes on with the keys that
 * are held, sign-in and refresh may not.
 *
 * @publicApi
 */
export interface OidcHealthReport {
  readonly status: 'ok' | 'degraded';
  readonly issuer: string;
  /** The discovery document is known. */
  readonly metadata: boolean;
  /** The shared store answers; always true in memory. */
  readonly sharedStore: boolean;
  /** Seconds since the signing keys were fetched; null before they were needed. */
  readonly keysAge: number | null;
}

/** What is looked at of an `OpenIdProvider`. */
interface ObservedProvider {
  readonly issuer: string;
  readonly metadata: { readonly known: unknown };
  readonly keys: { readonly age: number | undefined };
  readonly isHealthy: boolean;
}

/**
 * Asks nobody: reports what the last requests said.
 *
 * @publicApi
 */
export class OidcHealth {
  constructor(
    private readonly provider: ObservedProvider,
    private readonly coordinator: { readonly isHealthy: boolean },
  ) {}

  check(): OidcHealthReport {
    const { issuer, metadata, keys, isHealthy } = this.provider;
    return {
      status: isHealthy && this.coordinator.isHealthy ? 'ok' : 'degraded',
      issuer,
      metadata: metadata.known !== undefined,
      sharedStore: this.coordinator.isHealthy,
      keysAge: keys.age ?? null,
    };
  }
}
