/** The routes by which the provider ends sessions here. */
import { Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { OIDC_OPTIONS, type OidcOptions } from '../config/options.js';
import { InvalidRequestException } from '../errors/exceptions.js';
import { Public } from '../guard/decorators.js';
import { Exchange } from '../http/exchange.decorator.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { readParameters } from '../http/parameters.js';
import { LogoutChannelsService } from './logout-channels.service.js';

@Controller()
@Public()
export class LogoutChannelsController {
  constructor(
    private readonly channels: LogoutChannelsService,
    @Inject(OIDC_OPTIONS) private readonly options: OidcOptions,
  ) {}

  /** `POST /auth/backchannel-logout`: 200, or 400 for a token that is not acceptable. Called by the provider, so no proof of origin is asked for. */
  @Post('backchannel-logout')
  @HttpCode(200)
  async backChannel(@Exchange() exchange: HttpExchange): Promise<void> {
    exchange.neverStore();
    const { logout_token: token } = readParameters(exchange.body, ['logout_token']);
    if (token === undefined || token === '') throw new InvalidRequestException("parameter 'logout_token' is missing");
    await this.channels.backChannel(token);
  }

  /** `GET /auth/frontchannel-logout?iss&sid`: an empty page that the issuer may frame. Revokes nothing. */
  @Get('frontchannel-logout')
  async frontChannel(@Exchange() exchange: HttpExchange): Promise<string> {
    exchange.neverStore();
    const { iss, sid } = readParameters(exchange.query, ['iss', 'sid']);
    await this.channels.frontChannel(iss, sid);
    exchange.setHeader(
      'Content-Security-Policy',
      `default-src 'none'; frame-ancestors ${new URL(this.options.issuer).origin}`,
    );
    exchange.setHeader('Content-Type', 'text/html; charset=utf-8');
    return '<!doctype html><title>Signed out</title>';
  }
}
