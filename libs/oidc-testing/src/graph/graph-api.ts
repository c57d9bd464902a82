/** A downstream API in the manner of Microsoft Graph: takes exchanged tokens, refuses the application's own. */
import { randomUUID } from 'node:crypto';
import { graphAudience, graphUserInfoPath, type ProviderParts } from '../engine/provider-parts.js';
import type { Exchange } from '../http/exchange.js';
import { jsonReply, type Reply } from '../http/reply.js';
import { claimsOf, type TestUser } from '../users.js';
import { readAccessToken, TokenRefusedError, type AccessTokenClaims } from './access-token-reader.js';

interface Caller {
  user: TestUser;
  claims: AccessTokenClaims;
  scopes: string[];
}

/** `GET /graph/me` and `GET /graph/oidc/userinfo`. */
export class GraphApi {
  constructor(private readonly parts: ProviderParts) {}

  /** Answers a request, or gives `undefined` when the path is not of this API. */
  async handle(exchange: Exchange): Promise<Reply | undefined> {
    const { pathname } = exchange.url;
    if (!pathname.startsWith('/graph/')) return undefined;
    const caller = await this.#authenticate(exchange);
    if (!('user' in caller)) return caller;
    if (pathname === '/graph/me') return this.#me(caller);
    if (pathname === graphUserInfoPath) return this.#userInfo(caller);
    return jsonReply(404, errorBody('ResourceNotFound', 'Resource not found.'));
  }

  async #authenticate(exchange: Exchange): Promise<Caller | Reply> {
    const [scheme, token] = (exchange.headers.authorization ?? '').split(' ');
    if (scheme?.toLowerCase() !== 'bearer' || !token) {
      return this.#unauthorized('Access token is empty.');
    }
    try {
      const claims = await readAccessToken(this.parts, token, graphAudience(this.parts.issuer));
      const user = this.parts.users.findBySubject(claims.sub);
      if (!user) return this.#unauthorized('The identity of the calling user could not be established.');
      const scope = typeof claims.scope === 'string' ? claims.scope : '';
      return { user, claims, scopes: scope.toLowerCase().split(' ') };
    } catch (error) {
      if (error instanceof TokenRefusedError) return this.#unauthorized('Access token validation failure.');
      throw error;
    }
  }

  #me({ user, scopes }: Caller): Reply {
    if (!scopes.includes('user.read')) return forbidden();
    return jsonReply(200, {
      id: user.sub,
      displayName: user.name,
      mail: user.email,
      userPrincipalName: user.email,
      jobTitle: user.roles?.includes('admin') ? 'Administrator' : null,
    });
  }

  async #userInfo({ user, claims, scopes }: Caller): Promise<Reply> {
    if (!scopes.includes('openid') && !scopes.includes('user.read')) return forbidden();
    const info = claimsOf(user);
    if (!this.parts.options.signedUserInfo) return jsonReply(200, info);
    const signed = { ...info, iss: this.parts.issuer, aud: claims.client_id };
    const body = await this.parts.signer.sign({ claims: signed, header: { typ: 'JWT' } });
    return { status: 200, headers: { 'content-type': 'application/jwt' }, body: Buffer.from(body) };
  }

  #unauthorized(message: string): Reply {
    const challenge = `Bearer realm="", authorization_uri="${this.parts.issuer}/auth", error="invalid_token"`;
    return jsonReply(401, errorBody('InvalidAuthenticationToken', message), { 'www-authenticate': challenge });
  }
}

function forbidden(): Reply {
  return jsonReply(403, errorBody('Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'));
}

function errorBody(code: string, message: string): Record<string, unknown> {
  return { error: { code, message, innerError: { date: new Date().toISOString(), 'request-id': randomUUID() } } };
}
