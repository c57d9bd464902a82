/** The module's own routes over real HTTP, in an application that has nothing else. */
import { once } from 'node:events';
import { request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { INestApplication } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { OIDC_OPTIONS } from '../src/config/options.js';
import { OidcRoutes } from '../src/config/routes.js';
import { OidcExceptionFilter } from '../src/http/oidc-exception.filter.js';
import { CallbackController } from '../src/login/callback.controller.js';
import { LoginController } from '../src/login/login.controller.js';
import { LoginOutcome } from '../src/login/login-outcome.js';
import { LoginService } from '../src/login/login.service.js';
import { LogoutChannelsController } from '../src/logout/logout-channels.controller.js';
import { LogoutChannelsService } from '../src/logout/logout-channels.service.js';
import { LogoutController } from '../src/logout/logout.controller.js';
import { LogoutService } from '../src/logout/logout.service.js';
import { SessionService } from '../src/refresh/session.service.js';
import type { Rooms } from './refresh/support.js';

export interface Served {
  /** A request with these headers and no others, whose answer is not followed. */
  ask(path: string, asked?: Asked): Promise<Response>;
  close(): Promise<void>;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Posted. */
  readonly form?: Readonly<Record<string, string>>;
}

const ROUTES = new OidcRoutes({ of: (route) => `/auth/${route}`, errorPath: undefined, areServed: true });

/** The callback is at `/`, since the module moves it to where `callbackUrl` says. */
export async function served({ logins, logouts, logoutChannels, sessions, provider }: Rooms): Promise<Served> {
  const module = await Test.createTestingModule({
    controllers: [LoginController, CallbackController, LogoutController, LogoutChannelsController],
    providers: [
      { provide: LoginService, useValue: logins },
      { provide: LoginOutcome, useValue: new LoginOutcome(ROUTES, logins) },
      { provide: LogoutService, useValue: logouts },
      { provide: LogoutChannelsService, useValue: logoutChannels },
      { provide: SessionService, useValue: sessions },
      { provide: OidcRoutes, useValue: ROUTES },
      { provide: OIDC_OPTIONS, useValue: provider.options },
      { provide: APP_FILTER, useClass: OidcExceptionFilter },
    ],
  }).compile();
  const application: INestApplication<Server> = module.createNestApplication({ logger: false });
  await application.listen(0, '127.0.0.1');
  const server = application.getHttpServer();
  if (!server.listening) await once(server, 'listening');
  const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    ask: (path, asked) => ask(new URL(path, origin), asked),
    close: () => application.close(),
  };
}

/** `fetch` would say of itself what only a browser knows. */
async function ask(url: URL, { form, method = form === undefined ? 'GET' : 'POST', headers }: Asked = {}) {
  const ofForm = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
  const asking = request(url, { method, headers: { ...ofForm, ...headers } });
  asking.end(form === undefined ? undefined : new URLSearchParams(form).toString());
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return new Response(await text(answer), { status: answer.statusCode ?? 0, headers: pairsOf(answer.rawHeaders) });
}

function pairsOf(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? ''] as [string, string]] : []));
}
