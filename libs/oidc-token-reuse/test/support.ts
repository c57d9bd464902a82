/** Requests, principals and tokens as the rules under test see them. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { httpExchange, type HttpExchange } from '../src/http/http-exchange.js';
import { Secret } from '../src/observability/secret.js';
import { Principal, type PrincipalParts } from '../src/session/principal.js';
import type { VerifiedAccessToken } from '../src/verification/access-token.verifier.js';

export const ISSUER = 'https://provider.example';

/** A request of Node's with these headers; of a repeated one it keeps the first, as Node does for those that matter here. */
export function exchangeWith(headers: readonly (readonly [string, string])[], method = 'GET'): HttpExchange {
  const request = new IncomingMessage(new Socket());
  request.method = method;
  request.url = '/';
  request.rawHeaders = headers.flat();
  request.headers = Object.fromEntries([...headers].reverse().map(([name, value]) => [name.toLowerCase(), value]));
  return httpExchange(request, new ServerResponse(request));
}

export function verifiedToken(parts: Partial<VerifiedAccessToken> = {}): VerifiedAccessToken {
  return {
    issuer: ISSUER,
    subject: 'alice',
    tenant: undefined,
    providerSessionId: undefined,
    scopes: ['access_user'],
    roles: [],
    claims: {},
    expiresAt: 2_000_000_000,
    ...parts,
  };
}

/** A principal with a verified access token, unless the parts say otherwise. */
export function principalOf(parts: Partial<PrincipalParts> = {}): Principal {
  return new Principal({
    kind: 'session',
    issuer: ISSUER,
    subject: 'alice',
    tenant: undefined,
    claims: {},
    roles: [],
    expiresAt: 2_000_000_000,
    accessToken: new Secret('the-access-token'),
    verified: verifiedToken(),
    ...parts,
  });
}
