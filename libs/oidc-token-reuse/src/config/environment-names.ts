/** The environment variable of each option, and the names that are known without being an option. */
import type { OidcModuleOptions } from './options.js';

/** Spellings of the variable of each option, the documented one first; empty for an option that only code can set. */
export const VARIABLES: Readonly<Record<keyof OidcModuleOptions, readonly string[]>> = {
  issuer: ['OPENID_ISSUER'],
  clientId: ['OPENID_CLIENT_ID'],
  clientSecret: ['OPENID_CLIENT_SECRET'],
  clientSecretFile: ['OPENID_CLIENT_SECRET_FILE'],
  clientKeys: ['OPENID_CLIENT_KEY'],
  clientCert: ['OPENID_CLIENT_CERT'],
  clientAuthMethod: ['OPENID_TOKEN_ENDPOINT_AUTH_METHOD'],
  publicUrl: ['PUBLIC_URL'],
  preset: ['OPENID_PRESET'],
  tenants: ['OPENID_TENANTS'],
  callbackUrl: ['OPENID_CALLBACK_URL'],
  responseMode: ['OPENID_RESPONSE_MODE'],
  scope: ['OPENID_SCOPE'],
  audience: ['OPENID_AUDIENCE'],
  refreshAudience: ['OPENID_REFRESH_AUDIENCE'],
  resource: ['OPENID_RESOURCE'],
  maxAge: ['OPENID_MAX_AGE'],
  acrValues: ['OPENID_ACR_VALUES'],
  claims: ['OPENID_CLAIMS'],
  usePar: ['OPENID_USE_PAR'],
  usePkce: ['OPENID_USE_PKCE'],
  sessionSecrets: ['OPENID_SESSION_SECRET'],
  custody: ['OPENID_CUSTODY'],
  sessionAbsoluteLifetime: ['OPENID_SESSION_ABSOLUTE_LIFETIME'],
  sessionIdleLifetime: ['OPENID_SESSION_IDLE_LIFETIME'],
  reuseTokens: ['OPENID_REUSE_TOKENS'],
  reuseMaxSessionAge: ['OPENID_REUSE_MAX_SESSION_AGE_MS'],
  reusedToken: ['OPENID_REUSED_TOKEN'],
  exposeAccessToken: ['OPENID_EXPOSE_ACCESS_TOKEN'],
  successorGrace: ['OPENID_SUCCESSOR_GRACE'],
  replayWindow: ['OPENID_REPLAY_WINDOW'],
  clockTolerance: ['OPENID_CLOCK_TOLERANCE'],
  jwksCache: ['OPENID_JWKS_URL_CACHE_ENABLED'],
  jwksCacheTime: ['OPENID_JWKS_URL_CACHE_TIME'],
  userInfoOnBehalfOf: ['OPENID_ON_BEHALF_FLOW_FOR_USERINFRO_REQUIRED', 'OPENID_ON_BEHALF_FLOW_FOR_USERINFO_REQUIRED'],
  userInfoScope: ['OPENID_ON_BEHALF_FLOW_USERINFRO_SCOPE', 'OPENID_ON_BEHALF_FLOW_USERINFO_SCOPE'],
  onBehalfOfFlavour: ['OPENID_ON_BEHALF_FLAVOUR'],
  requiredRoles: ['OPENID_REQUIRED_ROLE'],
  roleTokenKind: ['OPENID_REQUIRED_ROLE_TOKEN_KIND'],
  rolePath: ['OPENID_REQUIRED_ROLE_PARAMETER_PATH'],
  useEndSessionEndpoint: ['OPENID_USE_END_SESSION_ENDPOINT'],
  postLogoutRedirectUri: ['OPENID_POST_LOGOUT_REDIRECT_URI'],
  maxLogoutUrlLength: ['OPENID_MAX_LOGOUT_URL_LENGTH'],
  maxVerifiedTokens: [],
  maxVerifiedTokenBytes: [],
  maxOpenedSessions: [],
  maxOpenedSessionBytes: [],
  errorPath: [],
  httpTimeout: [],
  tokenRequestTimeout: [],
  fetch: [],
  warnings: [],
};

/** Accepted for the sake of existing files; the nonce is always sent. */
export const NONCE_VARIABLE = 'OPENID_GENERATE_NONCE';

/** Every name that is read. */
export const KNOWN_VARIABLES: readonly string[] = [...Object.values(VARIABLES).flat(), NONCE_VARIABLE];

const BY_RESOLVER = 'map claims to a user with PrincipalResolver';
const BY_DECORATOR = 'use @RequireRoles() on the routes';
const BY_PAGE = 'the page that signs in decides it';
const BY_RETRY = 'discovery is repeated until it succeeds';

/** Variables of other products that existing files hold and that mean nothing here, with what takes their place. */
export const INEFFECTIVE_VARIABLES: ReadonlyMap<string, string> = new Map([
  ['OPENID_BUTTON_LABEL', BY_PAGE],
  ['OPENID_IMAGE_URL', BY_PAGE],
  ['OPENID_AUTO_REDIRECT', 'a page load of a protected route always goes to the provider'],
  ['OPENID_USERNAME_CLAIM', BY_RESOLVER],
  ['OPENID_NAME_CLAIM', BY_RESOLVER],
  ['OPENID_EMAIL_CLAIM', BY_RESOLVER],
  ['OPENID_AVATAR_AUTHORIZED_ORIGINS', 'pictures are not fetched'],
  ['OPENID_ADMIN_ROLE', BY_DECORATOR],
  ['OPENID_ADMIN_ROLE_TOKEN_KIND', BY_DECORATOR],
  ['OPENID_ADMIN_ROLE_PARAMETER_PATH', BY_DECORATOR],
  ['OPENID_ROLE_SYNC_ENABLED', BY_RESOLVER],
  ['OPENID_ROLE_SYNC_API_ENABLED', BY_RESOLVER],
  ['OPENID_ROLE_SYNC_SOURCE', BY_RESOLVER],
  ['OPENID_ROLE_SYNC_CLAIM', BY_RESOLVER],
  ['OPENID_ROLE_SYNC_ROLE_PRIORITY', BY_RESOLVER],
  ['OPENID_ROLE_SYNC_FALLBACK_ROLE', BY_RESOLVER],
  ['OPENID_GRAPH_SCOPES', 'name the scopes in @OnBehalfOf()'],
  ['OPENID_JWKS_URL', 'the keys are those that discovery names'],
  ['OPENID_DISCOVERY_RETRY_ATTEMPTS', BY_RETRY],
  ['OPENID_DISCOVERY_RETRY_DELAY_MS', BY_RETRY],
]);
