/** The door to Redis: the cache store's own client, with a deadline for every command and a pause after failures. */
import type { Clock } from '../clock.js';
import { CoordinationUnavailableException } from '../errors/exceptions.js';
import { Attention } from './attention.js';
import { pause } from './pause.js';

/** What is used of a node-redis client, cluster or sentinel pool. */
export interface RedisClient {
  readonly isOpen: boolean;
  /** False while it connects; not every kind of client says it. */
  readonly isReady?: boolean;
  get(key: string): Promise<string | null>;
  set(key: string, value: string, options: { readonly PX: number; readonly NX?: true }): Promise<unknown>;
  del(key: string): Promise<unknown>;
  zRem(key: string, member: string): Promise<unknown>;
  zRange(key: string, start: number, stop: number): Promise<string[]>;
  eval(script: string, options: { readonly keys: string[]; readonly arguments: string[] }): Promise<unknown>;
  subscribe(channel: string, listener: PushListener): Promise<unknown>;
  unsubscribe(channel: string, listener: PushListener): Promise<unknown>;
  /** Only a client that is one connection says this; a cluster or sentinel pool has a connection for subscriptions inside. */
  readonly isPubSubActive?: boolean;
  duplicate?(): RedisSubscriber;
}

export type PushListener = (message: string | Uint8Array) => void;

/** What is used of a connection that only listens. */
export interface RedisSubscriber {
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: PushListener): Promise<unknown>;
  on(event: 'error', listener: () => void): unknown;
  destroy(): unknown;
}

/** A store of Keyv that has such a client, as `@keyv/redis` does. It connects when it is asked for it. */
export interface RedisStore {
  getClient(): Promise<RedisClient>;
}

/** Milliseconds of listening without any answer after which a command is given up. */
const SILENCE_MS = 500;
/** Milliseconds of listening that a command may take while others are answered: a queue that moves is load, and no outage. */
const LIMIT_MS = 5000;
/** Milliseconds the first connection may take, and those between two looks whether somebody else has made it. */
const CONNECT_TIMEOUT_MS = 1500;
const LOOK_MS = 10;
/** Failures in a row after which no command is sent for a while, and then one at a time as a trial, so that nothing piles up. */
const THRESHOLD = 3;
const PAUSE_MS = 500;
const TRIAL_MS = 2000;

export class RedisConnection {
  private failures = 0;
  private notBefore = 0;
  private readonly attention: Attention;
  /** Milliseconds of listening up to the last answer to any command. */
  private answeredAt = 0;
  private client: RedisClient | undefined;
  private connecting: Promise<RedisClient> | undefined;
  private isClosing = false;

  constructor(
    private readonly store: RedisStore,
    private readonly clock: Clock,
  ) {
    this.attention = new Attention(clock);
  }

  /** Milliseconds by which this process is late at the moment: it has more to do than it can. */
  get lateness(): number {
    return this.attention.lateness;
  }

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
    if (this.failures >= THRESHOLD) this.notBefore = this.clock.monotonic() + TRIAL_MS;
    try {
      const client = await this.connected();
      const result = await this.answered(command(client));
      this.failures = 0;
      this.notBefore = 0;
      return result;
    } catch (error) {
      this.failures += 1;
      if (this.failures >= THRESHOLD) this.notBefore = this.clock.monotonic() + PAUSE_MS;
      throw new CoordinationUnavailableException(error);
    }
  }

  /** Connects ahead of the first command, as far as that is possible now. */
  async open(): Promise<void> {
    try {
      await this.connected();
    } catch {
      // The first command tries again, and says so.
    }
  }

  /** The client belongs to the cache store, which closes it. It serves until then, and is not opened again. */
  close(): void {
    this.isClosing = true;
  }

  /** The client, connected if it was not. */
  async connected(): Promise<RedisClient> {
    if (this.client?.isOpen === true) return this.client;
    if (this.isClosing) throw new Error('the application is closing');
    this.connecting ??= this.connect().finally(() => {
      this.connecting = undefined;
    });
    const { attention } = this;
    const begun = attention.milliseconds;
    const isOver = (): boolean => attention.milliseconds - begun >= CONNECT_TIMEOUT_MS;
    this.client = await attention.until(isOver, this.connecting);
    return this.client;
  }

  private async answered<Result>(command: Promise<Result>): Promise<Result> {
    const { attention } = this;
    const sentAt = attention.milliseconds;
    const isOver = (): boolean => {
      const now = attention.milliseconds;
      return now - Math.max(sentAt, this.answeredAt) >= SILENCE_MS || now - sentAt >= LIMIT_MS;
    };
    const result = await attention.until(isOver, command);
    this.answeredAt = attention.milliseconds;
    return result;
  }

  /** The cache uses the same client, and may be about to connect it. */
  private async connect(): Promise<RedisClient> {
    const client = await this.store.getClient();
    const end = this.clock.monotonic() + CONNECT_TIMEOUT_MS;
    while (client.isReady === false && this.clock.monotonic() < end) await pause(LOOK_MS);
    return client;
  }
}
