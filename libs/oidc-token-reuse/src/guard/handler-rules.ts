/** Reads from the decorators of a handler and its class who may call it. */
import type { ExecutionContext, Type } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { Requirements } from './authorization.js';
import { ACR, OPTIONAL, PUBLIC, ROLES, SCOPES } from './decorators.js';

/** `public`: everybody. `optional`: everybody too, with a principal where there is a credential. `protected`: nobody without a credential. */
export type Access = 'public' | 'optional' | 'protected';

export interface Rules {
  readonly access: Access;
  readonly requirements: Requirements;
}

type Handler = ReturnType<ExecutionContext['getHandler']>;
type Target = Handler | Type;

const REQUIREMENTS = [SCOPES, ROLES, ACR] as const;

/** True for a handler or a class that asks for scopes, roles or an authentication context itself. */
export function asksForSomething(target: Target, reflector: Reflector): boolean {
  return REQUIREMENTS.some((key) => reflector.get<unknown>(key, target) !== undefined);
}

/**
 * The handler's word counts before its class's. What asks for scopes, roles or an authentication context is protected, whatever else stands beside
 * it or on the class: a contradiction never lets anybody in. Each handler is read once, since decorators do not change.
 */
export class HandlerRules {
  private readonly known = new WeakMap<Type, WeakMap<Handler, Rules>>();
  /** The last answer: a request asks several times, and most requests come for few handlers. */
  private last: { readonly type: Type; readonly handler: Handler; readonly rules: Rules } | undefined;

  constructor(private readonly reflector: Reflector) {}

  of(context: ExecutionContext): Rules {
    const type = context.getClass();
    const handler = context.getHandler();
    if (this.last?.handler === handler && this.last.type === type) return this.last.rules;
    const rules = this.known.get(type)?.get(handler) ?? this.remember(this.read(handler, type), handler, type);
    this.last = { type, handler, rules };
    return rules;
  }

  private remember(rules: Rules, handler: Handler, type: Type): Rules {
    this.known.set(type, (this.known.get(type) ?? new WeakMap<Handler, Rules>()).set(handler, rules));
    return rules;
  }

  private read(handler: Handler, type: Type): Rules {
    const access = this.accessOf(handler) ?? this.accessOf(type) ?? 'protected';
    const required = (key: symbol): readonly string[] =>
      this.reflector.getAllAndOverride<readonly string[] | undefined>(key, [handler, type]) ?? [];
    return { access, requirements: { scopes: required(SCOPES), roles: required(ROLES), acrValues: required(ACR) } };
  }

  private accessOf(target: Target): Access | undefined {
    if (asksForSomething(target, this.reflector)) return 'protected';
    if (this.reflector.get<unknown>(PUBLIC, target) === true) return 'public';
    return this.reflector.get<unknown>(OPTIONAL, target) === true ? 'optional' : undefined;
  }
}
