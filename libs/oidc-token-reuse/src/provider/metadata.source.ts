/** Knows the provider's metadata: fetched lazily, kept, fetched again in the background, never fatal at start. */
import type { Clock } from '../clock.js';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import { Backoff } from './backoff.js';
import { parseJsonObject } from './json.js';
import { jsonTextOf } from './json-answer.js';
import type { LastGood } from './last-good.js';
import { validateMetadata, type MetadataPolicy, type ProviderMetadata } from './metadata.js';
import type { ProviderFetch } from './provider-fetch.js';
import { SingleFlight } from './single-flight.js';

/** Age in milliseconds at which metadata is fetched again behind the request that uses it. */
const MAX_AGE_MS = 600_000;

export interface MetadataSourceOptions extends MetadataPolicy {
  readonly discoveryUrl: string;
  readonly timeout: number;
  readonly clock: Clock;
  readonly fetch: ProviderFetch;
  readonly lastGood: LastGood;
  /** Told why there is no new metadata, each time for another reason. */
  readonly onFailing: (error: Error) => void;
}

interface Known {
  readonly metadata: ProviderMetadata;
  /** Monotonic milliseconds at which the provider gave it. */
  readonly at: number;
}

/** Good metadata is never replaced by bad, and survives an outage of the provider. One per provider. */
export class MetadataSource {
  private current: Known | undefined;
  private retry: NodeJS.Timeout | undefined;
  /** What the last failure in a row said. */
  private reported: string | undefined;
  private readonly closing = new AbortController();
  private readonly backoff: Backoff;
  private readonly fetching = new SingleFlight(() => this.fetchAndKeep());
  private readonly recalling = new SingleFlight(() => this.recall());

  constructor(private readonly options: MetadataSourceOptions) {
    this.backoff = new Backoff(options.clock);
  }

  /** What is known now, if anything. */
  get known(): ProviderMetadata | undefined {
    return this.current?.metadata;
  }

  /** The last attempt to fetch it failed. */
  get isFailing(): boolean {
    return this.backoff.isFailing;
  }

  /**
   * The metadata; waits only for the very first document.
   *
   * @throws ProviderUnavailableException while it could not be had yet
   */
  async get(): Promise<ProviderMetadata> {
    if (this.current === undefined) await this.recalling.run();
    return this.atOnce() ?? this.first();
  }

  /** As `get`, without waiting: undefined while there is none. */
  atOnce(): ProviderMetadata | undefined {
    const { current } = this;
    if (current === undefined) return undefined;
    if (this.options.clock.monotonic() - current.at > MAX_AGE_MS && this.backoff.remaining === 0) this.fetchBehind();
    return current.metadata;
  }

  /** Asks for the document without waiting, and goes on asking until there is a good one. */
  start(): void {
    this.fetchBehind();
  }

  /** Ends everything that runs without being waited for. */
  close(): void {
    this.closing.abort();
    clearTimeout(this.retry);
  }

  private async first(): Promise<ProviderMetadata> {
    const { remaining } = this.backoff;
    if (remaining === 0 || this.fetching.isFlying) return this.fetching.run();
    throw new ProviderUnavailableException('the OpenID Provider has not been reached yet', {
      retryAfter: Math.ceil(remaining / 1000),
    });
  }

  private fetchBehind(): void {
    if (this.closing.signal.aborted) return;
    this.fetching.run().catch(() => {
      // The failure is counted and reported where it happened, and tried again.
    });
  }

  private async fetchAndKeep(): Promise<ProviderMetadata> {
    try {
      const text = await this.fetchText();
      const metadata = this.parse(text);
      this.current = { metadata, at: this.options.clock.monotonic() };
      this.backoff.succeeded();
      this.reported = undefined;
      void this.options.lastGood.keep('metadata', text);
      return metadata;
    } catch (error) {
      const failure = asUnavailable(error);
      if (!this.closing.signal.aborted) this.failed(failure, error);
      throw failure;
    }
  }

  private async fetchText(): Promise<string> {
    const { discoveryUrl, timeout, fetch } = this.options;
    const headers = { accept: 'application/json' };
    return jsonTextOf(await fetch.send(discoveryUrl, { method: 'GET', headers, timeout, signal: this.closing.signal }));
  }

  private parse(text: string): ProviderMetadata {
    return validateMetadata(parseJsonObject(text), this.options);
  }

  /** The last good document of this or another instance, checked again as if it had just come. */
  private async recall(): Promise<void> {
    const { lastGood, clock } = this.options;
    const document = await lastGood.recall('metadata');
    if (document === undefined) return;
    try {
      this.current ??= { metadata: this.parse(document.text), at: clock.monotonic() - document.age * 1000 };
    } catch {
      // Kept for another configuration: as good as absent.
    }
  }

  private failed(failure: ProviderUnavailableException, error: unknown): void {
    if (failure.message !== this.reported) this.options.onFailing(failure);
    this.reported = failure.message;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      this.fetchBehind();
    }, this.backoff.failed(error));
    this.retry.unref();
  }
}

/** Nobody loses anything with a document: for whoever needed it to send a token request, that request was not sent. */
function asUnavailable(error: unknown): ProviderUnavailableException {
  if (error instanceof ProviderUnavailableException) {
    const { message, cause, retryAfter } = error;
    return new ProviderUnavailableException(message, { cause, retryAfter });
  }
  return new ProviderUnavailableException('the discovery document is no JSON object', { cause: error });
}
