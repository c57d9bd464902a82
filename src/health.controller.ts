/** Health of the application, for a load balancer or an orchestrator. */
import { Controller, Get } from '@nestjs/common';
import { OidcHealth, Public, type OidcHealthReport } from 'nestjs-oidc-token-reuse';

@Controller('health')
@Public()
export class HealthController {
  constructor(private readonly oidc: OidcHealth) {}

  /** 200 while the application serves requests: `degraded` when its OpenID Provider does not answer. */
  @Get()
  health(): { readonly status: string; readonly provider: OidcHealthReport } {
    const provider = this.oidc.check();
    return { status: provider.status, provider };
  }
}
