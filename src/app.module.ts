/** The reference application: the library, an example API, a page and a health check. */
import { CacheModule } from '@nestjs/cache-manager';
import { Module, type DynamicModule, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { createOidcConfig, OidcModule, OnBehalfOfService, type OidcModuleOptions } from 'nestjs-oidc-token-reuse';
import { ApiController } from './api/api.controller.js';
import { GraphService } from './api/graph.service.js';
import type { ApplicationConfig } from './application.config.js';
import { cacheOptions } from './shared-cache.js';
import type { Environment } from './environment.js';
import { HealthController } from './health.controller.js';
import { CanonicalHostMiddleware } from './page/canonical-host.middleware.js';
import { PageController } from './page/page.controller.js';

@Module({})
export class AppModule implements NestModule {
  static with(config: ApplicationConfig, environment: Environment): DynamicModule {
    const oidcConfig = createOidcConfig(environment);
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load: [oidcConfig] }),
        CacheModule.register({ isGlobal: true, ...cacheOptions(config.cacheUrl) }),
        OidcModule.forRootAsync({
          ...oidcConfig.asProvider(),
          // A sign-in that failed ends at the page, which explains `?error=CODE`.
          useFactory: (options: OidcModuleOptions) => ({ ...options, errorPath: '/' }),
        }),
      ],
      controllers: [ApiController, HealthController, PageController],
      providers: [
        {
          provide: GraphService,
          useFactory: (onBehalfOf: OnBehalfOfService) => new GraphService(config.graphMeUrl, onBehalfOf),
          inject: [OnBehalfOfService],
        },
      ],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(CanonicalHostMiddleware).forRoutes('{*path}');
  }
}
