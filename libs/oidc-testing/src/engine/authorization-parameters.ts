/** Adjusts what an authorization or refresh request asks for, the way large providers do. */
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { EngineModule } from './engine-module.js';
import type { ProviderParts } from './provider-parts.js';

const scopesOf = (scope: unknown): string[] => (typeof scope === 'string' ? scope.split(' ').filter(Boolean) : []);

/**
 * Parameters handled beside the standard ones. `audience` is checked and otherwise means the default resource.
 * `requested_scope` carries the scope as it was sent, from the pushed request to the authorization endpoint: the
 * engine drops `offline_access` without `prompt=consent`, and this provider, like most, does not.
 */
export function authorizationParameters(parts: ProviderParts, { errors }: EngineModule): Configuration['extraParams'] {
  const { audience, opaqueAccessTokens, resourceScopes } = parts.options;
  const defaultScope = (params: Record<string, unknown>): string[] =>
    opaqueAccessTokens && params.resource !== audience ? [] : resourceScopes.slice(0, 1);
  return {
    audience: (_ctx, value) => {
      if (value !== undefined && value !== audience) throw new errors.InvalidTarget();
    },
    requested_scope: ({ query, oidc: { params, body, client } }, pushed) => {
      if (!params) return;
      const requested = scopesOf(pushed ?? query.scope ?? body?.scope);
      const scopes = new Set([...defaultScope(params), ...scopesOf(params.scope)]);
      const isOffline = requested.includes('offline_access') && client?.grantTypeAllowed('refresh_token');
      if (isOffline) scopes.add('offline_access');
      params.requested_scope = requested.join(' ') || undefined;
      params.scope = [...scopes].join(' ') || undefined;
    },
  };
}

/**
 * Called by the engine before each rotation: rotates always. A refresh request that names a scope keeps the API's
 * default scope, as it had it at login.
 */
export function keepDefaultScope({ options }: ProviderParts): (ctx: KoaContextWithOIDC) => boolean {
  const [defaultScope] = options.resourceScopes;
  return ({ oidc: { params, entities } }) => {
    const scopes = scopesOf(params?.scope);
    if (!params || scopes.length === 0 || !defaultScope) return true;
    if (entities.RefreshToken?.scopes.has(defaultScope)) scopes.push(defaultScope);
    params.scope = [...new Set(scopes)].join(' ');
    return true;
  };
}
