/** The application's shared cache (`CACHE_MANAGER`), used for what may be lost: a failure is a miss and an event, never an error. */
import type { Cache } from 'cache-manager';
import type { OidcEvents } from '../observability/events.js';
import { reasonOf } from '../observability/reason.js';

/** A cache that does not answer in this time, in milliseconds, is treated as empty. */
const TIMEOUT_MS = 250;

/** Reads and writes string values under one namespace per provider. Whatever is secret is sealed before it comes here. */
export class SharedCache {
  constructor(
    private readonly cache: Cache | undefined,
    private readonly context: { readonly issuer: string; readonly namespace: string; readonly events: OidcEvents },
  ) {}

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
    if (this.cache === undefined) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error('timeout'));
      }, TIMEOUT_MS);
    });
    try {
      return await Promise.race([operation(this.cache), timeout]);
    } catch (error) {
      this.context.events.emit({ type: 'cache.failed', issuer: this.context.issuer, reason: reasonOf(error) });
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}
