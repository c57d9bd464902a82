/** Finds what is secret in everything that crosses the wire of this process: tokens, codes, verifiers, secrets and cookie values. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Takes what was found. */
export type Hide = (...values: readonly (string | null | undefined)[]) => void;

/** Parameters of queries, forms and JSON answers that are secret. */
const SECRET_NAMES = [
  ...['access_token', 'refresh_token', 'id_token', 'id_token_hint', 'token', 'logout_token', 'code', 'code_verifier'],
  ...['assertion', 'subject_token', 'actor_token', 'client_assertion', 'client_secret'],
] as const;
const IN_JSON = new RegExp(`"(?:${SECRET_NAMES.join('|')})":"([^"]+)`, 'g');

/** What is larger is no form and no answer of a provider that works. */
const MAX_BODY = 512 * 1024;

const REQUEST = 'http.server.request.start';
/** Answers to browsers of a test, also those of an application in a process of its own. */
const ANSWER = 'http.client.response.finish';

/** Watches every server of this process, and what its HTTP clients are answered. Gives the end of it. */
export function watchWire(hide: Hide): () => void {
  const onRequest = (message: unknown): void => {
    const { request, response } = message as { readonly request: IncomingMessage; readonly response: ServerResponse }; // as Node documents
    hideRequest(request, hide);
    watchBodies(request, response, hide);
  };
  const onAnswer = (message: unknown): void => {
    const { response } = message as { readonly response: IncomingMessage }; // as Node documents
    hideHeaders(response.headers, hide);
  };
  subscribe(REQUEST, onRequest);
  subscribe(ANSWER, onAnswer);
  return () => {
    unsubscribe(REQUEST, onRequest);
    unsubscribe(ANSWER, onAnswer);
  };
}

function hideParameters(parameters: URLSearchParams, hide: Hide): void {
  for (const name of SECRET_NAMES) hide(...parameters.getAll(name));
}

function hideUrl(url: string | undefined, hide: Hide): void {
  const [, query] = url?.split('?') ?? [];
  if (query !== undefined) hideParameters(new URLSearchParams(query), hide);
}

function hideBody(body: string, hide: Hide): void {
  if (body.length > MAX_BODY) return;
  hideParameters(new URLSearchParams(body), hide);
  // By text, since it may have come in half.
  hide(...[...body.matchAll(IN_JSON)].map(([, value]) => value));
}

function hideRequest({ headers, url }: IncomingMessage, hide: Hide): void {
  hideUrl(url, hide);
  for (const pair of headers.cookie?.split(';') ?? []) hide(pair.slice(pair.indexOf('=') + 1).trim());
  const [scheme = '', credentials] = headers.authorization?.split(' ') ?? [];
  hide(credentials);
  if (/^basic$/i.test(scheme))
    hide(
      Buffer.from(credentials ?? '', 'base64')
        .toString()
        .split(':')[1],
    );
}

function hideHeaders(headers: IncomingHttpHeaders | OutgoingHttpHeaders, hide: Hide): void {
  for (const [name, value] of Object.entries(headers)) {
    const lines = [value].flat().map(String);
    if (name.toLowerCase() === 'location') for (const line of lines) hideUrl(line, hide);
    if (name.toLowerCase() === 'set-cookie') hide(...lines.map((line) => /=([^;]*)/.exec(line)?.[1]));
  }
}

/** The bodies as they pass, which changes nothing about how they are read. */
function watchBodies(request: IncomingMessage, response: ServerResponse, hide: Hide): void {
  const chunks: Buffer[] = [];
  const push = request.push.bind(request);
  request.push = (chunk: unknown, encoding) => {
    if (chunk instanceof Buffer) chunks.push(chunk);
    else if (chunk === null) hideBody(Buffer.concat(chunks).toString(), hide);
    return push(chunk, encoding);
  };
  watchCalls(response, 'writeHead', (parts) => {
    const given = parts.find((part): part is OutgoingHttpHeaders => typeof part === 'object' && part !== null);
    hideHeaders({ ...response.getHeaders(), ...given }, hide);
  });
  watchCalls(response, 'end', ([chunk]) => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) hideBody(Buffer.from(chunk).toString(), hide);
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
