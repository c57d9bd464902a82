/** Requests that no client library would send: every header as written, in this order, repeated if need be. */
import { once } from 'node:events';
import { connect } from 'node:net';

/** Sends a request without a body and gives the whole answer as text. */
export async function rawRequest(url: string, headers: readonly string[], method = 'GET'): Promise<string> {
  const { hostname, port, pathname, search, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  const lines = [`${method} ${pathname}${search} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...headers];
  // Not ended: a server gives up a request whose sender has gone.
  socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

/** Status line and JSON body of such an answer. */
export function parsedAnswer(answer: string): { readonly status: number; readonly body: unknown } {
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
  const body = /\{.*\}/s.exec(answer)?.[0];
  return { status, body: body === undefined ? undefined : JSON.parse(body) };
}
