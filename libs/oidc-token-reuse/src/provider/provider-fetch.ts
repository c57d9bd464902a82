/** The door through which every request to the provider leaves: bounded in time and size, no redirects, failures told apart. */
import type { Clock } from '../clock.js';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import { CircuitBreaker } from './circuit-breaker.js';

/** Answers of a provider are JSON documents of a few kilobytes. */
const MAX_RESPONSE_BYTES = 512 * 1024;
/** The longest `Retry-After` that is passed on, in seconds. */
const MAX_RETRY_AFTER = 120;

export interface ProviderRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Milliseconds. */
  readonly timeout: number;
}

export interface ProviderFetchOptions {
  readonly clock: Clock;
  readonly fetch: typeof fetch | undefined;
  readonly onDown: (error: unknown) => void;
  readonly onUp: () => void;
}

/** A request that may have been processed although no usable answer came back. */
export class LostResponseException extends ProviderUnavailableException {}

/** An answer of a provider that is well but will not serve this request now, or not here. */
class RefusedAnswerException extends ProviderUnavailableException {}

/** Sends requests to one provider. */
export class ProviderFetch {
  private readonly breaker: CircuitBreaker;
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
    this.breaker.assertClosed();
    try {
      const response = await this.exchange(url, request);
      const now = this.options.clock.millis();
      assertNoServerError(response, now);
      this.succeeded();
      return assertAnswer(response, now);
    } catch (error) {
      if (!(error instanceof RefusedAnswerException)) this.failed(error);
      throw error;
    }
  }

  private async exchange(url: string, request: ProviderRequest): Promise<Response> {
    try {
      const send = this.options.fetch ?? fetch;
      const response = await send(url, {
        method: request.method,
        headers: request.headers,
        ...(request.body === undefined ? {} : { body: request.body }),
        redirect: 'manual',
        signal: AbortSignal.timeout(request.timeout),
      });
      return await buffered(response);
    } catch (error) {
      throw transportFailure(error);
    }
  }

  private succeeded(): void {
    this.breaker.succeeded();
    if (this.down) this.options.onUp();
    this.down = false;
  }

  private failed(error: unknown): void {
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
    if (size > MAX_RESPONSE_BYTES) throw new LostResponseException('the answer of the OpenID Provider is too large');
    chunks.push(chunk);
  }
  // A null body is what these statuses require (Fetch standard, null body status).
  const hasBody = response.status !== 204 && response.status !== 304;
  return new Response(hasBody ? Buffer.concat(chunks) : null, {
    status: statusOf(response),
    headers: response.headers,
  });
}

/** An opaque redirect has status 0, which a `Response` cannot be made with. */
function statusOf(response: Response): number {
  return response.status === 0 ? 302 : response.status;
}

function assertNoServerError(response: Response, now: number): void {
  if (response.status < 500) return;
  throw new LostResponseException(`the OpenID Provider answered ${String(response.status)}`, {
    retryAfter: retryAfterOf(response, now),
  });
}

function assertAnswer(response: Response, now: number): Response {
  const { status } = response;
  if (status >= 300 && status < 400)
    throw new RefusedAnswerException('the OpenID Provider answered with a redirect, which is refused');
  if (status !== 429) return response;
  throw new RefusedAnswerException('the OpenID Provider asks for fewer requests', {
    retryAfter: retryAfterOf(response, now),
  });
}

/** `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3), at least 1 and at most 120 seconds. */
function retryAfterOf(response: Response, now: number): number | undefined {
  const value = response.headers.get('retry-after');
  if (value === null) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - now) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 1), MAX_RETRY_AFTER);
}

/** Failures that prove that the request never reached the provider. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function transportFailure(error: unknown): ProviderUnavailableException {
  if (error instanceof ProviderUnavailableException) return error;
  const sent = !NEVER_SENT.has(codeOf(error));
  const Failure = sent ? LostResponseException : ProviderUnavailableException;
  return new Failure('the OpenID Provider did not answer', { cause: error });
}

function codeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  return typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : '';
}
