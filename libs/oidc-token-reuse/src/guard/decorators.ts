/** What handlers say about who may call them, and what they get of the caller. */
import { createParamDecorator, SetMetadata, type CustomDecorator, type ExecutionContext } from '@nestjs/common';
import { exchangeOf } from '../http/exchange.decorator.js';
import { Principal } from '../session/principal.js';
import { DownstreamTokenPipe, type DownstreamParameter } from './downstream-token.pipe.js';

export const PUBLIC = Symbol.for('nestjs-oidc-token-reuse:public');
export const OPTIONAL = Symbol.for('nestjs-oidc-token-reuse:optional');
export const SCOPES = Symbol.for('nestjs-oidc-token-reuse:scopes');
export const ROLES = Symbol.for('nestjs-oidc-token-reuse:roles');
export const ACR = Symbol.for('nestjs-oidc-token-reuse:acr');

/**
 * Lets everybody in. The request is not looked at, so there is no principal. On a handler it lifts what the class asks for; a handler that asks for
 * scopes, roles or an authentication context is not public, whatever its class says.
 *
 * @publicApi
 */
export const Public = (): CustomDecorator<symbol> => SetMetadata(PUBLIC, true);

/**
 * Lets requests without a credential in, without a principal. A credential that is present has to be good, and to meet what the class asks for.
 * As with `@Public()`, what the handler asks for itself counts first.
 *
 * @publicApi
 */
export const OptionalAuth = (): CustomDecorator<symbol> => SetMetadata(OPTIONAL, true);

/**
 * Requires all of the scopes in the access token: 403 `insufficient_scope` otherwise (RFC 6750 section 3.1). On a handler it replaces its class's.
 *
 * @publicApi
 */
export const RequireScopes = (...scopes: readonly string[]): CustomDecorator<symbol> => SetMetadata(SCOPES, scopes);

/**
 * Requires at least one of the roles: 403 `insufficient_scope` otherwise. On a handler it replaces its class's.
 *
 * @publicApi
 */
export const RequireRoles = (...roles: readonly string[]): CustomDecorator<symbol> => SetMetadata(ROLES, roles);

/**
 * Requires one of the authentication context classes in the `acr` claim: 401 `insufficient_user_authentication` otherwise (RFC 9470 section 3), for
 * page loads too; `/auth/login?acr_values=…` steps up. On a handler it replaces its class's.
 *
 * @publicApi
 */
export const RequireAcr = (...values: readonly string[]): CustomDecorator<symbol> => SetMetadata(ACR, values);

/**
 * The principal of the request, or what the application's resolver made of it with `@CurrentUser('user')`. Undefined on public routes.
 *
 * @publicApi
 */
export const CurrentUser = createParamDecorator(
  (property: keyof Principal | undefined, context: ExecutionContext): unknown => {
    const principal = principalOf(context);
    return property === undefined ? principal : principal?.[property];
  },
);

/**
 * The live access token of the request, as a string, for a call to an API of the same audience. Undefined when there is none.
 *
 * @publicApi
 */
export const AccessToken = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  principalOf(context)?.accessToken?.reveal(),
);

const Downstream = createParamDecorator((scope: string, context: ExecutionContext): DownstreamParameter => ({
  scope,
  principal: principalOf(context),
  exchange: exchangeOf(context),
}));

/**
 * A token for a downstream API with the given scope, got on behalf of the caller and cached, as a string.
 * Fails as `OnBehalfOfService.getToken` does.
 *
 * @publicApi
 */
export const OnBehalfOf = (scope: string): ParameterDecorator => Downstream(scope, DownstreamTokenPipe);

/** The principal that the guard left on the request; none where there is no HTTP request. */
function principalOf(context: ExecutionContext): Principal | undefined {
  if (context.getType<string>() !== 'http') return undefined;
  const { user } = context.switchToHttp().getRequest<{ readonly user?: unknown }>();
  return user instanceof Principal ? user : undefined;
}
