/** The Nest module. */
import {
  Inject,
  Module,
  type DynamicModule,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig, DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { OIDC_OPTIONS, type OidcOptions } from './config/options.js';
import { OidcConfigurationException } from './errors/configuration.exception.js';
import { unguardedHandlers } from './guard/unguarded-handlers.js';
import { OidcEvents } from './observability/events.js';
import type { OidcComposition } from './oidc.composition.js';
import { ConfigurableModuleClass, type ASYNC_OPTIONS_TYPE, type OPTIONS_TYPE } from './oidc.module-definition.js';
import { EXPORTS, PROVIDERS } from './oidc.providers.js';
import { COMPOSITION, MOUNTED } from './oidc.tokens.js';
import { exemptFromPrefix } from './routes/global-prefix.js';
import type { MountedRoutes } from './routes/mounted-routes.js';

const UNGUARDED =
  'asks for scopes, roles or an authentication context, and no guard stands before it; add @UseGuards(TokenReuseGuard), or leave globalGuard on';
const DOUBTFUL = 'asks for scopes, roles or an authentication context, and no TokenReuseGuard stands before it';

/**
 * Login, guard, refresh, on-behalf-of calls and logout with the OpenID Provider's own tokens. Import it once, in the root module; it is global.
 * Starting never waits for the provider, and never fails because of it.
 *
 * @example
 * ```ts
 * imports: [
 *   ConfigModule.forRoot({ isGlobal: true, load: [oidcConfig] }),
 *   CacheModule.register({ isGlobal: true }),
 *   OidcModule.forRootAsync(oidcConfig.asProvider()),
 * ]
 * ```
 * @throws OidcConfigurationException at start, listing every problem of the options
 * @publicApi
 */
@Module({ imports: [DiscoveryModule], providers: [...PROVIDERS], exports: [...EXPORTS] })
export class OidcModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, OnModuleDestroy, OnApplicationShutdown
{
  constructor(
    @Inject(OIDC_OPTIONS) private readonly options: OidcOptions,
    @Inject(COMPOSITION) private readonly composition: OidcComposition,
    @Inject(MOUNTED) private readonly mounted: MountedRoutes,
    private readonly events: OidcEvents,
    private readonly application: ApplicationConfig,
    private readonly discovery: DiscoveryService,
  ) {
    super();
  }

  /** Configures the module with values. */
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    return super.forRoot(options);
  }

  /** Configures the module with `useFactory`, `useClass` or `useExisting`, or with `oidcConfig.asProvider()`. */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return super.forRootAsync(options);
  }

  /** Runs after the global prefix is set and before routes are registered: the time to place the callback. */
  configure(): void {
    const { callbackPath } = this.options;
    this.mounted.mountCallback(callbackPath);
    exemptFromPrefix(callbackPath, this.application);
  }

  onModuleInit(): void {
    const { issuer, warnings } = this.options;
    for (const reason of [...warnings, ...this.checkGuards()])
      this.events.emit({ type: 'configuration.warning', issuer, reason });
    this.composition.provider.metadata.start();
  }

  /** Decorators alone stop nobody: what asks for roles behind no guard would let everybody in. */
  private checkGuards(): readonly string[] {
    const { application, discovery, mounted } = this;
    if (mounted.isGuarded) return [];
    const globalGuards = [
      ...application.getGlobalGuards(),
      ...application.getGlobalRequestGuards().map(({ metatype }) => metatype),
    ];
    const controllers = discovery.getControllers().map(({ metatype }) => metatype as Type);
    const found = unguardedHandlers(controllers, globalGuards);
    const open = found.filter(({ is }) => is === 'open');
    if (open.length > 0)
      throw new OidcConfigurationException(open.map(({ name }) => ({ setting: name, message: UNGUARDED })));
    return found.map(({ name }) => `${name}: ${DOUBTFUL}`);
  }

  /** Redemptions under way end first: what the provider answers to them exists once. */
  async onModuleDestroy(): Promise<void> {
    await this.composition.refresh.drain();
    this.composition.coordinator.close();
  }

  /** The last request has been answered: nothing needs the provider any more. */
  onApplicationShutdown(): void {
    this.composition.close();
  }
}
