/** Calls a node:http request handler with a replayed request and captures the response instead of sending it. */
import { IncomingMessage, ServerResponse, type IncomingHttpHeaders } from 'node:http';
import type { Exchange } from './exchange.js';
import type { Reply } from './reply.js';

/** A node:http request handler. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** What the handler is to see; by default the request as it came. */
export interface ReplayedCall {
  method?: string;
  path?: string;
  headers?: IncomingHttpHeaders;
  body?: Buffer;
}

class ReplayedRequest extends IncomingMessage {
  constructor(exchange: Exchange, call: ReplayedCall) {
    super(exchange.request.socket);
    this.method = call.method ?? exchange.method;
    this.url = call.path ?? exchange.request.url ?? '/';
    this.headers = call.headers ?? exchange.headers;
    this.httpVersion = exchange.request.httpVersion;
    // the stream ends on its own; an incomplete message would take the connection down with it
    this.complete = true;
    this.push(call.body ?? exchange.body);
    this.push(null);
  }

  override _read(): void {
    // everything was pushed by the constructor
  }
}

class CapturedResponse extends ServerResponse {
  readonly #chunks: Buffer[] = [];
  readonly #done: (reply: Reply) => void;

  constructor(request: IncomingMessage, done: (reply: Reply) => void) {
    super(request);
    this.#done = done;
  }

  override write(chunk: unknown): boolean {
    this.#collect(chunk);
    return true;
  }

  override end(chunk?: unknown): this {
    this.#collect(chunk);
    const headers = { ...this.getHeaders() };
    this.#done({ status: this.statusCode, headers, body: Buffer.concat(this.#chunks) });
    return this;
  }

  #collect(chunk: unknown): void {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.#chunks.push(Buffer.from(chunk));
  }
}

/** Runs the handler and resolves with what it would have sent. */
export function capture(handler: RequestHandler, exchange: Exchange, call: ReplayedCall = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = new ReplayedRequest(exchange, call);
    const response = new CapturedResponse(request, resolve);
    Promise.resolve(handler(request, response)).catch(reject);
  });
}
