/** Step 0 of the provider: what may be asked for, and what is taken when nothing is asked. */
import type { SigningAlgorithm } from './keys/signing-keys.js';
import type { ProviderState } from './provider-state.js';
import { defaultUsers, type TestUser } from './users.js';

/** Client metadata with the wire names of RFC 7591 (`redirect_uris`, `token_endpoint_auth_method`, `jwks`, …). */
export interface ClientMetadata {
  client_id: string;
  client_secret?: string;
  redirect_uris?: string[];
  post_logout_redirect_uris?: string[];
  grant_types?: string[];
  token_endpoint_auth_method?: string;
  backchannel_logout_uri?: string;
  [name: string]: unknown;
}

/** Lifetimes in seconds. May be changed while the provider runs; tokens issued earlier keep theirs. */
export interface Lifetimes {
  /** Access tokens, for the API or opaque. Default is 300. */
  accessToken: number;
  /** ID Tokens. Default is 3600. */
  idToken: number;
  /** Each refresh token of a family. Default is 1209600 (14 days). */
  refreshToken: number;
  /** Tokens made by a token exchange. Default is 300. */
  exchangedToken: number;
  /** The session of the browser at the provider. Default is 1209600 (14 days). */
  session: number;
}

/**
 * What happens to a refresh token that was already exchanged (RFC 9700, section 4.14).
 * `strict`: presenting it again revokes the whole family. `{ lenient }`: it is accepted again, with fresh tokens,
 * during that many seconds after its first use, then as `strict`.
 */
export type ReplayMode = 'strict' | { lenient: number };

/** Every option of {@link createTestProvider}; all are optional there. */
export interface ProviderOptions {
  /** Port to listen on. Default is 0: any free port. */
  port: number;
  /** Address to listen on, and the host of the issuer. Default is `127.0.0.1`. */
  host: string;
  /** Issuer identifier, when it differs from the address listened on (behind a proxy). */
  issuer: string | undefined;
  /** Key and certificate in PEM; the issuer is then an https URL. */
  https: { key: string; cert: string } | undefined;
  /**
   * Also listen for clients with certificates, on a port of its own whose endpoints are the `mtls_endpoint_aliases` (RFC 8705); needs `https`.
   * `ca`: PEM of the authority whose certificates are good for `tls_client_auth`. Default is none.
   */
  mutualTls: { ca?: string } | undefined;
  /** People who can sign in. Default is alice (role `admin`) and bob, passwords like their names. */
  users: TestUser[];
  /** Clients beside the default one. */
  clients: ClientMetadata[];
  /** Identifier and secret of the default client. Default is `web` with a random secret. */
  defaultClient: { clientId?: string; clientSecret?: string };
  /** `aud` of access tokens for the API. Default is `http://localhost:3000/api`. */
  audience: string;
  /** Scopes of the API; the first is in every access token for it. Default is `access_user`, `reports.read`. */
  resourceScopes: string[];
  /** Scopes that an exchanged token may have. Default is `User.Read`, `Mail.Read`, `openid`, `profile`, `email`. */
  downstreamScopes: string[];
  /** Default is `strict`. */
  mode: ReplayMode;
  /** Lifetimes, see {@link Lifetimes}; those not given keep their default. */
  lifetimes: Partial<Lifetimes>;
  /** Shorthand for `lifetimes.accessToken`, in seconds. */
  accessTokenLifetime: number | undefined;
  /** Algorithm of the first signing key. Default is `RS256`. */
  alg: SigningAlgorithm;
  /** Refuse authorization requests without PKCE (RFC 7636). Default is `false`; S256 is always the only method. */
  requirePkce: boolean;
  /** Refuse authorization requests that were not pushed (RFC 9126). Default is `false`. */
  requirePar: boolean;
  /**
   * Which UserInfo endpoint the discovery document names: `graph` takes exchanged tokens only,
   * `provider` is the provider's own, which refuses tokens that have an audience. Default is `graph`.
   */
  userInfo: 'graph' | 'provider';
  /** Answer UserInfo as a signed JWT (OpenID Connect Core, section 5.3.2). Default is `false`. */
  signedUserInfo: boolean;
  /** A login that names no resource gets an opaque access token, good for the provider's UserInfo. Default is `false`. */
  opaqueAccessTokens: boolean;
  /** `acr` values that a login can reach; the first is the normal one. Default is `urn:test:password`, `urn:test:mfa`. */
  acrValues: string[];
  /** What an earlier {@link TestProvider.exportState} gave: keys, secrets, sessions, grants and tokens carry on. */
  state: ProviderState | undefined;
  /** Called after every change of what {@link TestProvider.exportState} would give; called often, never awaited. */
  onStateChanged: (() => void) | undefined;
}

export const defaultLifetimes: Readonly<Lifetimes> = {
  accessToken: 300,
  idToken: 3600,
  refreshToken: 1_209_600,
  exchangedToken: 300,
  session: 1_209_600,
};

/** Fills in every default. */
export function resolveOptions(given: Partial<ProviderOptions>): ProviderOptions {
  return {
    port: 0,
    host: '127.0.0.1',
    issuer: undefined,
    https: undefined,
    mutualTls: undefined,
    users: defaultUsers,
    clients: [],
    defaultClient: {},
    audience: 'http://localhost:3000/api',
    resourceScopes: ['access_user', 'reports.read'],
    downstreamScopes: ['User.Read', 'Mail.Read', 'openid', 'profile', 'email'],
    mode: 'strict',
    lifetimes: {},
    accessTokenLifetime: undefined,
    alg: 'RS256',
    requirePkce: false,
    requirePar: false,
    userInfo: 'graph',
    signedUserInfo: false,
    opaqueAccessTokens: false,
    acrValues: ['urn:test:password', 'urn:test:mfa'],
    state: undefined,
    onStateChanged: undefined,
    ...given,
  };
}
