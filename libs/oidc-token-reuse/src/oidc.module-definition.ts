/** How the module is configured: `forRoot`, `forRootAsync`, and what has to be known before dependency injection starts. */
import { ConfigurableModuleBuilder, type Provider, type Type } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import type { OidcModuleOptions } from './config/options.js';
import { OidcExceptionFilter } from './http/oidc-exception.filter.js';
import { TokenReuseGuard } from './guard/token-reuse.guard.js';
import type { PrincipalResolver } from './guard/principal.resolver.js';
import type { OidcEventListener } from './observability/events.js';
import { EVENT_LISTENER, MOUNTED, PRINCIPAL_RESOLVER } from './oidc.tokens.js';
import { mountRoutes } from './routes/mounted-routes.js';

/**
 * What stands beside the options in `OidcModule.forRoot` and `forRootAsync`.
 *
 * @publicApi
 */
export interface OidcModuleExtras {
  /** Guard every route of the application. Default is true. */
  readonly globalGuard?: boolean;
  /** Serve the module's routes. Default is true. */
  readonly routes?: boolean;
  /** Path of the module's routes. Default is `auth`. */
  readonly routePrefix?: string;
  /** The application's hook from an identity to its own user. */
  readonly principalResolver?: Type<PrincipalResolver>;
  /** The application's hook for events. */
  readonly eventListener?: Type<OidcEventListener>;
}

/**
 * What a class does that `OidcModule.forRootAsync({ useClass })` or `{ useExisting }` names.
 *
 * @publicApi
 */
export interface OidcOptionsFactory {
  createOidcOptions(): OidcModuleOptions | Promise<OidcModuleOptions>;
}

const EXTRAS: OidcModuleExtras = { globalGuard: true, routes: true, routePrefix: 'auth' };

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<OidcModuleOptions>()
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createOidcOptions')
    .setExtras(EXTRAS, (definition, { globalGuard, routes, routePrefix, principalResolver, eventListener }) => {
      const isGuarded = globalGuard !== false;
      const mounted = mountRoutes({ prefix: routePrefix ?? 'auth', isServed: routes !== false, isGuarded });
      const providers: Provider[] = [
        ...(definition.providers ?? []),
        { provide: MOUNTED, useValue: mounted },
        { provide: APP_FILTER, useClass: OidcExceptionFilter },
      ];
      if (isGuarded) providers.push({ provide: APP_GUARD, useExisting: TokenReuseGuard });
      if (principalResolver !== undefined) providers.push({ provide: PRINCIPAL_RESOLVER, useClass: principalResolver });
      if (eventListener !== undefined) providers.push({ provide: EVENT_LISTENER, useClass: eventListener });
      return { ...definition, global: true, providers, controllers: [...mounted.controllers] };
    })
    .build();
