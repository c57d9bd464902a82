import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { UnauthorizedException } from '../../src/errors/exceptions.js';
import { putHeaders } from '../../src/http/failure-headers.js';
import { httpExchange } from '../../src/http/http-exchange.js';

describe('putHeaders', () => {
  it('puts the headers of a failure on the response', () => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    putHeaders(httpExchange(request, response), new UnauthorizedException());
    expect(response.getHeader('www-authenticate')).toBe('Bearer');
  });

  it('leaves a response alone that is on its way', () => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    response.writeHead(200);
    expect(() => putHeaders(httpExchange(request, response), new UnauthorizedException())).not.toThrow();
    expect(response.getHeader('www-authenticate')).toBeUndefined();
  });
});
