/** Knows the provider's metadata: fetched lazily, kept, fetched again in the background, never fatal at start. */
import type { Clock } from '../clock.js';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import { backoff } from './backoff.js';
import { parseJsonObject } from './json.js';
import { validateMetadata, type MetadataPolicy, type ProviderMetadata } from './metadata.js';
import type { ProviderFetch } from './provider-fetch.js';
import type { SharedCache } from './shared-cache.js';

/** Age in milliseconds at which metadata is fetched again behind the request that uses it. */
const MAX_AGE_MS = 600_000;
/** Seconds for which the last good document is kept in the shared cache. */
const KEEP_SECONDS = 86_400;
const CACHE_KEY = 'metadata';

export interface MetadataSourceOptions extends MetadataPolicy {
  readonly discoveryUrl: string;
  readonly timeout: number;
  readonly clock: Clock;
  readonly fetch: ProviderFetch;
  readonly cache: SharedCache;
}

/** Good metadata is never replaced by bad, and survives an outage of the provider. */
export class MetadataSource {
  private current: { readonly metadata: ProviderMetadata; readonly at: number } | undefined;
  private loading: Promise<ProviderMetadata> | undefined;
  private failures = 0;
  private notBefore = 0;
  private retry: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: MetadataSourceOptions) {}

  /** What is known now, if anything. */
  get known(): ProviderMetadata | undefined {
    return this.current?.metadata;
  }

  /**
   * The metadata; waits only for the very first document.
   *
   * @throws ProviderUnavailableException while it could not be had yet
   */
  async get(): Promise<ProviderMetadata> {
    const { current } = this;
    if (current === undefined) return this.first();
    if (this.options.clock.monotonic() - current.at > MAX_AGE_MS) this.refreshBehind();
    return current.metadata;
  }

  /** Asks for the first document without waiting, and goes on asking until there is one. */
  start(): void {
    this.refreshBehind();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retry);
  }

  private first(): Promise<ProviderMetadata> {
    const wait = this.notBefore - this.options.clock.monotonic();
    if (this.loading !== undefined || wait <= 0) return this.load();
    const failure = new ProviderUnavailableException('the OpenID Provider has not been reached yet', {
      retryAfter: Math.ceil(wait / 1000),
    });
    return Promise.reject(failure);
  }

  private refreshBehind(): void {
    if (this.options.clock.monotonic() < this.notBefore) return;
    this.load().catch(() => {
      // The failure is counted, reported as an event and tried again.
    });
  }

  private load(): Promise<ProviderMetadata> {
    this.loading ??= this.fetchOrRecall().finally(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  private async fetchOrRecall(): Promise<ProviderMetadata> {
    try {
      const metadata = await this.fetchDocument();
      this.failures = 0;
      this.notBefore = 0;
      return this.keep(metadata);
    } catch (error) {
      this.scheduleRetry();
      const known = this.current?.metadata ?? (await this.recall());
      if (known === undefined) throw error;
      return known;
    }
  }

  private async fetchDocument(): Promise<ProviderMetadata> {
    const { discoveryUrl, timeout, fetch, cache } = this.options;
    const response = await fetch.send(discoveryUrl, {
      method: 'GET',
      headers: { accept: 'application/json' },
      timeout,
    });
    if (response.status !== 200)
      throw new ProviderUnavailableException(`discovery was answered with ${String(response.status)}`);
    const text = await response.text();
    const metadata = this.parse(text);
    await cache.set(CACHE_KEY, { value: text, ttl: KEEP_SECONDS });
    return metadata;
  }

  private parse(text: string): ProviderMetadata {
    try {
      return validateMetadata(parseJsonObject(text), this.options);
    } catch (error) {
      if (error instanceof ProviderUnavailableException) throw error;
      throw new ProviderUnavailableException('the discovery document is no JSON object', { cause: error });
    }
  }

  /** The last good document of this or another instance, checked again as if it had just come. */
  private async recall(): Promise<ProviderMetadata | undefined> {
    const text = await this.options.cache.get(CACHE_KEY);
    if (text === undefined) return undefined;
    try {
      return this.keep(this.parse(text));
    } catch {
      // Written by another version or for another configuration: as good as absent.
      return undefined;
    }
  }

  private keep(metadata: ProviderMetadata): ProviderMetadata {
    this.current = { metadata, at: this.options.clock.monotonic() };
    return metadata;
  }

  private scheduleRetry(): void {
    this.failures += 1;
    const wait = backoff(this.failures);
    this.notBefore = this.options.clock.monotonic() + wait;
    clearTimeout(this.retry);
    if (this.closed) return;
    this.retry = setTimeout(() => {
      this.notBefore = 0;
      this.refreshBehind();
    }, wait);
    this.retry.unref();
  }
}
