import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { InvalidTokenException, UnauthorizedException } from '../../src/errors/exceptions.js';
import { putHeaders } from '../../src/http/failure-headers.js';
import { httpExchange } from '../../src/http/http-exchange.js';

describe('putHeaders', () => {
  it('puts the headers of a failure on the response', () => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    putHeaders(httpExchange(request, response), new UnauthorizedException());
    expect(response.getHeader('www-authenticate')).toBe('Bearer');
  });

  it('puts those of one failure once, and those of another in their place', () => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    const [one, other] = [new UnauthorizedException(), new InvalidTokenException('it has expired')];
    putHeaders(httpExchange(request, response), one);
    response.removeHeader('www-authenticate');
    putHeaders(httpExchange(request, response), one);
    expect(response.getHeader('www-authenticate')).toBeUndefined();
    putHeaders(httpExchange(request, response), other);
    expect(response.getHeader('www-authenticate')).toBe(
      'Bearer error="invalid_token", error_description="it has expired"',
    );
  });

  it('leaves a response alone that is on its way', () => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    response.writeHead(200);
    expect(() => putHeaders(httpExchange(request, response), new UnauthorizedException())).not.toThrow();
    expect(response.getHeader('www-authenticate')).toBeUndefined();
  });
});
