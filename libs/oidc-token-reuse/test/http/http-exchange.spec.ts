import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { httpExchange } from '../../src/http/http-exchange.js';
import { conversation } from '../session/support.js';

describe('httpExchange', () => {
  it('is one for one request', () => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    expect(httpExchange(request, response)).toBe(httpExchange(request, response));
  });

  it('is one for one request, also where its raw headers are made anew at each look, frozen, or left out', () => {
    const lists: PropertyDescriptor[] = [
      { get: () => ['A', 'b'] },
      { value: Object.freeze(['A', 'b']) },
      { value: undefined },
    ];
    for (const list of lists) {
      const request = Object.defineProperty(new IncomingMessage(new Socket()), 'rawHeaders', list);
      const response = new ServerResponse(request);
      expect(httpExchange(request, response)).toBe(httpExchange(request, response));
    }
  });

  it('is never that of another request, also where two have the same list of raw headers', () => {
    const rawHeaders = ['Cookie', 's=1'];
    const [one, other] = ['alice', 'bob'].map((cookie) => {
      const request = Object.assign(new IncomingMessage(new Socket()), { rawHeaders, headers: { cookie } });
      return (): string | undefined => httpExchange(request, new ServerResponse(request)).header('cookie');
    });
    expect([one?.(), other?.(), one?.()]).toEqual(['alice', 'bob', 'alice']);
  });

  it('of a wrapper of Fastify is another than that of the request inside', () => {
    const raw = new IncomingMessage(new Socket());
    const response = new ServerResponse(raw);
    const [request, reply] = [
      { raw, body: 'parsed' },
      { raw: response, code: () => undefined },
    ];
    expect(httpExchange(raw, response).body).toBeUndefined();
    expect(httpExchange(request, reply).body).toBe('parsed');
    expect(httpExchange(request, reply)).toBe(httpExchange(request, reply));
  });

  it('takes a request without method and URL for GET /', () => {
    const request = new IncomingMessage(new Socket());
    Reflect.deleteProperty(request, 'url');
    const { method, url } = httpExchange(request, new ServerResponse(request));
    expect({ method, url }).toEqual({ method: 'GET', url: '/' });
  });

  it('replaces a cookie of the same response and keeps those of others', () => {
    const { exchange, response, cookies } = conversation();
    response.setHeader('set-cookie', 'theirs=1');
    exchange.setCookie('ours', 'ours=1');
    exchange.setCookie('ours-too', 'ours-too=1');
    exchange.setCookie('ours', 'ours=2');
    expect(cookies()).toEqual(['theirs=1', 'ours-too=1', 'ours=2']);
  });

  it('counts how often a header was sent, and reads the first of a list', () => {
    const request = new IncomingMessage(new Socket());
    request.rawHeaders = ['Authorization', 'a', 'X', 'y', 'AUTHORIZATION', 'b'];
    request.headers = { 'set-cookie': ['one', 'two'], 'x-empty': undefined };
    const exchange = httpExchange(request, new ServerResponse(request));
    expect(exchange.countHeader('authorization')).toBe(2);
    expect([exchange.header('set-cookie'), exchange.header('x-empty')]).toEqual(['one', undefined]);
  });

  it.each([
    [undefined, 'Cookie'],
    ['Accept-Encoding', 'Accept-Encoding, Cookie'],
    ['Accept, cookie', 'Accept, cookie'],
    [['Accept', 'Origin, '], 'Accept, Origin, Cookie'],
    ['Accept, *', '*'],
  ])('S7 makes of Vary %j with a public cache lifetime no-store and Vary %j', (vary, expected) => {
    const { exchange, response } = conversation();
    exchange.neverStore();
    exchange.neverStore();
    if (vary !== undefined) response.setHeader('Vary', vary);
    response.setHeader('Cache-Control', 'public, max-age=3600');
    response.writeHead(200);
    expect([response.getHeader('cache-control'), response.getHeader('vary')]).toEqual(['no-store', expected]);
    expect(exchange.isAnswered).toBe(true);
  });
});
