/** Confirms a logout on the user's behalf: what the engine asks on a page is answered here. */
import { capture, type RequestHandler } from './captured-call.js';
import type { Exchange } from './exchange.js';
import type { Reply } from './reply.js';

const confirmPath = '/session/end/confirm';

/**
 * When the engine answers with its confirmation form, submits it and gives the answer to that: a redirect to the
 * `post_logout_redirect_uri`. Any other answer passes as it is.
 */
export async function confirmLogout(engine: RequestHandler, exchange: Exchange, asked: Reply): Promise<Reply> {
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(asked.body.toString())?.[1];
  if (asked.status !== 200 || !xsrf) return asked;
  const cookies = setCookies(asked);
  const body = Buffer.from(new URLSearchParams({ xsrf, logout: 'yes' }).toString());
  const confirmed = await capture(engine, exchange, {
    method: 'POST',
    path: confirmPath,
    headers: {
      host: exchange.headers.host,
      accept: exchange.headers.accept,
      cookie: mergeCookies(exchange.headers.cookie, cookies),
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(body.length),
    },
    body,
  });
  return { ...confirmed, headers: { ...confirmed.headers, 'set-cookie': [...cookies, ...setCookies(confirmed)] } };
}

function setCookies(reply: Reply): string[] {
  return [reply.headers['set-cookie'] ?? []].flat().map(String);
}

function mergeCookies(sent: string | undefined, set: string[]): string {
  const pairs = [...(sent ?? '').split(';'), ...set.map((cookie) => cookie.split(';', 1)[0] ?? '')];
  const byName = new Map(pairs.map((pair) => [pair.trim().split('=', 1)[0], pair.trim()]));
  return [...byName.values()].filter(Boolean).join('; ');
}
