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

const SCOPES_NOT_KEPT = 'no access token is kept, so its scopes are not known: OPENID_REUSE_TOKENS is false';
const SCOPES_NOT_KNOWN =
  'the access token is opaque or for another API, so its scopes are not known; request a scope of this API (OPENID_SCOPE, OPENID_AUDIENCE)';

/**
 * @throws InsufficientUserAuthenticationException, InsufficientScopeException
 */
export function authorize(principal: Principal, { scopes, roles, acrValues }: Requirements): void {
  requireAcr(principal, acrValues);
  requireScopes(principal, scopes);
  if (!hasAnyOf(principal, roles)) throw new InsufficientScopeException([], 'a role of the end-user is missing');
}

/**
 * Requires one of the application's roles of everybody.
 *
 * @throws ForbiddenException `role_required`
 */
export function requireAnyRole(principal: Principal, roles: readonly string[]): void {
  if (hasAnyOf(principal, roles)) return;
  throw new ForbiddenException('role_required', 'the end-user has none of the roles that this application requires');
}

function requireAcr({ claims: { acr } }: Principal, accepted: readonly string[]): void {
  if (accepted.length === 0 || (typeof acr === 'string' && accepted.includes(acr))) return;
  throw new InsufficientUserAuthenticationException(accepted);
}

function requireScopes({ scopes, accessToken, verifiedAccessToken }: Principal, required: readonly string[]): void {
  if (required.every((scope) => scopes.includes(scope))) return;
  if (verifiedAccessToken !== undefined) throw new InsufficientScopeException(required);
  throw new InsufficientScopeException(required, accessToken === undefined ? SCOPES_NOT_KEPT : SCOPES_NOT_KNOWN);
}

function hasAnyOf(principal: Principal, roles: readonly string[]): boolean {
  return roles.length === 0 || roles.some((role) => principal.roles.includes(role));
}
