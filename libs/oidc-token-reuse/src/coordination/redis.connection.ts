/** The door to Redis: the cache store's own client, with a deadline for every command and a pause after failures. */
import type { Clock } from '../clock.js';
import { CoordinationUnavailableException } from '../errors/exceptions.js';

/** What is used of a node-redis client, cluster or sentinel pool. */
export interface RedisClient {
  readonly isOpen: boolean;
  get(key: string): Promise<string | null>;
  set(key: string, value: string, options: { readonly PX: number; readonly NX?: true }): Promise<unknown>;
  del(key: string): Promise<unknown>;
  sRem(key: string, member: string): Promise<unknown>;
  sMembers(key: string): Promise<string[]>;
  eval(script: string, options: { readonly keys: string[]; readonly arguments: string[] }): Promise<unknown>;
}

/** A store of Keyv that has such a client, as `@keyv/redis` does. It connects when it is asked for it. */
export interface RedisStore {
  getClient(): Promise<RedisClient>;
}

/** Milliseconds a command may take. */
const TIMEOUT_MS = 250;
/** Milliseconds the first connection may take. */
const CONNECT_TIMEOUT_MS = 1500;
/** Failures in a row after which no command is sent for a while, so that nothing piles up. */
const THRESHOLD = 3;
const PAUSE_MS = 500;

export class RedisConnection {
  private failures = 0;
  private notBefore = 0;
  private client: RedisClient | undefined;

  constructor(
    private readonly store: RedisStore,
    private readonly clock: Clock,
  ) {}

  get isHealthy(): boolean {
    return this.failures === 0;
  }

  /**
   * Runs a command.
   *
   * @throws CoordinationUnavailableException when Redis does not answer in time, refuses, or has just failed several times
   */
  async run<Result>(command: (client: RedisClient) => Promise<Result>): Promise<Result> {
    if (this.clock.monotonic() < this.notBefore) throw new CoordinationUnavailableException();
    try {
      const client = await this.connected();
      const result = await within(TIMEOUT_MS, command(client));
      this.failures = 0;
      return result;
    } catch (error) {
      this.failures += 1;
      if (this.failures >= THRESHOLD) this.notBefore = this.clock.monotonic() + PAUSE_MS;
      throw new CoordinationUnavailableException(error);
    }
  }

  /** The client belongs to the cache store, which closes it. */
  close(): void {
    this.client = undefined;
  }

  private async connected(): Promise<RedisClient> {
    if (this.client?.isOpen === true) return this.client;
    this.client = await within(CONNECT_TIMEOUT_MS, this.store.getClient());
    return this.client;
  }
}

async function within<Result>(milliseconds: number, operation: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error('timeout'));
    }, milliseconds);
  });
  try {
    return await Promise.race([operation, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
