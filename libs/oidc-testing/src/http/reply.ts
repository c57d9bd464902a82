/** An HTTP response as a value, so that it can be replaced, rewritten or dropped before it is sent. */
import type { OutgoingHttpHeaders } from 'node:http';

/** Status, headers (names in lower case) and body of a response. */
export interface Reply {
  status: number;
  headers: OutgoingHttpHeaders;
  body: Buffer;
}

/** What becomes of a request: a response, or a connection that ends without one. */
export type Outcome = Reply | 'drop';

/** A JSON response that must not be stored. */
export function jsonReply(status: number, body: unknown, headers: OutgoingHttpHeaders = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: Buffer.from(JSON.stringify(body)),
  };
}

/** The JSON object in a response, or `undefined` when its body is none. */
export function jsonBody(reply: Reply): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(reply.body.toString());
    return isObject(value) ? value : undefined;
  } catch {
    // not JSON: nothing to read
    return undefined;
  }
}

/** The same response with another body. */
export function withBody(reply: Reply, body: Buffer | string): Reply {
  const { 'content-length': _length, ...headers } = reply.headers;
  return { ...reply, headers, body: Buffer.from(body) };
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
