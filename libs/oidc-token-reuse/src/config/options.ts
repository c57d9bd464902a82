/** The one place where every option, its unit, its default and its source are written down. */

/** Names of the presets; `presets.ts` says what each changes. */
export const PRESET_NAMES = ['entra', 'keycloak', 'auth0', 'okta', 'google', 'cognito', 'generic'] as const;

export type PresetName = (typeof PRESET_NAMES)[number];

/** Values of `token_endpoint_auth_method` (RFC 7591 section 2, RFC 7523, RFC 8705). */
export const CLIENT_AUTH_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
  'none',
] as const;

export type ClientAuthMethod = (typeof CLIENT_AUTH_METHODS)[number];
/** Gives the client secret. Called at first use, and again when the provider refuses what it gave. */
export type ClientSecretSource = () => string | Promise<string>;
/** `claims` of the authorization request (OpenID Connect Core section 5.5). */
export type ClaimsRequest = Readonly<Record<string, unknown>>;
export type ResponseMode = 'query' | 'form_post';
export type OnBehalfOfFlavour = 'entra' | 'token-exchange';
export type TokenKind = 'access' | 'id' | 'userinfo';
export type ReusedToken = 'access_token' | 'id_token';
export type Custody = 'cookie' | 'store';

/**
 * Options of `OidcModule.forRoot`. `docs/configuration.md` gives the environment variable of each.
 *
 * @publicApi
 */
export interface OidcModuleOptions {
  /** Issuer identifier (OpenID Connect Discovery 1.0 section 2), or the URL of its `.well-known` document. */
  readonly issuer: string;
  /** `client_id` (RFC 6749 section 2.2). */
  readonly clientId: string;
  /** `client_secret`, or a function that gives it. Without any credential the client is public, and PKCE protects it. */
  readonly clientSecret?: string | ClientSecretSource | undefined;
  /** Path of a file with the client secret, read again when it changes. Default is none. */
  readonly clientSecretFile?: string | undefined;
  /** Private keys: PEM, JWK or JWK Set, or paths of files with such, read again when they change. The first one signs. Default is none. */
  readonly clientKeys?: readonly string[] | undefined;
  /** Certificates of those keys: PEM, or the path of a file with such, read again when it changes. Default is none. */
  readonly clientCert?: string | undefined;
  /** `token_endpoint_auth_method`. Default is `client_secret_basic` with a secret, `none` without. */
  readonly clientAuthMethod?: ClientAuthMethod | undefined;
  /** Origin that browsers use, never taken from request headers. A function is called once, at first use. */
  readonly publicUrl: string | (() => string);
  /** What differs between providers. Default is by the issuer's host, else `generic`. */
  readonly preset?: PresetName | undefined;
  /** Entra tenants allowed, by id (a GUID). Needed when the issuer is `common` or `organizations`; else the issuer's own tenant. */
  readonly tenants?: readonly string[] | undefined;

  /** Redirect URI (RFC 6749 section 3.1.2): absolute, or a path on `publicUrl`. Default is `/auth/callback`. */
  readonly callbackUrl?: string | undefined;
  /** `response_mode` (OAuth 2.0 Multiple Response Types section 2.1, Form Post Response Mode). Default is `query`. */
  readonly responseMode?: ResponseMode | undefined;
  /** `scope` of the authorization request, space separated, with `openid`. Default is by preset, mostly `openid profile email offline_access`. */
  readonly scope?: string | undefined;
  /** Values accepted as `aud` beside the client id; the first is sent as `audience` at login. Default is none. */
  readonly audience?: readonly string[] | undefined;
  /** `audience` sent with the refresh grant. Default is none. */
  readonly refreshAudience?: string | undefined;
  /** `resource` (RFC 8707). Default is none. */
  readonly resource?: string | undefined;
  /** `max_age` of the authorization request in seconds (OpenID Connect Core section 3.1.2.1). Default is none. */
  readonly maxAge?: number | undefined;
  /** `acr_values` of the authorization request, space separated. Default is none. */
  readonly acrValues?: string | undefined;
  /** `claims` of the authorization request (OpenID Connect Core section 5.5). Default is none. */
  readonly claims?: ClaimsRequest | undefined;
  /** Pushed authorization requests (RFC 9126). Default is only when the provider requires them. */
  readonly usePar?: boolean | undefined;
  /** PKCE with S256 (RFC 7636). Default is true; false only for a provider that refuses it, and warned about. */
  readonly usePkce?: boolean | undefined;
  /** Path a failed sign-in of a page load ends at, with `?error=CODE`. Default is a small built-in page. */
  readonly errorPath?: string | undefined;

  /** Secrets of at least 32 characters that seal cookies: the first seals, all open. */
  readonly sessionSecrets: readonly string[];
  /** Where the token set is kept: `cookie`, sealed in the browser; `store`, sealed in the shared cache. Default is `cookie`. */
  readonly custody?: Custody | undefined;
  /** Seconds after login at which a session ends, whatever happens. Default is 604800 (7 days). */
  readonly sessionAbsoluteLifetime?: number | undefined;
  /** Seconds after the last login or refresh at which a session ends. Default is 86400 (1 day). */
  readonly sessionIdleLifetime?: number | undefined;
  /** Keep the provider's tokens as the session. False: the session holds the identity only. Default is true. */
  readonly reuseTokens?: boolean | undefined;
  /** Milliseconds during which `POST /auth/refresh` answers from a session with younger tokens. Default is 0 (off). */
  readonly reuseMaxSessionAge?: number | undefined;
  /** What bearers present: `id_token` for providers with opaque access tokens. Default is `access_token`. */
  readonly reusedToken?: ReusedToken | undefined;
  /** Return the access token from `POST /auth/refresh` to the page's JavaScript. Default is false. */
  readonly exposeAccessToken?: boolean | undefined;
  /** Seconds during which a request that carries a spent refresh token gets its successor. Default is 60. */
  readonly successorGrace?: number | undefined;
  /** Seconds during which the provider accepts the same refresh token again. Default is by preset, else 0. */
  readonly replayWindow?: number | undefined;

  /** Seconds of clock drift tolerated in token times. Default is 30, at most 300; never added to our own token set. */
  readonly clockTolerance?: number | undefined;
  /** Cache signing keys and results of verification. Default is true; false fetches keys for each verification. */
  readonly jwksCache?: boolean | undefined;
  /** Milliseconds after which cached signing keys are fetched again. Default is 600000 (10 minutes). */
  readonly jwksCacheTime?: number | undefined;
  /** Access tokens of which is remembered that they were verified. Default is 20000; 0 remembers none. */
  readonly maxVerifiedTokens?: number | undefined;
  /** Bytes of memory that they may take, as estimated. Default is 50000000. */
  readonly maxVerifiedTokenBytes?: number | undefined;
  /** Sessions that stay opened for a minute. Default is 5000; 0 opens them at each request. */
  readonly maxOpenedSessions?: number | undefined;
  /** Bytes of memory that they may take, as estimated. Default is 50000000. */
  readonly maxOpenedSessionBytes?: number | undefined;

  /** Exchange the access token on behalf of the end-user before the UserInfo request. Default is false. */
  readonly userInfoOnBehalfOf?: boolean | undefined;
  /** `scope` of that exchange. Default is `user.read`. */
  readonly userInfoScope?: string | undefined;
  /** Wire form of an exchange: `entra` (jwt-bearer, RFC 7523) or `token-exchange` (RFC 8693). Default is by preset. */
  readonly onBehalfOfFlavour?: OnBehalfOfFlavour | undefined;

  /** Roles of which the end-user must have at least one. Default is none. */
  readonly requiredRoles?: readonly string[] | undefined;
  /** The token whose claims name the roles. Default is by preset, mostly `id`; a bearer request only has its access token. */
  readonly roleTokenKind?: TokenKind | undefined;
  /** Dotted path of the roles inside that token's claims, see `readPath`. Default is by preset, mostly `roles`. */
  readonly rolePath?: string | undefined;

  /** Logout also ends the session at the provider (RP-Initiated Logout 1.0). Default is false. */
  readonly useEndSessionEndpoint?: boolean | undefined;
  /** `post_logout_redirect_uri`. Default is `publicUrl`. */
  readonly postLogoutRedirectUri?: string | undefined;
  /** Characters of the logout URL above which `logout_hint` replaces `id_token_hint`. Default is 2000. */
  readonly maxLogoutUrlLength?: number | undefined;

  /** Milliseconds after which a request to the provider is given up, at most 600000. Default is 5000. */
  readonly httpTimeout?: number | undefined;
  /** Milliseconds after which a request to the token endpoint is given up, at most 600000. Default is 15000: a lost answer may cost a session. */
  readonly tokenRequestTimeout?: number | undefined;
  /** Replaces `fetch` for every request to the provider, for proxies and private networks; with mutual TLS it presents the certificate. Default is the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** What whoever made these options warns about, such as unknown environment variables; logged once at start. Default is none. */
  readonly warnings?: readonly string[] | undefined;
}

/** Options with every default applied and checked; what all other rooms work with. */
export interface OidcOptions {
  /** Issuer identifier as configured, without `/.well-known/…`. May hold the template `{tenantid}`. */
  readonly issuer: string;
  /** URL of the discovery document. */
  readonly discoveryUrl: string;
  /** http is accepted because the issuer is on loopback. */
  readonly allowInsecure: boolean;
  readonly clientId: string;
  readonly clientSecret: string | ClientSecretSource | undefined;
  readonly clientSecretFile: string | undefined;
  readonly clientKeys: readonly string[];
  readonly clientCert: string | undefined;
  readonly clientAuthMethod: ClientAuthMethod;
  /** Origin that browsers use, without a trailing slash. Throws OidcConfigurationException when a configured function returns no such origin. */
  readonly publicUrl: () => string;
  readonly preset: PresetName;
  /** Allowed tenants in lower case; empty: the issuer is not templated and the tenant of a token is not looked at. */
  readonly tenants: readonly string[];
  /** Path at which the callback is served. */
  readonly callbackPath: string;
  /** Redirect URI sent to the provider. */
  readonly callbackUrl: () => string;
  readonly responseMode: ResponseMode;
  readonly scope: string;
  /** Further parameters of the authorization request, such as `access_type` for Google. */
  readonly authorizationParameters: Readonly<Record<string, string>>;
  /** Every `aud` accepted in a reused token: the client id, the configured audiences, for access tokens also what the preset derives. */
  readonly acceptedAudiences: readonly string[];
  /** `audience` of the authorization request. */
  readonly loginAudience: string | undefined;
  readonly refreshAudience: string | undefined;
  /** `scope` of the refresh grant: only where the preset says so. */
  readonly refreshScope: string | undefined;
  readonly resource: string | undefined;
  readonly maxAge: number | undefined;
  readonly acrValues: string | undefined;
  readonly claims: ClaimsRequest | undefined;
  readonly usePar: boolean | undefined;
  readonly usePkce: boolean;
  readonly errorPath: string | undefined;
  readonly sessionSecrets: readonly string[];
  readonly custody: Custody;
  readonly sessionAbsoluteLifetime: number;
  readonly sessionIdleLifetime: number;
  readonly reuseTokens: boolean;
  readonly reuseMaxSessionAge: number;
  readonly reusedToken: ReusedToken;
  readonly exposeAccessToken: boolean;
  readonly successorGrace: number;
  readonly replayWindow: number;
  readonly clockTolerance: number;
  readonly jwksCache: boolean;
  readonly jwksCacheTime: number;
  readonly maxVerifiedTokens: number;
  readonly maxVerifiedTokenBytes: number;
  readonly maxOpenedSessions: number;
  readonly maxOpenedSessionBytes: number;
  readonly userInfoOnBehalfOf: boolean;
  readonly userInfoScope: string;
  readonly onBehalfOfFlavour: OnBehalfOfFlavour;
  readonly requiredRoles: readonly string[];
  readonly roleTokenKind: TokenKind;
  readonly rolePath: string;
  readonly useEndSessionEndpoint: boolean;
  readonly postLogoutRedirectUri: () => string;
  readonly maxLogoutUrlLength: number;
  readonly httpTimeout: number;
  readonly tokenRequestTimeout: number;
  readonly fetch: typeof fetch | undefined;
  /** Weaker settings in use, to be warned about once at start. */
  readonly warnings: readonly string[];
}

/** Defaults that do not depend on another option. */
export const DEFAULTS = {
  callbackUrl: '/auth/callback',
  responseMode: 'query',
  usePkce: true,
  custody: 'cookie',
  sessionAbsoluteLifetime: 604_800,
  sessionIdleLifetime: 86_400,
  reuseTokens: true,
  reuseMaxSessionAge: 0,
  reusedToken: 'access_token',
  exposeAccessToken: false,
  successorGrace: 60,
  clockTolerance: 30,
  jwksCache: true,
  jwksCacheTime: 600_000,
  maxVerifiedTokens: 20_000,
  maxVerifiedTokenBytes: 50_000_000,
  maxOpenedSessions: 5000,
  maxOpenedSessionBytes: 50_000_000,
  userInfoOnBehalfOf: false,
  userInfoScope: 'user.read',
  useEndSessionEndpoint: false,
  maxLogoutUrlLength: 2000,
  httpTimeout: 5000,
  tokenRequestTimeout: 15_000,
} as const satisfies Partial<OidcModuleOptions>;

/** Injection token of the resolved options. */
export const OIDC_OPTIONS = Symbol.for('nestjs-oidc-token-reuse:options');
