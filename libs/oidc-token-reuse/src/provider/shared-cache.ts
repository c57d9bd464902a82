/** The application's shared cache (`CACHE_MANAGER`), used for what may be lost: a failure is a miss and an event, never an error. */
import type { Cache } from 'cache-manager';
import type { Clock } from '../clock.js';
import type { OidcEvents } from '../observability/events.js';
import { ReportableError, reasonOf } from '../observability/reason.js';
import { CircuitBreaker } from './circuit-breaker.js';

/** A cache that does not answer in this time, in milliseconds, is treated as empty. */
const TIMEOUT_MS = 250;

export interface SharedCacheContext {
  readonly issuer: string;
  readonly namespace: string;
  readonly events: OidcEvents;
  readonly clock: Clock;
}

/**
 * Reads and writes string values under one namespace per provider. Whatever is secret is sealed before it comes here. A cache that is down is left
 * alone for a while, so that it costs requests nothing.
 */
export class SharedCache {
  private readonly breaker: CircuitBreaker;

  constructor(
    private readonly cache: Cache | undefined,
    private readonly context: SharedCacheContext,
  ) {
    this.breaker = new CircuitBreaker(context.clock);
  }

  /** False when the application has none: nothing need be made ready for it. */
  get exists(): boolean {
    return this.cache !== undefined;
  }

  async get(key: string): Promise<string | undefined> {
    const value = await this.attempt((cache) => cache.get<unknown>(this.name(key)));
    return typeof value === 'string' ? value : undefined;
  }

  /** Keeps a value for `ttl` seconds. */
  async set(key: string, { value, ttl }: { readonly value: string; readonly ttl: number }): Promise<void> {
    await this.attempt((cache) => cache.set(this.name(key), value, ttl * 1000));
  }

  async delete(key: string): Promise<void> {
    await this.attempt((cache) => cache.del(this.name(key)));
  }

  private name(key: string): string {
    return `${this.context.namespace}:${key}`;
  }

  private async attempt<Result>(operation: (cache: Cache) => Promise<Result>): Promise<Result | undefined> {
    if (this.cache === undefined || !this.breaker.allows()) return undefined;
    const deadline = deadlineIn(TIMEOUT_MS);
    try {
      const result = await Promise.race([operation(this.cache), deadline.passed]);
      this.breaker.succeeded();
      return result;
    } catch (error) {
      this.breaker.failed();
      const failure = new ReportableError('the cache store failed', { cause: error });
      this.context.events.emit({ type: 'cache.failed', issuer: this.context.issuer, reason: reasonOf(failure) });
      return undefined;
    } finally {
      deadline.clear();
    }
  }
}

function deadlineIn(milliseconds: number): { readonly passed: Promise<never>; clear(): void } {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new ReportableError(`no answer within ${String(milliseconds)} ms`));
    }, milliseconds);
  });
  return {
    passed,
    clear: () => {
      clearTimeout(timer);
    },
  };
}
