/** Gives each module instance controllers of its own, so that two modules of one process serve their own paths. */
import { Controller, type Type } from '@nestjs/common';
import { CallbackController } from '../login/callback.controller.js';
import { LoginController } from '../login/login.controller.js';
import { LogoutController } from '../logout/logout.controller.js';
import { ErrorController } from './error.controller.js';
import { RefreshController } from './refresh.controller.js';
import { SessionController } from './session.controller.js';
import { UserInfoController } from './userinfo.controller.js';

export interface MountedRoutes {
  /** Path of the module's routes, with one slash in front. */
  readonly base: string;
  readonly controllers: readonly Type[];
  /** Serves the callback at a path that is known only when the options are. Call it before Nest registers routes. */
  readonly mountCallback: (path: string) => void;
}

const CONTROLLERS: readonly Type[] = [
  LoginController,
  LogoutController,
  SessionController,
  RefreshController,
  UserInfoController,
  ErrorController,
];

export function mountRoutes({
  prefix,
  isServed,
}: {
  readonly prefix: string;
  readonly isServed: boolean;
}): MountedRoutes {
  const base = `/${prefix
    .split('/')
    .filter((segment) => segment !== '')
    .join('/')}`;
  if (!isServed) return { base, controllers: [], mountCallback: () => undefined };
  const callback = mount(CallbackController, base);
  const mountCallback = (path: string): void => {
    Controller(path)(callback);
  };
  return { base, controllers: [...CONTROLLERS.map((controller) => mount(controller, base)), callback], mountCallback };
}

/** A subclass keeps routes and injected types, and has a path of its own. */
function mount(controller: Type, path: string): Type {
  const Mounted = class extends controller {};
  Object.defineProperty(Mounted, 'name', { value: controller.name });
  Controller(path)(Mounted);
  return Mounted;
}
