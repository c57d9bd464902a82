/** The route that shows what the provider knows of the end-user. */
import { Controller, Get, Header } from '@nestjs/common';
import { UnauthorizedException } from '../errors/exceptions.js';
import { CurrentUser } from '../guard/decorators.js';
import type { JsonObject } from '../provider/json.js';
import { UserInfoService } from '../on-behalf-of/userinfo.service.js';
import type { Principal } from '../session/principal.js';

@Controller()
export class UserInfoController {
  constructor(private readonly userInfo: UserInfoService) {}

  /** `GET /auth/userinfo`: the claims, through on-behalf-of where that is configured. Protected like any route of the application. */
  @Get('userinfo')
  @Header('Cache-Control', 'no-store')
  async claims(@CurrentUser() principal: Principal | undefined): Promise<JsonObject> {
    if (principal === undefined) throw new UnauthorizedException();
    return this.userInfo.fetch(principal);
  }
}
