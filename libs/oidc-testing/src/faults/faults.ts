/** The faults that can be scripted. */
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProviderParts } from '../engine/provider-parts.js';
import type { Exchange } from '../http/exchange.js';
import { jsonReply, withBody, type Outcome, type Reply } from '../http/reply.js';
import type { FaultEffect, FaultHandle, FaultScope, FaultTarget, HoldHandle } from './fault.js';
import { FaultQueue } from './fault-queue.js';
import { moveInTime, mutateIdToken, type IdTokenMutation } from './id-token-fault.js';
import { Deferred } from '../signals.js';
import { rewriteReply, type JsonRewrite } from './rewrite.js';

/** Options of {@link Faults.status}. */
export interface StatusOptions {
  /** Value of `Retry-After`: seconds, or an HTTP date. */
  retryAfter?: number | string;
  /** JSON body. Default is `{"error":"temporarily_unavailable"}`. */
  body?: unknown;
}

/** Options of {@link Faults.refuseExchange}. */
export interface ExchangeRefusal {
  error: 'consent_required' | 'interaction_required' | 'login_required' | 'invalid_grant';
  /** Value of the `claims` member: a claims challenge for the next authorization request. */
  claims?: string;
  description?: string;
  /** Default is 1. */
  times?: number;
}

/**
 * Scriptable faults. Each applies to the next request of its target (`times` in the target changes that) and is then
 * gone; several may meet in one request, in the order in which they were set.
 */
export class Faults {
  readonly #queue = new FaultQueue();
  readonly #closed = new AbortController();

  constructor(private readonly parts: ProviderParts) {
    // every request that waits listens for the end
    setMaxListeners(0, this.#closed.signal);
  }

  /** The request waits for some milliseconds before it is processed. */
  slow(target: FaultTarget, milliseconds: number): FaultHandle {
    const { signal } = this.#closed;
    return this.#queue.add(target, {
      before: () => delay(milliseconds, undefined, { signal }).catch((): Outcome => 'drop'),
    });
  }

  /** The request waits until it is released: before it is processed, or with `after` when its response is ready. */
  hold(target: FaultTarget, stage: 'before' | 'after' = 'before'): HoldHandle {
    const arrived = new Deferred<void>();
    const released = new Deferred<void>();
    this.#closed.signal.addEventListener('abort', () => released.resolve(), { once: true });
    const wait = async (): Promise<undefined> => {
      arrived.resolve();
      await released.promise;
      return undefined;
    };
    const fault = this.#queue.add(target, { [stage]: wait });
    const release = (): void => {
      fault.clear();
      released.resolve();
    };
    return {
      arrived: arrived.promise,
      release,
      clear: release,
      get applied() {
        return fault.applied;
      },
    };
  }

  /** Answers with this status, without processing: an outage (500, 502, 503) or a limit (429 with `retryAfter`). */
  status(target: FaultTarget, status: number, options: StatusOptions = {}): FaultHandle {
    const headers = options.retryAfter === undefined ? {} : { 'retry-after': String(options.retryAfter) };
    return this.reply(target, jsonReply(status, options.body ?? { error: 'temporarily_unavailable' }, headers));
  }

  /** Answers with an HTML page and status 200, as captive portals and proxies do. */
  html(target: FaultTarget): FaultHandle {
    const body = Buffer.from('<!doctype html><title>Maintenance</title><p>Back soon.</p>');
    return this.reply(target, { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body });
  }

  /** Answers with a redirect, which a client must not follow with its credentials. */
  redirect(target: FaultTarget, location: string, status = 302): FaultHandle {
    return this.reply(target, { status, headers: { location }, body: Buffer.alloc(0) });
  }

  /** Answers with any response, without processing the request. */
  reply(target: FaultTarget, reply: Reply): FaultHandle {
    return this.#queue.add(target, { before: () => reply });
  }

  /** Closes the connection before the request is processed: nothing has happened at the provider. */
  drop(target: FaultTarget): FaultHandle {
    return this.#queue.add(target, { before: () => 'drop' });
  }

  /** Processes the request, then closes the connection: a rotated refresh token, for one, is spent and its successor lost. */
  dropResponse(target: FaultTarget): FaultHandle {
    return this.#queue.add(target, { after: () => 'drop' });
  }

  /** The right body with another `Content-Type`. */
  contentType(target: FaultTarget, contentType: string): FaultHandle {
    return this.#queue.add(target, {
      after: (reply) => ({ ...reply, headers: { ...reply.headers, 'content-type': contentType } }),
    });
  }

  /** The first half of the right body. */
  truncate(target: FaultTarget): FaultHandle {
    return this.#queue.add(target, {
      after: (reply) => withBody(reply, reply.body.subarray(0, Math.floor(reply.body.length / 2))),
    });
  }

  /** The right JSON with a member `padding` of this many bytes. */
  oversize(target: FaultTarget, bytes = 10_000_000): FaultHandle {
    return this.rewrite(target, (body) => ({ ...body, padding: 'x'.repeat(bytes) }));
  }

  /** Any change to the JSON object of a response; a signed UserInfo response is signed again. */
  rewrite(target: FaultTarget, change: JsonRewrite): FaultHandle {
    return this.#queue.add(target, { after: (reply) => rewriteReply(reply, change, this.parts.signer) });
  }

  /** Leaves members out of a response: `omit('token', 'refresh_token')`. */
  omit(target: FaultTarget, ...members: string[]): FaultHandle {
    return this.rewrite(target, (body) =>
      Object.fromEntries(Object.entries(body).filter(([name]) => !members.includes(name))),
    );
  }

  /** Another `expires_in` in token responses, of any type; `undefined` leaves it out. The token itself is unchanged. */
  expiresIn(value: unknown, target: FaultTarget = 'token'): FaultHandle {
    return this.rewrite(target, (body) => ({ ...body, expires_in: value }));
  }

  /** The ID Token of a login or refresh is changed and signed again, or signed wrongly on purpose. */
  idToken(mutation: IdTokenMutation, scope: Omit<FaultScope, 'kind'> = {}): FaultHandle {
    return this.#queue.add(
      { ...scope, kind: 'token' },
      { after: (reply) => mutateIdToken(reply, mutation, this.parts.signer) },
      ({ grant }) => grant === 'authorization_code' || grant === 'refresh_token',
    );
  }

  /** An empty JWK Set. */
  emptyJwks(times = 1): FaultHandle {
    return this.rewrite({ kind: 'jwks', times }, () => ({ keys: [] }));
  }

  /** Another issuer in the discovery document. */
  wrongIssuer(issuer = 'https://other.example.test', times = 1): FaultHandle {
    return this.rewrite({ kind: 'discovery', times }, (body) => ({ ...body, issuer }));
  }

  /** UserInfo about somebody else. */
  userInfoSubject(sub = 'user-mallory', times = 1): FaultHandle {
    return this.rewrite({ kind: 'userinfo', times }, (body) => ({ ...body, sub }));
  }

  /** Both exchange grants are refused as Entra refuses them, with a claims challenge when given. */
  refuseExchange(refusal: ExchangeRefusal): FaultHandle {
    const { error, claims, description = 'AADSTS50079: the user must interact.', times = 1 } = refusal;
    const body = { error, error_description: description, ...(claims === undefined ? {} : { claims }) };
    return this.#queue.add(
      { kind: 'token', times },
      { before: () => jsonReply(400, body) },
      ({ grant }) => grant?.endsWith(':token-exchange') === true || grant?.endsWith(':jwt-bearer') === true,
    );
  }

  /** Dates all tokens from now on as if the provider's clock were this many seconds ahead; 0 ends it. */
  clockSkew(seconds: number): void {
    this.parts.clock.skew = seconds;
  }

  /** Ends all faults, the clock skew included; held requests stay held. */
  clear(): void {
    this.#queue.clear();
    this.parts.clock.skew = 0;
  }

  /** What happens to this request. @internal */
  take(exchange: Exchange): FaultEffect[] {
    const { skew } = this.parts.clock;
    const effects = this.#queue.take(exchange);
    if (skew === 0 || exchange.kind !== 'token') return effects;
    const moved: FaultEffect = {
      after: (reply) => mutateIdToken(reply, (claims) => ({ claims: moveInTime(claims, skew) }), this.parts.signer),
    };
    return [moved, ...effects];
  }

  /** Ends everything, and lets go of what waits. @internal */
  close(): void {
    this.#queue.clear();
    this.#closed.abort();
  }
}
