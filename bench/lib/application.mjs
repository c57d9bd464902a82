/** The same small Nest application around every guard: one route, which answers `{"ok":true}`. */
import { Controller, Get, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

class MeController {
  me() {
    return { ok: true };
  }
}
Get('me')(MeController.prototype, 'me', Object.getOwnPropertyDescriptor(MeController.prototype, 'me'));
Controller('api')(MeController);

/** `peer.setUp` gives the imports and providers of a module, or a `guard` to apply to every route. */
export async function createApplication({ peer, adapter, context }) {
  const { imports = [], providers = [], guard, prepare } = (await peer.setUp?.(context)) ?? {};
  class AppModule {}
  Module({
    imports,
    controllers: [MeController],
    providers:
      guard === undefined ? providers : [...providers, { provide: APP_GUARD, useValue: { canActivate: guard } }],
  })(AppModule);
  const http = adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const application = await NestFactory.create(AppModule, http, { logger: false });
  await prepare?.(application);
  return application;
}

/** The bearer token of a request, as guards by hand read it. */
export function bearerOf(request) {
  const header = request.headers.authorization;
  return header?.startsWith('Bearer ') ? header.slice(7) : undefined;
}

export const requestOf = (context) => context.switchToHttp().getRequest();
