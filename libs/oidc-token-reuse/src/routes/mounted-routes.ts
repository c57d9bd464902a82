/** Gives each module instance controllers of its own, so that two modules of one process serve their own paths. */
import { Controller, UseFilters, UseGuards, VERSION_NEUTRAL, type Type } from '@nestjs/common';
import { OidcConfigurationException, type ConfigurationProblem } from '../errors/configuration.exception.js';
import { TokenReuseGuard } from '../guard/token-reuse.guard.js';
import { OidcExceptionFilter } from '../http/oidc-exception.filter.js';
import { CallbackController } from '../login/callback.controller.js';
import { LoginController } from '../login/login.controller.js';
import { LogoutChannelsController } from '../logout/logout-channels.controller.js';
import { LogoutController } from '../logout/logout.controller.js';
import { ErrorController } from './error.controller.js';
import { RefreshController } from './refresh.controller.js';
import { SessionController } from './session.controller.js';
import { UserInfoController } from './userinfo.controller.js';

export interface MountedRoutes {
  /** Path of the module's routes: empty, or with one slash in front. */
  readonly base: string;
  readonly controllers: readonly Type[];
  /** The whole application is guarded. */
  readonly isGuarded: boolean;
  /** Serves the callback at a path that is known only when the options are. Call it before Nest registers routes. */
  readonly mountCallback: (path: string) => void;
}

const PUBLIC_CONTROLLERS: readonly Type[] = [
  LoginController,
  LogoutController,
  LogoutChannelsController,
  SessionController,
  RefreshController,
  ErrorController,
];
const PROTECTED_CONTROLLERS: readonly Type[] = [UserInfoController];

/** Paths below the base that are taken. */
const OWN_ROUTES: readonly string[] = [
  ...['login', 'session', 'refresh', 'userinfo', 'logout', 'error'],
  ...['backchannel-logout', 'frontchannel-logout'],
];

export interface MountOptions {
  readonly prefix: string;
  readonly isServed: boolean;
  /** The whole application is guarded: the routes need no guard of their own. */
  readonly isGuarded: boolean;
}

export function mountRoutes({ prefix, isServed, isGuarded }: MountOptions): MountedRoutes {
  const base = prefix
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => `/${segment}`)
    .join('');
  if (!isServed) return { base, controllers: [], isGuarded, mountCallback: () => undefined };
  const callback = mount(CallbackController, base);
  const mountCallback = (path: string): void => {
    if (OWN_ROUTES.some((route) => path === `${base}/${route}`)) throw new OidcConfigurationException([taken(path)]);
    place(callback, path);
  };
  const open = PUBLIC_CONTROLLERS.map((controller) => mount(controller, base));
  const guarded = PROTECTED_CONTROLLERS.map((controller) => mount(controller, base));
  if (!isGuarded) guarded.forEach((controller) => UseGuards(TokenReuseGuard)(controller));
  return { base, controllers: [...open, ...guarded, callback], isGuarded, mountCallback };
}

function taken(path: string): ConfigurationProblem {
  return {
    setting: 'callbackUrl',
    message: `${path} is another route of this module; write a path of its own, such as /auth/callback`,
  };
}

/**
 * A subclass keeps routes and injected types, and has a path of its own. Its failures are answered as documented, whatever filter the application
 * puts over everything.
 */
function mount(controller: Type, path: string): Type {
  const Mounted = class extends controller {};
  Object.defineProperty(Mounted, 'name', { value: controller.name });
  place(Mounted, path);
  UseFilters(OidcExceptionFilter)(Mounted);
  return Mounted;
}

/** Not versioned: the provider, the guard and the pages know one address of each route. */
function place(controller: Type, path: string): void {
  Controller({ path, version: VERSION_NEUTRAL })(controller);
}
