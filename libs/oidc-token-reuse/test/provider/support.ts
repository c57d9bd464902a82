/** A clock that moves when told, a real HTTP server that answers as told, and providers made from both. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Cache } from 'cache-manager';
import type { JWK } from 'jose';
import { Clock } from '../../src/clock.js';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { resolveOptions } from '../../src/config/resolve-options.js';
import { OidcEventListener, OidcEvents, type OidcEvent } from '../../src/observability/events.js';
import { OpenIdProvider } from '../../src/provider/openid-provider.js';

/** Begins at the system's time, then stands still. */
export class TestClock extends Clock {
  private wall = Date.now();
  private steady = 1_000_000;

  now(): number {
    return Math.floor(this.wall / 1000);
  }

  millis(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.steady;
  }

  /** Lets time pass. */
  advance(milliseconds: number): void {
    this.wall += milliseconds;
    this.steady += milliseconds;
  }

  /** Sets the wall clock forward or back, as an administrator or NTP does. */
  jump(milliseconds: number): void {
    this.wall += milliseconds;
  }
}

export class Recorder extends OidcEventListener {
  readonly events: OidcEvent[] = [];

  handle(event: OidcEvent): void {
    this.events.push(event);
  }

  /** The events of one type, without what is the same in all of them. */
  reasons(type: OidcEvent['type']): string[] {
    return this.events.filter((event) => event.type === type).map((event) => ('reason' in event ? event.reason : ''));
  }
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestServer {
  readonly url: string;
  /** Paths asked for, in order. */
  readonly paths: string[];
  /** What answers from now on. */
  handler: Handler;
  close(): Promise<void>;
}

/** A server on loopback. Its handler may be replaced at any time. */
export async function startServer(handler: Handler = json({})): Promise<TestServer> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    started.handler(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const started: TestServer = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    paths,
    handler,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return started;
}

/** Answers with a JSON document. */
export function json(body: unknown, headers: Readonly<Record<string, string>> = {}): Handler {
  return respond(200, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
}

export function respond(status: number, body = '', headers: Readonly<Record<string, string>> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, headers);
    response.end(body);
  };
}

/** An address on which nobody listens any more. */
export async function deadAddress(): Promise<string> {
  const server = await startServer();
  await server.close();
  return server.url;
}

/** Requests wait until they are let go, and are then answered by `next`. */
export function held(next: Handler): { readonly handler: Handler; readonly arrived: Promise<void>; release(): void } {
  const waiting: (() => void)[] = [];
  let announce: () => void = () => undefined;
  const arrived = new Promise<void>((resolve) => {
    announce = resolve;
  });
  return {
    handler: (request, response) => {
      waiting.push(() => {
        next(request, response);
      });
      announce();
    },
    arrived,
    release: () => {
      for (const go of waiting.splice(0)) go();
    },
  };
}

/** A discovery document whose endpoints are on this origin. */
export function metadataOf(issuer: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    ...more,
  };
}

export interface TestIssuer extends TestServer {
  /** What the discovery endpoint answers from now on. */
  discovery: Handler;
  /** What the JWK Set endpoint answers from now on. */
  jwks: Handler;
  /** What every other path answers from now on. */
  others: Handler;
  /** How many times a path was asked for. */
  count(path: string): number;
}

export const DISCOVERY = '/.well-known/openid-configuration';

/** An issuer that publishes these keys. */
export async function startIssuer(keys: readonly JWK[] = []): Promise<TestIssuer> {
  const server = await startServer();
  const issuer: TestIssuer = Object.assign(server, {
    discovery: json(metadataOf(server.url)),
    jwks: json({ keys }),
    others: respond(404),
    count: (path: string) => server.paths.filter((asked) => asked === path).length,
  });
  server.handler = (request, response) => {
    const { discovery, jwks, others } = issuer;
    const handler = request.url === DISCOVERY ? discovery : request.url === '/jwks' ? jwks : others;
    handler(request, response);
  };
  return issuer;
}

export interface ProviderUnderTest {
  readonly provider: OpenIdProvider;
  readonly clock: TestClock;
  readonly recorder: Recorder;
}

export interface ProviderSetup {
  readonly issuer: string;
  readonly options?: Partial<OidcModuleOptions>;
  readonly clock?: TestClock;
  readonly cache?: Cache;
}

/** The provider as the module makes it. */
export function providerFor({ issuer, options, clock = new TestClock(), cache }: ProviderSetup): ProviderUnderTest {
  Logger.overrideLogger(false);
  const recorder = new Recorder();
  const resolved = resolveOptions({
    issuer,
    clientId: 'web',
    clientSecret: 'a-client-secret',
    publicUrl: 'http://localhost:3000',
    sessionSecrets: ['a-session-secret-of-the-tests-0001'],
    // Long: a busy machine is no provider that is down.
    httpTimeout: 30_000,
    tokenRequestTimeout: 30_000,
    ...options,
  });
  const provider = new OpenIdProvider({ options: resolved, clock, events: new OidcEvents(recorder), cache });
  return { provider, clock, recorder };
}

/** From now on `setTimeout` fires by `jest.advanceTimersByTime` only; I/O and its deadlines go on. Ends with `jest.useRealTimers`. */
export function holdTimers(): void {
  jest.useFakeTimers({
    doNotFake: [
      ...(['Date', 'performance', 'hrtime', 'nextTick', 'queueMicrotask'] as const),
      ...(['setImmediate', 'clearImmediate', 'setInterval', 'clearInterval'] as const),
    ],
  });
}

/** Resolves after everything that is ready to run has run, I/O on loopback included. */
export async function settle(isDone: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000; turn += 1) {
    if (isDone()) return;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  throw new Error('it never happened');
}

/** What a promise was rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

/** What an action returned or threw. */
export function outcomeOf(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}
