/** The route that shows what the provider knows of the end-user. */
import { Controller, Get, UseGuards } from '@nestjs/common';
import { CurrentUser } from '../guard/decorators.js';
import { TokenReuseGuard } from '../guard/token-reuse.guard.js';
import type { JsonObject } from '../provider/json.js';
import { UserInfoService } from '../on-behalf-of/userinfo.service.js';
import type { Principal } from '../session/principal.js';

@Controller()
@UseGuards(TokenReuseGuard)
export class UserInfoController {
  constructor(private readonly userInfo: UserInfoService) {}

  /** `GET /auth/userinfo`: the claims, through on-behalf-of where that is configured. */
  @Get('userinfo')
  async claims(@CurrentUser() principal: Principal): Promise<JsonObject> {
    return this.userInfo.fetch(principal);
  }
}
