/** A fault: something that goes wrong with some of the requests to one endpoint. */
import { isGrant, type EndpointKind, type Exchange } from '../http/exchange.js';
import type { Outcome, Reply } from '../http/reply.js';

/** What a fault does to a request it applies to. */
export interface FaultEffect {
  /** Before the request is processed. An outcome means that it never is. */
  before?(exchange: Exchange): Outcome | undefined | Promise<Outcome | undefined>;
  /** After the request was processed, with the response about to be sent. */
  after?(reply: Reply, exchange: Exchange): Outcome | undefined | Promise<Outcome | undefined>;
}

/** The requests a fault applies to. */
export interface FaultScope {
  kind: EndpointKind;
  /** Only token requests with this `grant_type`; short names `token-exchange` and `jwt-bearer` are understood. */
  grant?: string;
  /** How many requests. Default is 1; `Infinity` means until cleared. */
  times?: number;
}

/** An endpoint, for one request; or the requests more precisely. */
export type FaultTarget = EndpointKind | FaultScope;

/** A fault that was set. */
export interface FaultHandle {
  /** How many requests it was applied to so far. */
  readonly applied: number;
  /** Ends it. */
  clear(): void;
}

/** A fault that holds requests until it is told to let them go. */
export interface HoldHandle extends FaultHandle {
  /** Resolves when the first request is being held. */
  readonly arrived: Promise<void>;
  /** Lets all held requests go on, and ends the fault. */
  release(): void;
}

/** The target in its long form. */
export function scopeOf(target: FaultTarget): FaultScope {
  return typeof target === 'string' ? { kind: target } : target;
}

/** Whether a request is one of the target's. */
export function isTarget({ kind, grant }: FaultScope, exchange: Exchange): boolean {
  return kind === exchange.kind && (grant === undefined || isGrant(exchange.grant, grant));
}
