/** The two ways to trade the caller's access token for one of a downstream API. */
import type Provider from 'oidc-provider';
import type { AccessToken, TokenEndpointGrantContext } from 'oidc-provider';
import { readAccessToken, TokenRefusedError } from '../graph/access-token-reader.js';
import type { EngineModule } from './engine-module.js';
import { graphAudience, type ProviderParts } from './provider-parts.js';

const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
const jwtType = 'urn:ietf:params:oauth:token-type:jwt';

/** Grant types of OAuth 2.0 Token Exchange (RFC 8693) and of Entra's on-behalf-of flow (built on RFC 7523). */
export const exchangeGrantTypes: readonly string[] = [tokenExchange, jwtBearer];

const exchangeParameters = [
  'subject_token',
  'subject_token_type',
  'requested_token_type',
  'actor_token',
  'actor_token_type',
  'audience',
  'resource',
  'scope',
];

interface Exchange {
  ctx: TokenEndpointGrantContext;
  subjectToken: string;
  scope: string | undefined;
  grantType: string;
}

interface Issued {
  access_token: string;
  token_type: string;
  expires_in: number;
  scope: string | undefined;
}

/** Teaches the engine both grants. A subject token must be a live access token of this provider for the API. */
export function registerExchangeGrants(engine: Provider, parts: ProviderParts, module: EngineModule): void {
  const exchange = new TokenExchange(parts, module);
  engine.registerGrantType(tokenExchange, (ctx) => exchange.rfc8693(ctx), exchangeParameters, ['audience', 'resource']);
  engine.registerGrantType(jwtBearer, (ctx) => exchange.onBehalfOf(ctx), ['assertion', 'requested_token_use', 'scope']);
}

class TokenExchange {
  readonly #errors: EngineModule['errors'];

  constructor(
    private readonly parts: ProviderParts,
    { errors }: EngineModule,
  ) {
    this.#errors = errors;
  }

  /** RFC 8693, section 2. Only access tokens are traded, only for the downstream audience. */
  async rfc8693(ctx: TokenEndpointGrantContext): Promise<void> {
    const { params } = ctx.oidc;
    const subjectToken = this.#required(params, 'subject_token');
    const type = this.#required(params, 'subject_token_type');
    if (type !== accessTokenType && type !== jwtType) throw this.#invalidRequest('unsupported "subject_token_type"');
    const requested = params.requested_token_type ?? accessTokenType;
    if (requested !== accessTokenType && requested !== jwtType) {
      throw this.#invalidRequest('unsupported "requested_token_type"');
    }
    for (const target of [params.audience, params.resource].flat()) {
      if (target !== undefined && target !== graphAudience(this.parts.issuer)) throw new this.#errors.InvalidTarget();
    }
    const issued = await this.#issue({ ctx, subjectToken, scope: params.scope, grantType: tokenExchange });
    ctx.body = { ...issued, issued_token_type: requested };
  }

  /** The on-behalf-of flow of Microsoft Entra ID: the assertion is the access token the API received. */
  async onBehalfOf(ctx: TokenEndpointGrantContext): Promise<void> {
    const { params } = ctx.oidc;
    const subjectToken = this.#required(params, 'assertion');
    if (params.requested_token_use !== 'on_behalf_of') {
      throw this.#invalidRequest('"requested_token_use" must be "on_behalf_of"');
    }
    const issued = await this.#issue({ ctx, subjectToken, scope: params.scope, grantType: jwtBearer });
    ctx.body = { ...issued, ext_expires_in: issued.expires_in };
  }

  async #issue({ ctx, subjectToken, scope, grantType }: Exchange): Promise<Issued> {
    const { provider, client } = ctx.oidc;
    const subject = await this.#liveSubject(subjectToken);
    const issued = this.parts.store.get('IssuedAccessToken', subject.jti);
    const grantId = String(issued?.grantId);
    if (!issued || !(await provider.Grant.find(grantId))) throw this.#invalidGrant('its grant was revoked');
    if (!this.parts.users.findBySubject(subject.sub)) throw this.#invalidGrant('its user is gone');
    const granted = this.#downstreamScope(scope);
    const token = new provider.AccessToken({
      client,
      accountId: subject.sub,
      grantId,
      gty: grantType,
      scope: granted,
      ...(typeof subject.sid === 'string' ? { sid: subject.sid } : {}),
    });
    this.#addressDownstream(token, provider);
    ctx.oidc.entity('AccessToken', token);
    const value = await token.save();
    return { access_token: value, token_type: 'Bearer', expires_in: token.expiration, scope: granted };
  }

  async #liveSubject(subjectToken: string): Promise<{ sub: string; jti: string } & Record<string, unknown>> {
    try {
      return await readAccessToken(this.parts, subjectToken, this.parts.options.audience);
    } catch (error) {
      if (error instanceof TokenRefusedError) throw this.#invalidGrant(error.message);
      throw error;
    }
  }

  #addressDownstream(token: AccessToken, provider: Provider): void {
    const audience = graphAudience(this.parts.issuer);
    token.resourceServer = new provider.ResourceServer(audience, {
      scope: this.parts.options.downstreamScopes.join(' '),
      audience,
      accessTokenTTL: this.parts.lifetimes.exchangedToken,
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg: this.parts.keys.current.alg } },
    });
  }

  /** Downstream scopes compare without case and may carry a resource prefix, as Microsoft Graph's do. */
  #downstreamScope(requested: string | undefined): string {
    const names = (requested ?? 'User.Read').split(' ').filter((name) => name !== '' && name !== 'offline_access');
    const granted = names.map((name) => {
      const short = name.slice(name.lastIndexOf('/') + 1).toLowerCase();
      const known = this.parts.options.downstreamScopes.find((scope) => scope.toLowerCase() === short);
      if (known === undefined) throw new this.#errors.InvalidScope('requested scope is not allowed', name);
      return known;
    });
    return [...new Set(granted)].join(' ');
  }

  #required(params: Record<string, unknown>, name: string): string {
    const value = params[name];
    if (typeof value !== 'string') throw this.#invalidRequest(`missing required parameter "${name}"`);
    return value;
  }

  #invalidRequest(description: string): Error {
    return new this.#errors.InvalidRequest(description);
  }

  #invalidGrant(reason: string): Error {
    const description = `AADSTS50013: Assertion failed validation: ${reason}.`;
    return new this.#errors.CustomOIDCProviderError('invalid_grant', description);
  }
}
