/** An example API: what it takes to protect routes, to ask for scopes and roles, and to call another API as the end-user. */
import { Controller, Get } from '@nestjs/common';
import { CurrentUser, Principal, Public, RequireRoles, RequireScopes } from 'nestjs-oidc-token-reuse';
import { GraphService } from './graph.service.js';

@Controller('api')
export class ApiController {
  constructor(private readonly graph: GraphService) {}

  @Get('profile')
  profile(@CurrentUser() principal: Principal): Principal {
    return principal;
  }

  @Get('graph/me')
  me(@CurrentUser() principal: Principal): Promise<unknown> {
    return this.graph.me(principal);
  }

  @Get('admin')
  @RequireRoles('admin')
  admin(): { readonly message: string } {
    return { message: 'You have the role admin.' };
  }

  @Get('reports')
  @RequireScopes('reports.read')
  reports(): { readonly reports: readonly string[] } {
    return { reports: ['Monthly', 'Yearly'] };
  }

  @Get('public')
  @Public()
  everybody(): { readonly message: string } {
    return { message: 'Everybody may read this.' };
  }
}
