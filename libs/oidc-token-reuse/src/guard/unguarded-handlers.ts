/** Finds handlers that say who may call them while nothing of ours stands before them to ask. */
import type { Type } from '@nestjs/common';
import { GUARDS_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, Reflector } from '@nestjs/core';
import { asksForSomething } from './handler-rules.js';
import { TokenReuseGuard } from './token-reuse.guard.js';

/** `open`: no guard stands before it. `doubtful`: guards do, and none of them is a `TokenReuseGuard`. */
export interface UnguardedHandler {
  readonly name: string;
  readonly is: 'open' | 'doubtful';
}

const reflector = new Reflector();
const scanner = new MetadataScanner();

/** Looks at the routes of these controllers. `globalGuards` stand before all of them. */
export function unguardedHandlers(
  controllers: readonly Type[],
  globalGuards: readonly unknown[],
): readonly UnguardedHandler[] {
  return controllers.flatMap((type) => routesOf(type).flatMap((route) => findingsOf(route, globalGuards)));
}

interface Route {
  readonly type: Type;
  readonly name: string;
  readonly handler: Type;
}

function routesOf(type: Type): readonly Route[] {
  const prototype = type.prototype as Readonly<Record<string, Type>>;
  return scanner.getAllMethodNames(prototype).flatMap((name) => {
    const handler = prototype[name];
    const isRoute = handler !== undefined && reflector.get<unknown>(PATH_METADATA, handler) !== undefined;
    return isRoute ? [{ type, name, handler }] : [];
  });
}

function findingsOf({ type, name, handler }: Route, globalGuards: readonly unknown[]): readonly UnguardedHandler[] {
  const targets = [type, handler];
  if (!targets.some((target) => asksForSomething(target, reflector))) return [];
  const own = targets.flatMap((target) => reflector.get<readonly unknown[] | undefined>(GUARDS_METADATA, target) ?? []);
  const guards = [...globalGuards, ...own];
  if (guards.some(isOurs)) return [];
  return [{ name: `${type.name}.${name}`, is: guards.length === 0 ? 'open' : 'doubtful' }];
}

/** Guards are named by their class, or given as they are. */
function isOurs(guard: unknown): boolean {
  if (typeof guard !== 'function') return guard instanceof TokenReuseGuard;
  return guard === TokenReuseGuard || guard.prototype instanceof TokenReuseGuard;
}
