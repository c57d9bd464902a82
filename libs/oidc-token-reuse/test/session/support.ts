/** Sessions and exchanges as the rooms under test see them. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Clock } from '../../src/clock.js';
import { httpExchange, type HttpExchange } from '../../src/http/http-exchange.js';
import { Secret } from '../../src/observability/secret.js';
import { claimsOf, type Session } from '../../src/session/session.js';
import type { TokenSet } from '../../src/session/token-set.js';

export const NOW = 1_800_000_000;

/** A clock that stands still until it is moved. */
export class TestClock extends Clock {
  seconds = NOW;
  ticks = 0;

  now(): number {
    return Math.floor(this.seconds);
  }

  millis(): number {
    return this.seconds * 1000;
  }

  monotonic(): number {
    return this.ticks;
  }

  /** Lets seconds pass on both clocks. */
  advance(seconds: number): void {
    this.seconds += seconds;
    this.ticks += seconds * 1000;
  }
}

/** A JWT in form only. */
export function jwtOf(claims: Readonly<Record<string, unknown>>): string {
  const [header, payload] = [{ alg: 'RS256' }, claims].map((part) => Buffer.from(JSON.stringify(part)));
  return `${header?.toString('base64url') ?? ''}.${payload?.toString('base64url') ?? ''}.c2lnbmF0dXJl`;
}

export interface TokenParts {
  readonly accessToken?: string | undefined;
  readonly refreshToken?: string | undefined;
  readonly idToken?: string;
}

export function tokensOf(parts: TokenParts & Partial<Omit<TokenSet, keyof TokenParts>> = {}): TokenSet {
  const given = { accessToken: 'access-token', refreshToken: 'refresh-token', ...parts };
  return {
    issuedAt: NOW,
    expiresAt: NOW + 300,
    refreshExpiresAt: undefined,
    scope: undefined,
    ...parts,
    accessToken: given.accessToken === undefined ? undefined : new Secret(given.accessToken),
    refreshToken: given.refreshToken === undefined ? undefined : new Secret(given.refreshToken),
    idToken: new Secret(parts.idToken ?? jwtOf({ sub: 'alice', name: 'Alice' })),
  };
}

export function sessionOf(parts: Partial<Session> = {}): Session {
  const tokens = parts.tokens ?? tokensOf();
  return {
    id: 'c2Vzc2lvbi1vZi1hbGlj',
    issuer: 'https://provider.example',
    subject: 'alice',
    tenant: undefined,
    providerSessionId: undefined,
    startedAt: NOW * 1000,
    renewedAt: NOW,
    generation: 0,
    claims: claimsOf(tokens),
    ...parts,
    tokens,
  };
}

/** A session with its secrets in the open, so that two can be compared. */
export function revealed(session: Session | undefined): unknown {
  if (session === undefined) return undefined;
  const { accessToken, refreshToken, idToken } = session.tokens;
  return {
    ...session,
    tokens: {
      ...session.tokens,
      accessToken: accessToken?.reveal(),
      refreshToken: refreshToken?.reveal(),
      idToken: idToken.reveal(),
    },
  };
}

export interface Conversation {
  readonly exchange: HttpExchange;
  readonly response: ServerResponse;
  /** The `Set-Cookie` lines of the response so far. */
  readonly cookies: () => readonly string[];
}

/** A request of Node's that carries these cookies, and its response. */
export function conversation(
  cookies: Readonly<Record<string, string>> | string = {},
  parsed: { readonly query?: Readonly<Record<string, string>> } = {},
): Conversation {
  const request = Object.assign(new IncomingMessage(new Socket()), parsed);
  const header = typeof cookies === 'string' ? cookies : cookieHeader(cookies);
  request.headers = { cookie: header };
  request.rawHeaders = ['Cookie', header];
  const response = new ServerResponse(request);
  return {
    exchange: httpExchange(request, response),
    response,
    cookies: () => [response.getHeader('set-cookie') ?? []].flat().map(String),
  };
}

export function cookieHeader(cookies: Readonly<Record<string, string>>): string {
  return Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ');
}

/** What a browser keeps of these lines: cookies that are cleared are gone. */
export function keptCookies(lines: readonly string[]): Record<string, string> {
  const kept = new Map<string, string>();
  for (const line of lines) {
    const [name = '', value = ''] = (line.split(';')[0] ?? '').split(/=(.*)/s);
    if (line.includes('; Max-Age=0;')) kept.delete(name);
    else kept.set(name, value);
  }
  return Object.fromEntries(kept);
}
