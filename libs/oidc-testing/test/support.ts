/** What the tests of this package share: token requests, and an address that records what is sent to it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { basicCredentials, type TestProvider } from '../src/index.js';

export type Json = Record<string, unknown>;

export interface JsonResponse {
  status: number;
  headers: Headers;
  body: Json;
}

/** A request without a connection that stays. */
export function send(url: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('connection', 'close');
  return fetch(url, { redirect: 'manual', ...init, headers });
}

async function toJson(response: Response): Promise<JsonResponse> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : (JSON.parse(text) as Json) };
}

/** A form posted with the default client's credentials. */
export async function post(provider: TestProvider, path: string, form: Record<string, string>): Promise<JsonResponse> {
  const { clientId, clientSecret } = provider.client;
  const init = { method: 'POST', body: new URLSearchParams(form) };
  const headers = { authorization: basicCredentials(clientId, clientSecret) };
  return toJson(await send(`${provider.issuer}${path}`, { ...init, headers }));
}

export const refresh = (provider: TestProvider, token: string, more: Record<string, string> = {}) =>
  post(provider, '/token', { grant_type: 'refresh_token', refresh_token: token, ...more });

export const exchange = (provider: TestProvider, token: string, more: Record<string, string> = {}) =>
  post(provider, '/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    scope: 'user.read',
    ...more,
  });

export const onBehalfOf = (provider: TestProvider, token: string, more: Record<string, string> = {}) =>
  post(provider, '/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: token,
    requested_token_use: 'on_behalf_of',
    scope: 'https://graph.microsoft.com/user.read',
    ...more,
  });

/** A JSON document, fetched with a bearer token when one is given. */
export async function get(url: string, token?: string): Promise<JsonResponse> {
  return toJson(await send(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }));
}

export interface Received {
  method: string;
  path: string;
  form: URLSearchParams;
}

/** An address that answers 200 to everything and remembers it. */
export async function receiver(): Promise<{ url: string; received: Received[]; close: () => Promise<void> }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      received.push({ method: request.method ?? '', path: request.url ?? '', form });
      response.end('received');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    received,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
