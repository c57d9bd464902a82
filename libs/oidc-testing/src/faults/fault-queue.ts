/** The faults that wait for their requests. */
import type { Exchange } from '../http/exchange.js';
import { isTarget, scopeOf, type FaultEffect, type FaultHandle, type FaultTarget } from './fault.js';

interface ActiveFault {
  readonly effect: FaultEffect;
  readonly matches: (exchange: Exchange) => boolean;
  remaining: number;
  applied: number;
}

/** Holds faults in the order in which they were set, and hands each to as many requests as it is for. */
export class FaultQueue {
  readonly #active = new Set<ActiveFault>();

  /** Adds a fault for the target's requests, if given only for those that `also` says yes to. */
  add(target: FaultTarget, effect: FaultEffect, also: (exchange: Exchange) => boolean = () => true): FaultHandle {
    const scope = scopeOf(target);
    const matches = (exchange: Exchange): boolean => isTarget(scope, exchange) && also(exchange);
    const fault: ActiveFault = { effect, matches, remaining: scope.times ?? 1, applied: 0 };
    this.#active.add(fault);
    return {
      get applied() {
        return fault.applied;
      },
      clear: () => void this.#active.delete(fault),
    };
  }

  /** The effects that a request meets; each of these faults has one request less to go. */
  take(exchange: Exchange): FaultEffect[] {
    const met = [...this.#active].filter((fault) => fault.matches(exchange));
    for (const fault of met) {
      fault.applied += 1;
      fault.remaining -= 1;
      if (fault.remaining <= 0) this.#active.delete(fault);
    }
    return met.map((fault) => fault.effect);
  }

  clear(): void {
    this.#active.clear();
  }
}
