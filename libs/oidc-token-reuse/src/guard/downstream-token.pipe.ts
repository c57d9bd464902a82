/** Turns `@OnBehalfOf(scope)` into a token. */
import { Injectable, type PipeTransform } from '@nestjs/common';
import { UnauthorizedException } from '../errors/exceptions.js';
import { OidcException } from '../errors/oidc.exception.js';
import { putHeaders } from '../http/failure-headers.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { OnBehalfOfService } from '../on-behalf-of/on-behalf-of.service.js';
import type { Principal } from '../session/principal.js';

export interface DownstreamParameter {
  readonly scope: string;
  readonly principal: Principal | undefined;
  readonly exchange: HttpExchange | undefined;
}

@Injectable()
export class DownstreamTokenPipe implements PipeTransform<DownstreamParameter, Promise<string>> {
  constructor(private readonly onBehalfOf: OnBehalfOfService) {}

  async transform({ scope, principal, exchange }: DownstreamParameter): Promise<string> {
    try {
      if (principal === undefined) throw new UnauthorizedException();
      const { accessToken } = await this.onBehalfOf.getToken(principal, { scope });
      return accessToken.reveal();
    } catch (error) {
      if (error instanceof OidcException && exchange !== undefined) putHeaders(exchange, error);
      throw error;
    }
  }
}
