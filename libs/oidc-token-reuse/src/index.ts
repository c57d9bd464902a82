/** The public API. */
export { Clock } from './clock.js';
export { createOidcConfig, oidcConfig } from './config/oidc.config.js';
export { oidcEnvironmentSchema, readEnvironment, type EnvironmentConfiguration } from './config/environment.js';
export type {
  ClaimsRequest,
  ClientAuthMethod,
  ClientSecretSource,
  Custody as CustodyKind,
  OidcModuleOptions,
  OidcOptions,
  OnBehalfOfFlavour,
  PresetName,
  ResponseMode,
  ReusedToken,
  TokenKind,
} from './config/options.js';
export { OIDC_OPTIONS } from './config/options.js';
export { OidcRoutes } from './config/routes.js';
export {
  Coordinator,
  type Lease,
  type LeaseLimits,
  type PlacedRecord,
  type Space,
  type StoredRecord,
} from './coordination/coordinator.js';
export { OidcConfigurationException, type ConfigurationProblem } from './errors/configuration.exception.js';
export {
  CoordinationUnavailableException,
  ForbiddenException,
  InsufficientScopeException,
  InsufficientUserAuthenticationException,
  InvalidRequestException,
  InvalidTokenException,
  LoginFailedException,
  LoginRequiredException,
  OnBehalfOfException,
  ProviderUnavailableException,
  UnauthorizedException,
} from './errors/exceptions.js';
export { ERROR_CODES, OidcException, type OidcErrorCode } from './errors/oidc.exception.js';
export {
  AccessToken,
  CurrentUser,
  OnBehalfOf,
  OptionalAuth,
  Public,
  RequireAcr,
  RequireRoles,
  RequireScopes,
} from './guard/decorators.js';
export type { Requirements } from './guard/authorization.js';
export { PrincipalFactory } from './guard/principal.factory.js';
export { PrincipalResolver } from './guard/principal.resolver.js';
export { TokenReuseGuard, type RequestResponse } from './guard/token-reuse.guard.js';
export { httpExchange, type HttpExchange } from './http/http-exchange.js';
export { OidcEventListener, type OidcEvent, type OidcEventType } from './observability/events.js';
export { Secret } from './observability/secret.js';
export type { OidcModuleExtras, OidcOptionsFactory } from './oidc.module-definition.js';
export { OidcModule } from './oidc.module.js';
export type { DownstreamRequest } from './on-behalf-of/downstream-request.js';
export type { DownstreamToken } from './on-behalf-of/downstream-token.cache.js';
export { OnBehalfOfService } from './on-behalf-of/on-behalf-of.service.js';
export { UserInfoService } from './on-behalf-of/userinfo.service.js';
export type { JsonObject } from './provider/json.js';
export { OidcHealth, type OidcHealthReport } from './provider/health.js';
export { RefreshService } from './refresh/refresh.service.js';
export { SessionService } from './refresh/session.service.js';
export { TokenSource } from './refresh/token-source.js';
export { Principal } from './session/principal.js';
export type { SessionOwner } from './session/session-index.js';
export type { Session } from './session/session.js';
export type { TokenSet } from './session/token-set.js';
export type { VerifiedAccessToken } from './verification/access-token.verifier.js';
