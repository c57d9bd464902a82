/** The door through which every request to the provider leaves: bounded in time, size and number, no redirects, failures told apart. */
import type { Clock } from '../clock.js';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { retryAfterOf, wasNeverSent } from './wire-signs.js';

/** Answers of a provider are JSON documents of a few kilobytes. */
const MAX_RESPONSE_BYTES = 512 * 1024;
/** Requests under way at the same time: a provider that is slow is not helped by more of them, and neither is this process. */
const MAX_IN_FLIGHT = 500;
/** Statuses whose responses have no body (Fetch standard, null body status). */
const NULL_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

export interface ProviderRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Milliseconds for the whole answer. */
  readonly timeout: number;
  /** Ends a request that nobody waits for. A token request has none: it is never aborted, since its answer may be the only copy. */
  readonly signal?: AbortSignal | undefined;
  /** In place of `fetch`, for a request that presents a certificate of the client. */
  readonly transport?: typeof fetch | undefined;
}

export interface ProviderFetchOptions {
  readonly clock: Clock;
  readonly fetch: typeof fetch | undefined;
  readonly onDown: (error: Error) => void;
  readonly onUp: () => void;
}

/** One request to the provider that brought nothing. */
abstract class RequestFailure extends ProviderUnavailableException {
  /** Seconds for which the provider asked to be left alone, with `Retry-After`; 0 when it did not say. */
  readonly requestedWait: number;

  constructor(
    description: string,
    options: { readonly cause?: unknown; readonly retryAfter?: number | undefined } = {},
  ) {
    super(description, options);
    this.requestedWait = options.retryAfter ?? 0;
  }
}

/** A request that may have been processed although no usable answer came back. */
export class LostResponseException extends RequestFailure {}

/** An answer of a provider that is well and says that it did not serve the request. */
class RefusedAnswerException extends RequestFailure {}

/** Seconds for which the provider asked not to be asked again; 0 when it did not. */
export function requestedWait(error: unknown): number {
  return error instanceof RequestFailure ? error.requestedWait : 0;
}

/** Sends requests to one provider. */
export class ProviderFetch {
  private readonly breaker: CircuitBreaker;
  private inFlight = 0;
  private down = false;

  constructor(private readonly options: ProviderFetchOptions) {
    this.breaker = new CircuitBreaker(options.clock);
  }

  /** True since the last request failed to get an answer. */
  get isDown(): boolean {
    return this.down;
  }

  /**
   * Sends a request and reads the whole answer. A status below 500 other than a redirect or 429 is returned, whatever it says.
   *
   * @throws LostResponseException when the request may have been processed
   * @throws ProviderUnavailableException when it was not, or the provider says that it cannot answer now
   */
  async send(url: string, request: ProviderRequest): Promise<Response> {
    this.assertAdmitted();
    this.inFlight += 1;
    try {
      const response = await this.exchange(url, request);
      this.succeeded();
      return this.assertServed(response);
    } finally {
      this.inFlight -= 1;
    }
  }

  private assertAdmitted(): void {
    if (this.inFlight >= MAX_IN_FLIGHT)
      throw new ProviderUnavailableException('too many requests to the OpenID Provider are waiting', { retryAfter: 1 });
    if (!this.breaker.allows())
      throw new ProviderUnavailableException('the OpenID Provider does not answer', { retryAfter: 1 });
  }

  private async exchange(url: string, request: ProviderRequest): Promise<Response> {
    try {
      return this.assertNoServerError(await this.fetched(url, request));
    } catch (error) {
      const failure = transportFailure(error);
      if (request.signal?.aborted !== true) this.failed(failure);
      throw failure;
    }
  }

  private async fetched(url: string, request: ProviderRequest): Promise<Response> {
    const { method, headers, body, timeout, signal, transport } = request;
    const send = transport ?? this.options.fetch ?? fetch;
    const deadline = AbortSignal.timeout(timeout);
    const response = await send(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    });
    return buffered(response);
  }

  private assertNoServerError(response: Response): Response {
    if (response.status < 500) return response;
    throw new LostResponseException(`the OpenID Provider answered ${String(response.status)}`, {
      retryAfter: retryAfterOf(response, this.options.clock.millis()),
    });
  }

  /** A provider that is well, but will not serve this request now, or not here. */
  private assertServed(response: Response): Response {
    const { status } = response;
    if (status >= 300 && status < 400)
      throw new RefusedAnswerException('the OpenID Provider answered with a redirect, which is refused');
    if (status !== 429) return response;
    throw new RefusedAnswerException('the OpenID Provider asks for fewer requests', {
      retryAfter: retryAfterOf(response, this.options.clock.millis()),
    });
  }

  private succeeded(): void {
    this.breaker.succeeded();
    if (this.down) this.options.onUp();
    this.down = false;
  }

  private failed(error: Error): void {
    this.breaker.failed();
    if (!this.down) this.options.onDown(error);
    this.down = true;
  }
}

async function buffered(response: Response): Promise<Response> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const body = (response.body ?? []) as AsyncIterable<Uint8Array>; // a stream of bytes, which the types of Node 20 do not say
  for await (const chunk of body) {
    size += chunk.byteLength;
    // Leaving the loop cancels the stream, and with it the connection.
    if (size > MAX_RESPONSE_BYTES) throw new LostResponseException('the answer of the OpenID Provider is too large');
    chunks.push(chunk);
  }
  const status = statusOf(response);
  return new Response(NULL_BODY.has(status) ? null : Buffer.concat(chunks), { status, headers: response.headers });
}

/** An opaque redirect, as browsers and some replacements of `fetch` report it, has status 0, which no `Response` can be made with. */
function statusOf({ status }: Response): number {
  return status === 0 ? 302 : status;
}

/** What `fetch` threw, as a failure of ours. When in doubt the request was processed. */
function transportFailure(error: unknown): ProviderUnavailableException {
  if (error instanceof ProviderUnavailableException) return error;
  const Failure = wasNeverSent(error) ? ProviderUnavailableException : LostResponseException;
  return new Failure('the OpenID Provider did not answer', { cause: error });
}
