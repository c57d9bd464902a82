/** The configuration of the engine: what is issued, to whom, for how long. */
import type { Configuration, ResourceServer } from 'oidc-provider';
import { claimsOf } from '../users.js';
import { extraTokenClaims } from './access-token-claims.js';
import { authorizationParameters, keepDefaultScope } from './authorization-parameters.js';
import type { EngineModule } from './engine-module.js';
import { grantForRequest, interactionPolicyFor } from './interaction-policy.js';
import { certificateOf, isAuthorized, matchesSubject } from '../http/mutual-tls.js';
import { createAdapterFactory } from './memory.adapter.js';
import { page } from '../pages.js';
import type { ProviderParts } from './provider-parts.js';

const year = 365 * 24 * 3600;

/** Builds the engine's configuration from the provider's parts. */
export function engineConfiguration(parts: ProviderParts, engine: EngineModule): Configuration {
  const { options, users } = parts;
  return {
    adapter: createAdapterFactory(parts, engine),
    jwks: { keys: parts.keys.privateJwks() },
    cookies: { names: cookieNames, keys: parts.cookieKeys },
    acrValues: options.acrValues,
    claims: supportedClaims(parts),
    conformIdTokenClaims: false,
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    responseTypes: ['code'],
    clientAuthMethods: clientAuthMethods(parts),
    pkce: { required: () => options.requirePkce },
    extraParams: authorizationParameters(parts, engine),
    extraTokenClaims: (_ctx, token) => extraTokenClaims(parts, token),
    formats: { customizers: { jwt: (_ctx, _token, jwt) => applyClockSkew(jwt.payload, parts.clock.skew) } },
    findAccount: (_ctx, sub) => {
      const user = users.findBySubject(sub);
      return user && { accountId: user.sub, claims: () => claimsOf(user) };
    },
    loadExistingGrant: (ctx) => grantForRequest(ctx),
    rotateRefreshToken: keepDefaultScope(parts),
    issueRefreshToken: (_ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') && source.scopes.has('offline_access'),
    interactions: {
      policy: interactionPolicyFor(engine, options.acrValues),
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
    },
    features: features(parts, engine),
    ttl: timesToLive(parts),
    clientBasedCORS: (_ctx, origin, client) =>
      (client.redirectUris ?? []).some((uri) => URL.canParse(uri) && new URL(uri).origin === origin),
    // the engine's own request protection refuses loopback addresses, where clients under test live
    fetch: (url, init) => fetch(url, withoutDispatcher(init)),
    renderError: (ctx, out) => {
      ctx.type = 'html';
      ctx.body = page('Something went wrong', [out.error, out.error_description ?? '']);
    },
  };
}

function clientAuthMethods({ options }: ProviderParts): NonNullable<Configuration['clientAuthMethods']> {
  const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const;
  return options.mutualTls ? [...methods, 'tls_client_auth', 'self_signed_tls_client_auth'] : [...methods];
}

/** Names of the provider's cookies, apart from those an application on the same host would use. */
const cookieNames = { session: 'op_session', interaction: 'op_interaction', resume: 'op_resume' };

function supportedClaims(parts: ProviderParts): Configuration['claims'] {
  const extra = parts.users.list().flatMap((user) => Object.keys(user.claims ?? {}));
  return {
    openid: ['sub', 'roles', 'auth_time', 'acr', 'amr', ...new Set(extra)],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
    acr: null,
    auth_time: null,
    iss: null,
    sid: null,
  };
}

function features(parts: ProviderParts, { errors }: EngineModule): Configuration['features'] {
  const { options } = parts;
  return {
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    mTLS: {
      enabled: options.mutualTls !== undefined,
      tlsClientAuth: true,
      selfSignedTlsClientAuth: true,
      getCertificate: (ctx) => certificateOf(ctx.req)?.toString(),
      certificateAuthorized: (ctx) => isAuthorized(ctx.req),
      certificateSubjectMatches: (ctx, property, expected) => {
        const certificate = certificateOf(ctx.req);
        return certificate !== undefined && matchesSubject(certificate, property, expected);
      },
    },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    jwtUserinfo: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: options.requirePar },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, _client, oneOf) => defaultResource(parts, oneOf),
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => {
        if (resource !== options.audience) throw new errors.InvalidTarget();
        return apiResourceServer(parts);
      },
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => {
        ctx.body = form;
      },
      postLogoutSuccessSource: (ctx) => {
        ctx.body = page('Signed out', ['The session at the provider has ended.']);
      },
    },
  };
}

/** The API when nothing was named, and when it is among several that were. */
function defaultResource(parts: ProviderParts, oneOf: readonly string[] | undefined): string | string[] {
  const { audience, opaqueAccessTokens } = parts.options;
  if (oneOf) return oneOf.includes(audience) ? audience : [...oneOf];
  return opaqueAccessTokens ? [] : audience;
}

function apiResourceServer(parts: ProviderParts): ResourceServer {
  return {
    scope: parts.options.resourceScopes.join(' '),
    audience: parts.options.audience,
    accessTokenTTL: parts.lifetimes.accessToken,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: parts.keys.current.alg } },
  };
}

function timesToLive({ lifetimes }: ProviderParts): Configuration['ttl'] {
  return {
    AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetimes.accessToken,
    ClientCredentials: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetimes.accessToken,
    AuthorizationCode: 60,
    Grant: () => year,
    IdToken: () => lifetimes.idToken,
    Interaction: () => 3600,
    RefreshToken: () => lifetimes.refreshToken,
    Session: () => lifetimes.session,
  };
}

function applyClockSkew(claims: Record<string, unknown>, skew: number): void {
  for (const name of ['iat', 'exp']) {
    const value = claims[name];
    if (typeof value === 'number') claims[name] = value + skew;
  }
}

function withoutDispatcher(init: RequestInit | undefined): RequestInit {
  const { dispatcher: _dispatcher, ...rest } = { dispatcher: undefined, ...init };
  return rest;
}
