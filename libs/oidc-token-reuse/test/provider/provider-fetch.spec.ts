import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { ProviderUnavailableException } from '../../src/errors/exceptions.js';
import {
  LostResponseException,
  ProviderFetch,
  requestedWait,
  type ProviderFetchOptions,
} from '../../src/provider/provider-fetch.js';
import {
  deadAddress,
  failureOf,
  held,
  json,
  respond,
  settle,
  startServer,
  TestClock,
  type TestServer,
} from './support.js';

const GET = { method: 'GET', headers: { accept: 'application/json' }, timeout: 5000 };

describe('ProviderFetch', () => {
  let server: TestServer;
  let clock: TestClock;
  let news: string[];
  let door: ProviderFetch;
  const make = (fetch?: ProviderFetchOptions['fetch']): ProviderFetch =>
    new ProviderFetch({
      clock,
      fetch,
      onDown: (error) => news.push(`down: ${error.message}`),
      onUp: () => news.push('up'),
    });

  beforeEach(async () => {
    server = await startServer();
    clock = new TestClock();
    news = [];
    door = make();
  });
  afterEach(() => server.close());

  it('lets a request bring its own transport, within the same bounds', async () => {
    const own: typeof fetch = (input, init) => fetch(input, { ...init, headers: { 'x-own': 'yes' } });
    server.handler = (request, response) => {
      respond(request.headers['x-own'] === 'yes' ? 302 : 200, '', { location: '/elsewhere' })(request, response);
    };
    const refused = await failureOf(door.send(server.url, { ...GET, transport: own }));
    expect(refused).toEqual(
      new ProviderUnavailableException('the OpenID Provider answered with a redirect, which is refused'),
    );
    expect(server.paths).toEqual(['/']);
  });

  it('sends method, headers and body, and gives status, headers and body of the answer', async () => {
    server.handler = (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method, headers } = request;
        json({ method, accept: headers.accept, body: Buffer.concat(chunks).toString() }, { 'x-answer': 'yes' })(
          request,
          response,
        );
      });
    };
    const headers = { accept: 'text/x', 'content-type': 'text/plain' };
    const answer = await door.send(`${server.url}/path`, { method: 'POST', headers, body: 'sent', timeout: 5000 });
    expect([answer.status, answer.headers.get('x-answer')]).toEqual([200, 'yes']);
    expect(await answer.json()).toEqual({ method: 'POST', accept: 'text/x', body: 'sent' });
    expect(server.paths).toEqual(['/path']);
  });

  it.each([200, 201, 204, 205, 400, 401, 403, 404, 499])('returns an answer with status %d', async (status) => {
    server.handler = respond(status);
    expect((await door.send(server.url, GET)).status).toBe(status);
    expect([door.isDown, news]).toEqual([false, []]);
  });

  it.each([500, 501, 502, 503, 504, 599])('takes status %d for a lost response', async (status) => {
    server.handler = respond(status, 'x', { 'retry-after': '33' });
    const failure = await failureOf(door.send(server.url, GET));
    expect(failure).toBeInstanceOf(LostResponseException);
    expect(failure).toMatchObject({ message: `the OpenID Provider answered ${String(status)}`, retryAfter: 33 });
    expect([requestedWait(failure), door.isDown]).toEqual([33, true]);
  });

  it.each([300, 301, 302, 303, 304, 307, 308])('N1 follows no redirect with status %d', async (status) => {
    const target = await startServer();
    server.handler = respond(status, '', { location: `${target.url}/elsewhere` });
    const failure = await failureOf(door.send(server.url, GET));
    expect(failure).toBeInstanceOf(ProviderUnavailableException);
    expect(failure).not.toBeInstanceOf(LostResponseException);
    expect(failure).toMatchObject({ message: 'the OpenID Provider answered with a redirect, which is refused' });
    expect([target.paths, door.isDown]).toEqual([[], false]);
    await target.close();
  });

  it('N1 follows no redirect that a replacement of fetch reports as opaque', async () => {
    const opaque = (): Promise<Response> => Promise.resolve(Response.error());
    expect(await failureOf(make(opaque).send(server.url, GET))).toMatchObject({
      message: 'the OpenID Provider answered with a redirect, which is refused',
    });
  });

  it('takes 429 for a request that was not served, and passes on what Retry-After says', async () => {
    server.handler = respond(429, '', { 'retry-after': '500' });
    const failure = await failureOf(door.send(server.url, GET));
    expect(failure).not.toBeInstanceOf(LostResponseException);
    expect(failure).toMatchObject({
      message: 'the OpenID Provider asks for fewer requests',
      retryAfter: 120,
      headers: { 'Retry-After': '120' },
    });
    expect([requestedWait(failure), door.isDown]).toEqual([120, false]);
  });

  it('knows that a refused connection carried no request', async () => {
    const failure = await failureOf(door.send(await deadAddress(), GET));
    expect(failure).toBeInstanceOf(ProviderUnavailableException);
    expect(failure).not.toBeInstanceOf(LostResponseException);
    expect(failure).toMatchObject({ message: 'the OpenID Provider did not answer', retryAfter: 5 });
    expect(requestedWait(failure)).toBe(0);
  });

  it('takes a connection that breaks for a lost response', async () => {
    server.handler = (request) => request.socket.destroy();
    expect(await failureOf(door.send(server.url, GET))).toBeInstanceOf(LostResponseException);
  });

  it('takes a body that breaks off for a lost response', async () => {
    server.handler = (request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('only this');
      setImmediate(() => request.socket.destroy());
    };
    expect(await failureOf(door.send(server.url, GET))).toBeInstanceOf(LostResponseException);
  });

  it.each([
    ['no answer', held(json({})).handler],
    [
      'an answer that does not end',
      ((_request, response) => {
        response.writeHead(200);
        response.write('[');
      }) satisfies TestServer['handler'],
    ],
  ])('gives up after the timeout: %s', async (_what, handler) => {
    server.handler = handler;
    const failure = await failureOf(door.send(server.url, { ...GET, timeout: 30 }));
    expect(failure).toBeInstanceOf(LostResponseException);
    expect((failure as Error).cause).toMatchObject({ name: 'TimeoutError' });
  });

  it.each([
    ['as it is', 524_288, 'x'.repeat(524_289), {}],
    ['compressed', 524_288, gzipSync(Buffer.alloc(50_000_000)), { 'content-encoding': 'gzip' }],
  ])('N2 reads no more than 512 KiB, %s, and closes the connection', async (_how, _limit, body, headers) => {
    let closed = false;
    server.handler = (request, response) => {
      request.socket.once('close', () => (closed = true));
      response.writeHead(200, headers);
      response.write(body);
    };
    const failure = await failureOf(door.send(server.url, GET));
    expect(failure).toBeInstanceOf(LostResponseException);
    expect(failure).toMatchObject({ message: 'the answer of the OpenID Provider is too large' });
    await settle(() => closed);
  });

  it('N2 reads 512 KiB', async () => {
    server.handler = respond(200, 'x'.repeat(524_288));
    expect((await (await door.send(server.url, GET)).text()).length).toBe(524_288);
  });

  it('says once that the provider is down, and once that it is up again', async () => {
    server.handler = respond(500);
    for (let count = 0; count < 3; count += 1) await failureOf(door.send(server.url, GET));
    expect(door.isDown).toBe(true);
    server.handler = json({});
    for (let count = 0; count < 3; count += 1) await door.send(server.url, GET);
    expect([door.isDown, news]).toEqual([false, ['down: the OpenID Provider answered 500', 'up']]);
  });

  it('asks a provider that failed ten times no more, until a second has passed', async () => {
    server.handler = respond(503);
    for (let count = 0; count < 25; count += 1) await failureOf(door.send(server.url, GET));
    expect(server.paths.length).toBe(10);
    const failure = await failureOf(door.send(server.url, GET));
    expect(failure).not.toBeInstanceOf(LostResponseException);
    expect(failure).toMatchObject({ message: 'the OpenID Provider does not answer', retryAfter: 1 });
    clock.advance(1000);
    server.handler = json({});
    expect((await door.send(server.url, GET)).status).toBe(200);
    expect((await door.send(server.url, GET)).status).toBe(200);
  });

  it('does not stop asking over refusals, 429 and redirects, which a provider gives that is well', async () => {
    for (const status of [400, 401, 404, 429, 302]) {
      server.handler = respond(status);
      for (let count = 0; count < 12; count += 1) await door.send(server.url, GET).catch(() => undefined);
    }
    expect(server.paths.length).toBe(60);
  });

  it('has at most 500 requests under way, and refuses the next at once', async () => {
    const gate = held(json({}));
    server.handler = gate.handler;
    const requests = Array.from({ length: 500 }, () => door.send(server.url, GET));
    const failure = await failureOf(door.send(server.url, GET));
    expect(failure).not.toBeInstanceOf(LostResponseException);
    expect(failure).toMatchObject({ message: 'too many requests to the OpenID Provider are waiting', retryAfter: 1 });
    await settle(() => server.paths.length === 500);
    gate.release();
    await Promise.all(requests);
    server.handler = json({});
    expect((await door.send(server.url, GET)).status).toBe(200);
  });

  it('ends a request that nobody waits for any more, and counts that against nobody', async () => {
    const gate = held(json({}));
    server.handler = gate.handler;
    const abort = new AbortController();
    const request = door.send(server.url, { ...GET, signal: abort.signal });
    await gate.arrived;
    abort.abort();
    expect(await failureOf(request)).toBeInstanceOf(LostResponseException);
    expect([door.isDown, news]).toEqual([false, []]);
  });

  it('uses the fetch it is given', async () => {
    const asked: unknown[] = [];
    const replacement = make(async (url, init) => {
      asked.push(url, init?.redirect);
      return new Response('{}');
    });
    await replacement.send('https://provider.example/x', GET);
    expect(asked).toEqual(['https://provider.example/x', 'manual']);
  });

  it('takes whatever a replacement of fetch throws for a lost response', async () => {
    const replacement = make(() => {
      throw new Error('proxy');
    });
    expect(await failureOf(replacement.send(server.url, GET))).toBeInstanceOf(LostResponseException);
  });
});
