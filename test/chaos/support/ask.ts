/** One HTTP request to an instance, over connections that are kept. */
import { once } from 'node:events';
import { request, type Agent, type IncomingMessage } from 'node:http';

export interface Question {
  readonly path: string;
  readonly cookie: string;
  readonly method?: 'GET' | 'POST';
}

export interface Answer {
  readonly status: number;
  readonly setCookies: readonly string[];
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/** Longer than any instance may take. */
const LIMIT_MS = 60_000;

interface Way {
  readonly agent: Agent;
  readonly port: number;
}

/** Rejects when the connection was refused or cut off. */
export async function ask(way: Way, question: Question): Promise<Answer> {
  const incoming = await send(way, question);
  return {
    status: incoming.statusCode ?? 0,
    setCookies: incoming.headers['set-cookie'] ?? [],
    retryAfter: incoming.headers['retry-after'],
    body: await textOf(incoming),
  };
}

/** A connection that was kept too long by a busy client is closed at the other end: that is no answer to this request (RFC 9112 section 9.3.1). */
async function send(way: Way, question: Question): Promise<IncomingMessage> {
  const { agent, port } = way;
  const { path, cookie, method = 'GET' } = question;
  const headers = { cookie, accept: 'application/json', 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' };
  const sent = request({ agent, host: '127.0.0.1', port, path, method, headers, timeout: LIMIT_MS });
  sent.once('timeout', () => sent.destroy(new Error('no answer')));
  const response = once(sent, 'response') as Promise<[IncomingMessage]>;
  sent.end();
  try {
    return (await response)[0];
  } catch (error) {
    if (!sent.reusedSocket) throw error;
    return send(way, question);
  }
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  incoming.setEncoding('utf8');
  let text = '';
  for await (const chunk of incoming) text += String(chunk);
  return text;
}
