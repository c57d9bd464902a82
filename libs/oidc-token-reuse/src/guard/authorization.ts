/** Decides whether a principal may call a handler. Pure: principal and requirements in, or throw. */
import {
  ForbiddenException,
  InsufficientScopeException,
  InsufficientUserAuthenticationException,
} from '../errors/exceptions.js';
import type { Principal } from '../session/principal.js';

/** What a handler asks for; each is empty when it asks for nothing. */
export interface Requirements {
  /** All of them. */
  readonly scopes: readonly string[];
  /** One of them. */
  readonly roles: readonly string[];
  /** One of them. */
  readonly acrValues: readonly string[];
}

const UNKNOWN_SCOPES =
  'the access token is opaque or for another API, so its scopes are not known; request a scope of this API (OPENID_SCOPE, OPENID_AUDIENCE)';

/**
 * @throws InsufficientUserAuthenticationException, InsufficientScopeException
 */
export function authorize(principal: Principal, { scopes, roles, acrValues }: Requirements): void {
  if (acrValues.length > 0 && !acrValues.includes(String(principal.claims['acr'])))
    throw new InsufficientUserAuthenticationException(acrValues);
  if (scopes.length > 0) requireScopes(principal, scopes);
  if (roles.length > 0 && !hasRole(principal, roles))
    throw new InsufficientScopeException([], 'a role of the end-user is missing');
}

/**
 * Requires one of the application's roles of everybody.
 *
 * @throws ForbiddenException `role_required`
 */
export function requireAnyRole(principal: Principal, roles: readonly string[]): void {
  if (roles.length === 0 || hasRole(principal, roles)) return;
  throw new ForbiddenException('role_required', 'the end-user has none of the roles that this application requires');
}

function requireScopes(principal: Principal, scopes: readonly string[]): void {
  if (principal.verifiedAccessToken === undefined) throw new InsufficientScopeException(scopes, UNKNOWN_SCOPES);
  if (!scopes.every((scope) => principal.scopes.includes(scope))) throw new InsufficientScopeException(scopes);
}

function hasRole(principal: Principal, roles: readonly string[]): boolean {
  return roles.some((role) => principal.roles.includes(role));
}
