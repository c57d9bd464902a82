/** Remembers what was asked of the provider: endpoint, grant, status and time, never a value that was sent. */
import { isGrant, type EndpointKind, type Exchange } from './http/exchange.js';

/** One request to the provider, or one logout token that it sent. */
export interface LoggedRequest {
  /** Epoch milliseconds at arrival. */
  readonly time: number;
  readonly kind: EndpointKind | 'backchannel_logout';
  readonly method: string;
  /** `grant_type` of a token request. */
  readonly grant: string | undefined;
  /** Whether it came to the address for clients with certificates, with one. */
  readonly certificate: boolean;
  /** Status of the response; 0 while there is none, and when the connection was dropped. */
  status: number;
}

/** The requests seen since the start or the last reset; the oldest of more than 10000 are forgotten. */
export class RequestLog {
  #requests: LoggedRequest[] = [];

  /** How many requests of a kind arrived, optionally with one grant type only; answered or not. */
  count(kind: LoggedRequest['kind'], filter: { grant?: string } = {}): number {
    const { grant } = filter;
    return this.#requests.filter(
      (request) => request.kind === kind && (grant === undefined || isGrant(request.grant, grant)),
    ).length;
  }

  /** The requests in order of arrival. */
  list(): readonly Readonly<LoggedRequest>[] {
    return [...this.#requests];
  }

  /** Forgets everything counted so far. */
  reset(): void {
    this.#requests = [];
  }

  /** @internal */
  arrived(
    exchange: Pick<Exchange, 'method' | 'grant'> & { certificate?: boolean; kind: LoggedRequest['kind'] },
  ): LoggedRequest {
    const { kind, method, grant, certificate = false } = exchange;
    const request: LoggedRequest = { time: Date.now(), kind, method, grant, certificate, status: 0 };
    this.#requests.push(request);
    if (this.#requests.length > 10_000) this.#requests.shift();
    return request;
  }
}
