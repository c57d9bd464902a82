/** Health of the application, for a load balancer or an orchestrator. */
import { Controller, Get, Inject, ServiceUnavailableException } from '@nestjs/common';
import { OIDC_OPTIONS, OidcHealth, Public, type OidcHealthReport, type OidcOptions } from 'nestjs-oidc-token-reuse';

interface Health {
  readonly status: 'ok' | 'degraded' | 'error';
  readonly oidc: OidcHealthReport;
}

@Controller('health')
@Public()
export class HealthController {
  constructor(
    private readonly oidc: OidcHealth,
    @Inject(OIDC_OPTIONS) private readonly options: OidcOptions,
  ) {}

  /**
   * 200 while the application serves requests: `degraded` when the OpenID Provider or the shared store does not answer.
   * 503 `error` when sessions are in that store, so that nobody has one.
   */
  @Get()
  health(): Health {
    const oidc = this.oidc.check();
    if (this.options.custody === 'store' && !oidc.sharedStore)
      throw new ServiceUnavailableException({ status: 'error', oidc } satisfies Health);
    return { status: oidc.status, oidc };
  }
}
