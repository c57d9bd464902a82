/** What Nest injects: the composition's services, and the parts of it that an application or a test may replace. */
import type { FactoryProvider, Provider, Type } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import type { Cache } from 'cache-manager';
import { Clock, SystemClock } from './clock.js';
import { OIDC_OPTIONS, type OidcOptions } from './config/options.js';
import { resolveOptions } from './config/resolve-options.js';
import { OidcRoutes } from './config/routes.js';
import { Coordinator } from './coordination/coordinator.js';
import { selectCoordinator } from './coordination/select-coordinator.js';
import { DownstreamTokenPipe } from './guard/downstream-token.pipe.js';
import { PrincipalFactory } from './guard/principal.factory.js';
import { TokenReuseGuard } from './guard/token-reuse.guard.js';
import { LoginOutcome } from './login/login-outcome.js';
import { LoginService } from './login/login.service.js';
import { LogoutChannelsService } from './logout/logout-channels.service.js';
import { LogoutService } from './logout/logout.service.js';
import { OidcEvents, type OidcEventListener } from './observability/events.js';
import { compose, type OidcComposition, type OidcParts } from './oidc.composition.js';
import { MODULE_OPTIONS_TOKEN } from './oidc.module-definition.js';
import { CACHE_MANAGER, COMPOSITION, EVENT_LISTENER, MOUNTED, PRINCIPAL_RESOLVER } from './oidc.tokens.js';
import { OnBehalfOfService } from './on-behalf-of/on-behalf-of.service.js';
import { UserInfoService } from './on-behalf-of/userinfo.service.js';
import { OidcHealth } from './provider/health.js';
import { RefreshService } from './refresh/refresh.service.js';
import { SessionService } from './refresh/session.service.js';
import { servedAt } from './routes/global-prefix.js';
import type { MountedRoutes } from './routes/mounted-routes.js';

type CoordinatorParts = [OidcOptions, Clock, OidcEvents, Cache?];

const replaceable: readonly Provider[] = [
  { provide: OIDC_OPTIONS, useFactory: resolveOptions, inject: [MODULE_OPTIONS_TOKEN] },
  { provide: Clock, useClass: SystemClock },
  {
    provide: OidcEvents,
    useFactory: (listener?: OidcEventListener) => new OidcEvents(listener),
    inject: [optional(EVENT_LISTENER)],
  },
  {
    provide: Coordinator,
    useFactory: (...[{ issuer, clientId }, clock, events, cache]: CoordinatorParts) =>
      selectCoordinator(cache, {
        namespace: `oidc:${issuer}:${clientId}`,
        clock,
        warn: (reason) => {
          events.emit({ type: 'configuration.warning', issuer, reason });
        },
      }),
    inject: [OIDC_OPTIONS, Clock, OidcEvents, optional(CACHE_MANAGER)],
  },
];

type InjectedParts = [OidcOptions, Clock, OidcEvents, Coordinator, OidcParts['cache'], OidcParts['resolver']];

const composition: Provider = {
  provide: COMPOSITION,
  useFactory: (...[options, clock, events, coordinator, cache, resolver]: InjectedParts): OidcComposition =>
    compose({ options, clock, events, coordinator, cache, resolver }),
  inject: [OIDC_OPTIONS, Clock, OidcEvents, Coordinator, optional(CACHE_MANAGER), optional(PRINCIPAL_RESOLVER)],
};

/** Services of the composition, each injectable by its class. */
const services: readonly Provider[] = [
  part(OidcHealth, ({ health }) => health),
  part(RefreshService, ({ refresh }) => refresh),
  part(SessionService, ({ sessions }) => sessions),
  part(OnBehalfOfService, ({ onBehalfOf }) => onBehalfOf),
  part(UserInfoService, ({ userInfo }) => userInfo),
  part(PrincipalFactory, ({ principals }) => principals),
  part(LoginService, ({ logins }) => logins),
  part(LogoutService, ({ logouts }) => logouts),
  part(LogoutChannelsService, ({ logoutChannels }) => logoutChannels),
];

const http: readonly Provider[] = [
  {
    provide: OidcRoutes,
    useFactory: ({ base, controllers }: MountedRoutes, { errorPath }: OidcOptions, application: ApplicationConfig) =>
      new OidcRoutes({
        of: (route) => servedAt(`${base}/${route}`, application),
        errorPath,
        areServed: controllers.length > 0,
      }),
    inject: [MOUNTED, OIDC_OPTIONS, ApplicationConfig],
  },
  {
    provide: LoginOutcome,
    useFactory: (routes: OidcRoutes, logins: LoginService) => new LoginOutcome(routes, logins),
    inject: [OidcRoutes, LoginService],
  },
  TokenReuseGuard,
  DownstreamTokenPipe,
];

export const PROVIDERS: readonly Provider[] = [...replaceable, composition, ...services, ...http];

/** What the guard and the decorators need in every module of the application, and what applications inject. */
export const EXPORTS = [
  ...[OIDC_OPTIONS, Clock, Coordinator, OidcEvents, OidcRoutes, OidcHealth, RefreshService, SessionService],
  ...[OnBehalfOfService, UserInfoService, PrincipalFactory, TokenReuseGuard, DownstreamTokenPipe],
];

function part<Service>(
  token: Type<Service>,
  pick: (composition: OidcComposition) => Service,
): FactoryProvider<Service> {
  return { provide: token, useFactory: pick, inject: [COMPOSITION] };
}

function optional(token: symbol | string): { readonly token: symbol | string; readonly optional: true } {
  return { token, optional: true };
}
