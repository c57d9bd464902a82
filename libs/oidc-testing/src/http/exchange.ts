/** A request, read completely before anything is decided about it. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { graphUserInfoPath } from '../engine/provider-parts.js';
import { certificateOf } from './mutual-tls.js';
import { readBody } from './read-body.js';

/** The endpoints that are counted and that faults can be put on. */
export type EndpointKind =
  | 'discovery'
  | 'jwks'
  | 'authorization'
  | 'token'
  | 'userinfo'
  | 'graph'
  | 'revocation'
  | 'introspection'
  | 'par'
  | 'end_session'
  | 'interaction'
  | 'other';

/** A request with its body and what it is for. */
export interface Exchange {
  readonly kind: EndpointKind;
  /** `grant_type` of a token request. */
  readonly grant: string | undefined;
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly request: IncomingMessage;
  /** Whether the client presented a certificate. */
  readonly certificate: boolean;
}

const kinds = new Map<string, EndpointKind>([
  ['/.well-known/openid-configuration', 'discovery'],
  ['/.well-known/oauth-authorization-server', 'discovery'],
  ['/jwks', 'jwks'],
  ['/auth', 'authorization'],
  ['/token', 'token'],
  ['/me', 'userinfo'],
  [graphUserInfoPath, 'userinfo'],
  ['/graph/me', 'graph'],
  ['/token/revocation', 'revocation'],
  ['/token/introspection', 'introspection'],
  ['/request', 'par'],
  ['/session/end', 'end_session'],
]);

/** Reads a request to its end. */
export async function readExchange(request: IncomingMessage, issuer: string): Promise<Exchange> {
  const body = await readBody(request);
  const url = new URL(request.url ?? '/', issuer);
  const kind = kindOf(url.pathname);
  return {
    kind,
    grant: kind === 'token' ? (new URLSearchParams(body.toString()).get('grant_type') ?? undefined) : undefined,
    method: request.method ?? 'GET',
    url,
    headers: request.headers,
    body,
    request,
    certificate: certificateOf(request) !== undefined,
  };
}

function kindOf(path: string): EndpointKind {
  if (path.startsWith('/interaction/') || path.startsWith('/auth/')) return 'interaction';
  return kinds.get(path) ?? 'other';
}

const grantPrefix = 'urn:ietf:params:oauth:grant-type:';

/** Whether a grant type is the one meant; `token-exchange` and `jwt-bearer` are understood without their prefix. */
export function isGrant(grantType: string | undefined, meant: string): boolean {
  return grantType === meant || grantType === `${grantPrefix}${meant}`;
}
