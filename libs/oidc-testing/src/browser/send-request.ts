/** Sends one HTTP request with exactly the headers given; `fetch` would overwrite those that start with `Sec-`. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { readBody } from '../http/read-body.js';

/** A request to send. */
export interface OutgoingRequest {
  method: string;
  headers: Record<string, string>;
  body: string | undefined;
  /** Certificate authority in PEM, for https with a self-signed certificate. */
  ca: string | undefined;
}

/** The response, with `url` set. Redirects are not followed and no connection is kept. */
export async function sendRequest(url: URL, outgoing: OutgoingRequest): Promise<Response> {
  const { method, headers, body, ca } = outgoing;
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { method, headers, agent: false };
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, ...(ca === undefined ? {} : { ca }) }, resolve)
        : httpRequest(url, options, resolve);
    request.on('error', reject);
    request.end(body);
  });
  return toResponse(incoming, url);
}

async function toResponse(incoming: IncomingMessage, url: URL): Promise<Response> {
  const body = await readBody(incoming);
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const status = incoming.statusCode ?? 0;
  const isBodiless = [204, 205, 304].includes(status);
  const response = new Response(isBodiless ? null : body, { status, headers });
  return Object.defineProperty(response, 'url', { value: url.href });
}
