/** Routes of every kind that a test needs: protected, public, optional, with scopes, roles and downstream tokens. */
import { Controller, Get, Header, Post } from '@nestjs/common';
import {
  AccessToken,
  CurrentUser,
  OnBehalfOf,
  OptionalAuth,
  Principal,
  Public,
  RequireAcr,
  RequireRoles,
  RequireScopes,
} from 'nestjs-oidc-token-reuse';

@Controller('api')
export class SampleController {
  @Get('profile')
  profile(@CurrentUser() principal: Principal): Principal {
    return principal;
  }

  @Get('subject')
  subject(@CurrentUser('subject') subject: string): { readonly subject: string } {
    return { subject };
  }

  @Get('cacheable')
  @Header('Cache-Control', 'public, max-age=3600')
  @Header('Vary', 'Accept-Encoding')
  cacheable(): { readonly ok: true } {
    return { ok: true };
  }

  @Post('items')
  create(): { readonly created: true } {
    return { created: true };
  }

  @Get('token')
  token(@AccessToken() token: string | undefined): { readonly token: string | null } {
    return { token: token ?? null };
  }

  @Get('downstream')
  downstream(@OnBehalfOf('user.read') token: string): { readonly token: string } {
    return { token };
  }

  @Get('admin')
  @RequireRoles('admin')
  admin(): { readonly ok: true } {
    return { ok: true };
  }

  @Get('reports')
  @RequireScopes('reports.read')
  reports(): { readonly ok: true } {
    return { ok: true };
  }

  @Get('strong')
  @RequireAcr('urn:strong')
  strong(): { readonly ok: true } {
    return { ok: true };
  }

  @Get('optional')
  @OptionalAuth()
  optional(@CurrentUser() principal: Principal | undefined): { readonly subject: string | null } {
    return { subject: principal?.subject ?? null };
  }

  @Get('public')
  @Public()
  everybody(): { readonly ok: true } {
    return { ok: true };
  }
}
