/** A `fetch` for a private authority, with a certificate of its own: what an application brings that does not leave that to the library. */
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

export interface CertificateFetchOptions {
  /** Authority that the server's certificate comes from, in PEM. */
  readonly ca: string;
  /** What the client presents, in PEM; nothing without. */
  readonly key?: string;
  readonly cert?: string;
}

export function certificateFetch(identity: CertificateFetchOptions): typeof fetch {
  return async (input, init) => {
    const { method, headers, body, signal } = init ?? {};
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      const how = {
        ...identity,
        agent: false,
        method: method ?? 'GET',
        headers: Object.fromEntries(new Headers(headers)),
        ...(signal ? { signal } : {}),
      };
      const outgoing = request(input instanceof Request ? input.url : String(input), how, resolve);
      outgoing.on('error', reject);
      outgoing.end(typeof body === 'string' ? body : undefined);
    });
    const answered = Object.entries(incoming.headersDistinct).map(([name, values = []]) => [name, values.join(', ')]);
    const { statusCode: status = 0 } = incoming;
    return new Response(Readable.toWeb(incoming) as ReadableStream, {
      status,
      headers: Object.fromEntries(answered) as Record<string, string>,
    });
  };
}
