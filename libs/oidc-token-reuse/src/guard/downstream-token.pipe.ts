/** Turns `@OnBehalfOf(scope)` into a token. */
import { Injectable, type PipeTransform } from '@nestjs/common';
import { UnauthorizedException } from '../errors/exceptions.js';
import { OnBehalfOfService } from '../on-behalf-of/on-behalf-of.service.js';
import type { Principal } from '../session/principal.js';

interface DownstreamRequest {
  readonly scope: string;
  readonly principal: Principal | undefined;
}

@Injectable()
export class DownstreamTokenPipe implements PipeTransform<DownstreamRequest, Promise<string>> {
  constructor(private readonly onBehalfOf: OnBehalfOfService) {}

  async transform({ scope, principal }: DownstreamRequest): Promise<string> {
    if (principal === undefined) throw new UnauthorizedException();
    const { accessToken } = await this.onBehalfOf.getToken(principal, { scope });
    return accessToken.reveal();
  }
}
