/** Tells all processes of a record at once by publish and subscribe, and knows whether everything that was told has come here. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import { PUSHED_SPACES, type PushedSpace } from './coordinator.js';
import { Mirror, type PushedRecord } from './mirror.js';
import type { RedisConnection } from './redis.connection.js';
import { subscribe } from './redis.subscription.js';

/** Milliseconds between two signs of life: two of them may be lost before a copy that was whole no longer counts as whole. */
const BEAT_MS = 400;
/** Milliseconds without one coming back after which the subscription is made anew, unless Redis is away. */
const DEAF_MS = 3000;
/** Milliseconds between two attempts to listen where Redis forbids it, and what is said then. */
const FORBIDDEN_MS = 5000;
const FORBIDDEN =
  "Redis forbids this application to listen; allow it the commands 'subscribe', 'unsubscribe' and 'ping' on the channels 'oidc:*'; " +
  'until then each request asks for sign-outs';
/** Records per step of a reading. */
const PAGE = 1000;

/**
 * Each push has the time in microseconds as its stamp, or the next one after its predecessor's. Never the same again: not after a loss of data, and not on a
 * replica that was promoted without the last ones.
 */
const STAMPING = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = redis.call('GET', KEYS[1]) or '0'`;

/** The record, its entry in the journal and the push are one step. */
const PUSH = `${STAMPING}
if ARGV[1] == 'if absent' and redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local ttl = tonumber(ARGV[2])
redis.call('SET', KEYS[2], '0 ' .. ARGV[5], 'PX', ttl)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
redis.call('ZADD', KEYS[3], now + ttl, ARGV[4] .. ' ' .. ARGV[5])
if redis.call('PTTL', KEYS[3]) < ttl then redis.call('PEXPIRE', KEYS[3], ttl) end
local stamp = string.format('%.0f', math.max(time[1] * 1000000 + time[2], last + 1))
redis.call('SET', KEYS[1], stamp, 'EX', 2592000)
redis.call('PUBLISH', ARGV[6], table.concat({ stamp, last, ARGV[2], ARGV[3], ARGV[4], ARGV[5] }, ' '))
return 1`;

const BEAT = `${STAMPING}
return redis.call('PUBLISH', ARGV[1], last .. ' ' .. ARGV[2])`;

/** A page of the journal: cursor, then each entry with the milliseconds it has left. */
const READ = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local page = redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local answer = { page[1] }
for index = 1, #page[2], 2 do
  answer[#answer + 1] = page[2][index]
  answer[#answer + 1] = tostring(math.floor(page[2][index + 1] - now))
end
return answer`;

export interface RedisPushContext {
  /** Everything that is pushed is in one place of a cluster, so that it has one order. */
  readonly namespace: string;
  readonly clock: Clock;
  readonly warn: (reason: string) => void;
}

export class RedisPush {
  private readonly mirror: Mirror;
  private readonly channel: string;
  private readonly ownChannel: string;
  private timer: NodeJS.Timeout | undefined;
  private unsubscribe: (() => void) | undefined;
  private isAtWork = false;
  private isReading = false;
  private isClosed = false;
  /** Monotonic milliseconds at which the subscription was last known to be good, or not to blame. */
  private heardAt = 0;
  private forbiddenUntil = 0;
  private hasWarned = false;
  /** Stamp of the newest push that is known of, and its number here: one more for the next in turn, two for any other. */
  private stamp: string | undefined;
  private count = 0;

  constructor(
    private readonly redis: RedisConnection,
    private readonly context: RedisPushContext,
  ) {
    this.mirror = new Mirror(context.clock);
    this.channel = `${context.namespace}:{pushed}`;
    this.ownChannel = `${this.channel}:${randomBytes(9).toString('base64url')}`;
  }

  /** Begins to listen, and goes on trying until it may. */
  start(): void {
    this.timer ??= setInterval(() => void this.work(), BEAT_MS).unref();
    void this.work();
  }

  close(): void {
    this.isClosed = true;
    clearInterval(this.timer);
    this.unsubscribe?.();
  }

  /** What is known here; undefined when only Redis can tell. */
  find(space: PushedSpace, key: string): { readonly value: string | undefined } | undefined {
    return this.mirror.find(space, key);
  }

  /** Records and tells everybody; this process knows first, and also when Redis cannot be told. Nothing happens to a record that is there with `ifAbsent`. */
  async put(record: PushedRecord, { ifAbsent }: { readonly ifAbsent: boolean }): Promise<boolean> {
    this.mirror.note(record);
    const { space, key, value, ttl } = record;
    const keys = [this.stampName, this.name(space, key), this.journalName(space)];
    const values = [ifAbsent ? 'if absent' : '', String(ttl), space, key, value, this.channel];
    return Number(await this.script(PUSH, keys, values)) > 0;
  }

  /** Name of a record. */
  name(space: PushedSpace, key: string): string {
    return `${this.channel}:${space}:${key}`;
  }

  private get stampName(): string {
    return `${this.channel}:stamp`;
  }

  private journalName(space: PushedSpace): string {
    return `${this.channel}:${space}-journal`;
  }

  private async work(): Promise<void> {
    const now = this.context.clock.monotonic();
    if (this.isAtWork || this.isClosed || now < this.forbiddenUntil) return;
    this.isAtWork = true;
    try {
      await this.listen();
      await this.beat();
    } catch (error) {
      // Redis is away. Requests that want to know will hear so themselves.
      this.heardAt = this.context.clock.monotonic();
      if (isForbidden(error)) this.giveWay();
    } finally {
      this.isAtWork = false;
    }
  }

  private async listen(): Promise<void> {
    const isDeaf = this.context.clock.monotonic() - this.heardAt > DEAF_MS;
    if (this.unsubscribe !== undefined && !isDeaf) return;
    this.unsubscribe?.();
    this.unsubscribe = undefined;
    const unsubscribe = await subscribe(await this.redis.connected(), {
      [this.channel]: (message) => {
        this.hear(String(message));
      },
      [this.ownChannel]: (message) => {
        this.hearBeat(String(message));
      },
    });
    this.heardAt = this.context.clock.monotonic();
    this.hasWarned = false;
    if (this.isClosed) unsubscribe();
    else this.unsubscribe = unsubscribe;
  }

  /** An administrator is told once, and may allow it at any time. */
  private giveWay(): void {
    this.forbiddenUntil = this.context.clock.monotonic() + FORBIDDEN_MS;
    if (!this.hasWarned) this.context.warn(FORBIDDEN);
    this.hasWarned = true;
  }

  private async beat(): Promise<void> {
    await this.script(BEAT, [this.stampName], [this.ownChannel, String(this.context.clock.monotonic())]);
  }

  private hear(message: string): void {
    const [stamp = '', last, ttl = '', space, key = '', ...value] = message.split(' ');
    const known = PUSHED_SPACES.find((name) => name === space);
    // Written by another version: where it was kept it can be read.
    if (known === undefined) {
      this.mirror.missed();
      return;
    }
    const record = { space: known, key, value: value.join(' '), ttl: Number(ttl) };
    this.mirror.pushed(this.numberOf(stamp, last), record);
  }

  private hearBeat(message: string): void {
    const [stamp = '', sentAt] = message.split(' ');
    this.heardAt = this.context.clock.monotonic();
    this.mirror.confirm({ count: this.numberOf(stamp), sentAt: Number(sentAt) });
    if (this.mirror.needsReading) void this.read();
  }

  private numberOf(stamp: string, last?: string): number {
    if (stamp !== this.stamp) this.count += last === this.stamp ? 1 : 2;
    this.stamp = stamp;
    return this.count;
  }

  private async read(): Promise<void> {
    if (this.isReading) return;
    this.isReading = true;
    try {
      await this.mirror.read((space) => this.journal(space));
    } catch {
      // The next sign of life that comes back begins again.
    } finally {
      this.isReading = false;
    }
  }

  private async *journal(space: PushedSpace): AsyncGenerator<PushedRecord> {
    let cursor = '0';
    do {
      const [next = '0', ...entries] = await this.page(space, cursor);
      for (let index = 0; index < entries.length; index += 2) {
        const [key = '', ...value] = entries[index]?.split(' ') ?? [];
        yield { space, key, value: value.join(' '), ttl: Number(entries[index + 1]) };
      }
      cursor = next;
    } while (cursor !== '0');
  }

  private async page(space: PushedSpace, cursor: string): Promise<readonly string[]> {
    const answer = await this.script(READ, [this.journalName(space)], [cursor, String(PAGE)]);
    return Array.isArray(answer) ? answer.map(String) : [];
  }

  private script(script: string, keys: string[], values: string[]): Promise<unknown> {
    return this.redis.run((client) => client.eval(script, { keys, arguments: values }));
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOPERM');
}
