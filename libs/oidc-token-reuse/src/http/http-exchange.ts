/** The one door to HTTP: a request and its response, the same on Express and on Fastify. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import onHeaders from 'on-headers';
import { CookieJar } from './cookie-header.js';

/** What the rest of the library may ask of a request and do to its response. */
export interface HttpExchange {
  readonly method: string;
  /** Path and query as the browser sent them. */
  readonly url: string;
  /** The parsed query string, as the adapter gives it: untrusted in shape. */
  readonly query: unknown;
  /** The parsed body, as the adapter gives it: untrusted in shape. */
  readonly body: unknown;
  readonly cookies: CookieJar;
  /** A request header by its lower-case name; of a repeated header what Node keeps of it. */
  header(name: string): string | undefined;
  /** How many times a request header was sent. */
  countHeader(name: string): number;
  /** True once the response is on its way: its headers can no longer be set. */
  readonly isAnswered: boolean;
  setStatus(status: number): void;
  setHeader(name: string, value: string): void;
  /** Adds a `Set-Cookie` line in place of an earlier one of this response for the same cookie. */
  setCookie(name: string, line: string): void;
  /** Makes the response uncacheable, whatever the handler sets later: it reads or writes a session. */
  neverStore(): void;
}

interface FastifyReply {
  readonly raw: ServerResponse;
  code(status: number): unknown;
  header(name: string, value: string | readonly string[]): unknown;
  getHeader(name: string): unknown;
  removeHeader(name: string): unknown;
}

const EXCHANGE = Symbol('exchange');

interface Holder {
  [EXCHANGE]?: AdaptedExchange;
}

interface AdapterRequest extends Holder {
  readonly raw?: IncomingMessage;
  readonly query?: unknown;
  readonly body?: unknown;
  readonly originalUrl?: string;
}

/** The exchange of a request and response as Nest hands them to guards and handlers; one per request. */
export function httpExchange(request: object & AdapterRequest, response: object): HttpExchange {
  if (!isFastifyReply(response)) return nodeExchange(request as IncomingMessage & AdapterRequest, response);
  request[EXCHANGE] ??= new FastifyExchange(request, response);
  return request[EXCHANGE];
}

/**
 * The exchange of a request of Express is kept with the list of its headers as they came, where that is the request's own: Express gives each request a
 * shape of its own, which V8 copies for every property that is added to it. A weak map costs the garbage collector more than all else that is done.
 */
function nodeExchange(request: IncomingMessage & AdapterRequest, response: object): HttpExchange {
  const rawHeaders = (request as { rawHeaders?: Holder }).rawHeaders;
  const known = rawHeaders?.[EXCHANGE] ?? request[EXCHANGE];
  if (known?.isOf(request) === true) return known;
  const exchange = new NodeExchange(request, response as ServerResponse);
  const isOwn = rawHeaders !== undefined && rawHeaders === request.rawHeaders && Object.isExtensible(rawHeaders);
  (isOwn ? rawHeaders : request)[EXCHANGE] = exchange;
  return exchange;
}

abstract class AdaptedExchange implements HttpExchange {
  private readonly raw: IncomingMessage;
  private jar: CookieJar | undefined;
  private stored = true;

  constructor(
    private readonly request: AdapterRequest,
    private readonly rawResponse: ServerResponse,
  ) {
    // Express hands out Node's own request, Fastify a wrapper with it inside.
    this.raw = request.raw ?? (request as IncomingMessage);
  }

  isOf(request: IncomingMessage): boolean {
    return this.raw === request;
  }

  get method(): string {
    return this.raw.method ?? 'GET';
  }

  get url(): string {
    return this.request.originalUrl ?? this.raw.url ?? '/';
  }

  get query(): unknown {
    return this.request.query;
  }

  get body(): unknown {
    return this.request.body;
  }

  get isAnswered(): boolean {
    return this.rawResponse.headersSent;
  }

  get cookies(): CookieJar {
    this.jar ??= new CookieJar(this.raw.headers.cookie);
    return this.jar;
  }

  header(name: string): string | undefined {
    const value = this.raw.headers[name];
    return typeof value === 'string' ? value : value?.[0];
  }

  countHeader(name: string): number {
    let count = 0;
    const { rawHeaders } = this.raw;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const candidate = rawHeaders[index];
      if (candidate?.length === name.length && candidate.toLowerCase() === name) count += 1;
    }
    return count;
  }

  abstract setStatus(status: number): void;
  abstract setHeader(name: string, value: string): void;
  protected abstract getCookies(): readonly string[];
  protected abstract putCookies(lines: readonly string[]): void;

  setCookie(name: string, line: string): void {
    const others = this.getCookies().filter((other) => !other.startsWith(`${name}=`));
    this.putCookies([...others, line]);
  }

  neverStore(): void {
    if (!this.stored) return;
    this.stored = false;
    onHeaders(this.rawResponse, function forbidStorage() {
      this.setHeader('Cache-Control', 'no-store');
      this.setHeader('Vary', withCookie(this.getHeader('Vary')));
    });
  }
}

class FastifyExchange extends AdaptedExchange {
  constructor(
    request: AdapterRequest,
    private readonly reply: FastifyReply,
  ) {
    super(request, reply.raw);
  }

  setStatus(status: number): void {
    this.reply.code(status);
  }

  setHeader(name: string, value: string): void {
    this.reply.header(name, value);
  }

  protected getCookies(): readonly string[] {
    return lines(this.reply.getHeader('set-cookie'));
  }

  protected putCookies(cookies: readonly string[]): void {
    this.reply.removeHeader('set-cookie');
    this.reply.header('set-cookie', cookies);
  }
}

class NodeExchange extends AdaptedExchange {
  constructor(
    request: AdapterRequest,
    private readonly response: ServerResponse,
  ) {
    super(request, response);
  }

  setStatus(status: number): void {
    this.response.statusCode = status;
  }

  setHeader(name: string, value: string): void {
    this.response.setHeader(name, value);
  }

  protected getCookies(): readonly string[] {
    return lines(this.response.getHeader('set-cookie'));
  }

  protected putCookies(cookies: readonly string[]): void {
    this.response.setHeader('set-cookie', cookies);
  }
}

function isFastifyReply(response: object): response is FastifyReply {
  return 'raw' in response && 'code' in response;
}

function lines(header: unknown): readonly string[] {
  if (Array.isArray(header)) return header.map(String);
  return typeof header === 'string' ? [header] : [];
}

function withCookie(header: unknown): string {
  const names = lines(header)
    .flatMap((line) => line.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.includes('*')) return '*';
  return names.some((name) => name.toLowerCase() === 'cookie') ? names.join(', ') : [...names, 'Cookie'].join(', ');
}
