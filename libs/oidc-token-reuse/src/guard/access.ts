/** Reads from the decorators of a handler and its class who may call it. */
import type { ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { ACR, OPTIONAL, PUBLIC, ROLES, SCOPES } from './decorators.js';

/** `public`: everybody. `optional`: everybody too, with a principal where there is a credential. `protected`: nobody without a credential. */
export type Access = 'public' | 'optional' | 'protected';

const REQUIREMENTS = [SCOPES, ROLES, ACR] as const;

/**
 * The handler's word counts before its class's. What asks for scopes, roles or an authentication context is protected, whatever else stands beside
 * it or on the class: a contradiction never lets anybody in.
 */
export function accessOf(context: ExecutionContext, reflector: Reflector): Access {
  const ofHandler = ownAccess(context.getHandler(), reflector);
  return ofHandler ?? ownAccess(context.getClass(), reflector) ?? 'protected';
}

function ownAccess(target: Parameters<Reflector['get']>[1], reflector: Reflector): Access | undefined {
  if (REQUIREMENTS.some((key) => reflector.get<unknown>(key, target) !== undefined)) return 'protected';
  if (reflector.get<unknown>(PUBLIC, target) === true) return 'public';
  return reflector.get<unknown>(OPTIONAL, target) === true ? 'optional' : undefined;
}
