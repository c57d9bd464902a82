/**
 * Watches what the applications of a spec file do: every token, code, verifier, secret and cookie value that crosses the wire becomes a secret, and
 * every log line, event, error and stored record something seen. When the file is through, none of the one may be found in the other.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { afterAll } from '@jest/globals';
import { CACHE_MANAGER } from '@nestjs/cache-manager';
import type { ArgumentsHost, INestApplication, LoggerService } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { Coordinator } from 'nestjs-oidc-token-reuse';
import { SecretScan } from './secret-scan.js';

/** Parameters of queries, forms and JSON answers that are secret. */
const SECRET_NAMES = [
  ...['access_token', 'refresh_token', 'id_token', 'id_token_hint', 'token', 'logout_token', 'code', 'code_verifier'],
  ...['assertion', 'subject_token', 'actor_token', 'client_assertion', 'client_secret'],
] as const;
const IN_JSON = new RegExp(`"(?:${SECRET_NAMES.join('|')})":"([^"]+)`, 'g');

/** What is larger is no form and no answer of a provider that works. */
const MAX_BODY = 512 * 1024;

const scan = new SecretScan();

/** Everything secret that crossed the wire in this file, and everything that was seen. */
export const watched = scan;

/** A logger that writes down every line of every level. */
export const watchingLogger: LoggerService = {
  log: (...parts: unknown[]) => scan.see(...parts),
  error: (...parts: unknown[]) => scan.see(...parts),
  warn: (...parts: unknown[]) => scan.see(...parts),
  debug: (...parts: unknown[]) => scan.see(...parts),
  verbose: (...parts: unknown[]) => scan.see(...parts),
  fatal: (...parts: unknown[]) => scan.see(...parts),
};

/** Looks at everything that an application stores: in its coordination, and in its cache where it has one. */
export function watchStores(application: INestApplication): void {
  watchWrites(application.get(Coordinator, { strict: false }));
  try {
    watchWrites(application.get<object>(CACHE_MANAGER, { strict: false }));
  } catch {
    // There is no cache.
  }
}

const WRITES = ['put', 'putIfAbsent', 'replace', 'addMember', 'set', 'acquire', 'publish'];

/** Replaces the methods that write by ones that show what they are given. */
function watchWrites(store: object): void {
  for (const name of WRITES) {
    const method: unknown = Reflect.get(store, name);
    if (typeof method !== 'function') continue;
    const watching = async (...parts: unknown[]): Promise<unknown> => {
      scan.see(...parts);
      const result: unknown = await Reflect.apply(method, store, parts);
      // A lease writes too.
      if (name === 'acquire' && typeof result === 'object' && result !== null) watchWrites(result);
      return result;
    };
    Reflect.set(store, name, watching);
  }
}

function hideParameters(parameters: URLSearchParams): void {
  for (const name of SECRET_NAMES) scan.hide(...parameters.getAll(name));
}

function hideUrl(url: string | undefined): void {
  const [, query] = url?.split('?') ?? [];
  if (query !== undefined) hideParameters(new URLSearchParams(query));
}

function hideBody(body: string): void {
  if (body.length > MAX_BODY) return;
  hideParameters(new URLSearchParams(body));
  // By text, since it may have come in half.
  scan.hide(...[...body.matchAll(IN_JSON)].map(([, value]) => value));
}

function hideRequest({ headers, url }: IncomingMessage): void {
  hideUrl(url);
  for (const pair of headers.cookie?.split(';') ?? []) scan.hide(pair.slice(pair.indexOf('=') + 1).trim());
  const [scheme = '', credentials] = headers.authorization?.split(' ') ?? [];
  scan.hide(credentials);
  if (/^basic$/i.test(scheme))
    scan.hide(
      Buffer.from(credentials ?? '', 'base64')
        .toString()
        .split(':')[1],
    );
}

function hideHeaders(headers: IncomingHttpHeaders | OutgoingHttpHeaders): void {
  for (const [name, value] of Object.entries(headers)) {
    const lines = [value].flat().map(String);
    if (name.toLowerCase() === 'location') lines.forEach(hideUrl);
    if (name.toLowerCase() === 'set-cookie') scan.hide(...lines.map((line) => /=([^;]*)/.exec(line)?.[1]));
  }
}

/** The bodies as they pass, which changes nothing about how they are read. */
function watchBodies(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  const push = request.push.bind(request);
  request.push = (chunk: unknown, encoding) => {
    if (chunk instanceof Buffer) chunks.push(chunk);
    else if (chunk === null) hideBody(Buffer.concat(chunks).toString());
    return push(chunk, encoding);
  };
  watchCalls(response, 'writeHead', (parts) => {
    const given = parts.find((part): part is OutgoingHttpHeaders => typeof part === 'object' && part !== null);
    hideHeaders({ ...response.getHeaders(), ...given });
  });
  watchCalls(response, 'end', ([chunk]) => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) hideBody(Buffer.from(chunk).toString());
  });
}

function watchCalls(target: object, name: string, look: (parts: readonly unknown[]) => void): void {
  const method: unknown = Reflect.get(target, name);
  if (typeof method !== 'function') return;
  Reflect.set(target, name, (...parts: unknown[]): unknown => {
    look(parts);
    const result: unknown = Reflect.apply(method, target, parts);
    return result;
  });
}

const REQUEST = 'http.server.request.start';
/** Answers to browsers of a test, also those of an application in a process of its own. */
const ANSWER = 'http.client.response.finish';

function onRequest(message: unknown): void {
  const { request, response } = message as { readonly request: IncomingMessage; readonly response: ServerResponse }; // as Node documents
  hideRequest(request);
  watchBodies(request, response);
}

function onAnswer(message: unknown): void {
  const { response } = message as { readonly response: IncomingMessage }; // as Node documents
  hideHeaders(response.headers);
}

const filter = BaseExceptionFilter.prototype;
const { catch: answer } = filter;

subscribe(REQUEST, onRequest);
subscribe(ANSWER, onAnswer);
/** Every failure passes here on its way to the client. */
filter.catch = function watching(this: BaseExceptionFilter, exception: unknown, host: ArgumentsHost): void {
  scan.see(exception);
  answer.call(this, exception, host);
};

// Of the file as a whole: it comes after all that its own blocks clean up.
afterAll(() => {
  unsubscribe(REQUEST, onRequest);
  unsubscribe(ANSWER, onAnswer);
  filter.catch = answer;
  const leaks = scan.leaks();
  if (leaks.length > 0) throw new Error(`a secret can be seen:\n${leaks.slice(0, 10).join('\n')}`);
});
