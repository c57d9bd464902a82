/** Coordination through Redis: single commands and small scripts that Redis runs as one, so that many processes agree. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import { CoordinationUnavailableException } from '../errors/exceptions.js';
import {
  Coordinator,
  MAX_MEMBERS,
  PUSHED_SPACES,
  type KeptSpace,
  type KnownRecord,
  type Lease,
  type LeaseLimits,
  type PlacedRecord,
  type PushedSpace,
  type Space,
  type StoredRecord,
} from './coordinator.js';
import type { PushedRecord } from './mirror.js';
import { pause } from './pause.js';
import type { RedisConnection } from './redis.connection.js';
import { RedisPush } from './redis.push.js';

/** Milliseconds after which a lease falls to the next one when its holder has died, and more for a holder that is late with everything. */
const LEASE_MS = 5000;
const LATENESSES = 4;
const LONGEST_LEASE_MS = 60_000;
const HEARTBEAT_MS = LEASE_MS / 3;
/** Milliseconds between two looks at a lease that somebody else holds, more after each: many may wait for a slow provider. */
const FIRST_LOOK_MS = 40;
const LAST_LOOK_MS = 320;

const REPLACE = `
local present = redis.call('GET', KEYS[1])
if not present then return 0 end
local version = tonumber(string.match(present, '^(%d+) '))
if not version or version >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1`;

const PUBLISH = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for index = 2, #KEYS do redis.call('SET', KEYS[index], ARGV[2 * index - 2], 'PX', ARGV[2 * index - 1]) end
return 1`;

const EXTEND = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

const RELEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/** Members are ordered by their end, so that those that have ended and the oldest of too many can go. */
const ADD_MEMBER = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ttl, ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[3])
if redis.call('PTTL', KEYS[1]) < ttl then redis.call('PEXPIRE', KEYS[1], ttl) end
return 1`;

/** `warn` is told what an administrator has to do. */
export interface RedisContext {
  readonly namespace: string;
  readonly clock: Clock;
  readonly warn: (reason: string) => void;
}

/** Stores each record as its version, a blank and its value. */
export class RedisCoordinator extends Coordinator {
  readonly mayLackMembers = false;
  private readonly push: RedisPush;

  constructor(
    private readonly redis: RedisConnection,
    private readonly context: RedisContext,
  ) {
    super();
    this.push = new RedisPush(redis, context);
  }

  /** Connects ahead of the first request, and listens to what is pushed. */
  async open(): Promise<void> {
    await this.redis.open();
    this.push.start();
  }

  get isHealthy(): boolean {
    return this.redis.isHealthy;
  }

  async get(space: Space, key: string): Promise<string | undefined> {
    const stored = await this.redis.run((client) => client.get(this.name(space, key)));
    return stored?.slice(stored.indexOf(' ') + 1);
  }

  override atOnce(space: Space, key: string): KnownRecord | undefined {
    return isPushed(space) ? this.push.find(space, key) : undefined;
  }

  async put(space: Space, key: string, record: StoredRecord): Promise<void> {
    if (isPushed(space)) await this.push.put(pushedRecord(space, key, record), { ifAbsent: false });
    else
      await this.redis.run((client) => client.set(this.name(space, key), textOf(record), { PX: millis(record.ttl) }));
  }

  async putIfAbsent(space: Space, key: string, record: StoredRecord): Promise<boolean> {
    if (isPushed(space)) return this.push.put(pushedRecord(space, key, record), { ifAbsent: true });
    const options = { PX: millis(record.ttl), NX: true } as const;
    return (await this.redis.run((client) => client.set(this.name(space, key), textOf(record), options))) !== null;
  }

  replace(space: KeptSpace, key: string, record: StoredRecord & { readonly version: number }): Promise<boolean> {
    const values = [String(record.version), record.value, String(millis(record.ttl))];
    return this.script(REPLACE, [this.name(space, key)], values);
  }

  async delete(space: KeptSpace, key: string): Promise<void> {
    await this.redis.run((client) => client.del(this.name(space, key)));
  }

  async addMember(key: string, member: string, ttl: number): Promise<void> {
    const values = [member, String(millis(ttl)), String(MAX_MEMBERS)];
    await this.script(ADD_MEMBER, [this.name('members', key)], values);
  }

  async removeMember(key: string, member: string): Promise<void> {
    await this.redis.run((client) => client.zRem(this.name('members', key), member));
  }

  members(key: string): Promise<readonly string[]> {
    return this.redis.run((client) => client.zRange(this.name('members', key), 0, -1));
  }

  async acquire(key: string, { wait }: LeaseLimits): Promise<Lease | undefined> {
    const name = this.name('lease', key);
    const owner = randomBytes(16).toString('base64url');
    const deadline = this.context.clock.monotonic() + wait;
    for (let look = FIRST_LOOK_MS; !(await this.take(name, owner)); look = Math.min(look * 1.5, LAST_LOOK_MS)) {
      if (this.context.clock.monotonic() >= deadline) return undefined;
      // Jittered, so that waiters do not ask together.
      await pause(look * (0.5 + Math.random()));
    }
    return new RedisLease({ name, owner, coordinator: this });
  }

  override close(): void {
    this.push.close();
    this.redis.close();
  }

  /** Milliseconds for which a lease is held without a heartbeat. @internal */
  get leaseTime(): number {
    return Math.min(LEASE_MS + Math.ceil(LATENESSES * this.redis.lateness), LONGEST_LEASE_MS);
  }

  /** Runs a script that answers 1 for done. @internal */
  async script(script: string, keys: readonly string[], values: readonly string[]): Promise<boolean> {
    const answer = await this.redis.run((client) => client.eval(script, { keys: [...keys], arguments: [...values] }));
    return Number(answer) > 0;
  }

  /** Keys of one group carry the same hash tag, and so live on the same node of a cluster. @internal */
  name(space: Space | 'members' | 'lease', key: string): string {
    if (isPushed(space)) return this.push.name(space, key);
    const end = key.indexOf(':');
    const [group, rest] = end < 0 ? [key, ''] : [key.slice(0, end), key.slice(end)];
    return `${this.context.namespace}:{${group}}:${space}${rest}`;
  }

  /** A lease that is given when nobody waits for it any more is given back, or everybody would wait for its end. */
  private async take(name: string, owner: string): Promise<boolean> {
    let isAwaited = true;
    try {
      return await this.redis.run(async (client) => {
        const isTaken = (await client.set(name, owner, { PX: this.leaseTime, NX: true })) !== null;
        if (isTaken && !isAwaited) await client.eval(RELEASE, { keys: [name], arguments: [owner] });
        return isTaken;
      });
    } finally {
      isAwaited = false;
    }
  }
}

interface Held {
  readonly name: string;
  readonly owner: string;
  readonly coordinator: RedisCoordinator;
}

/** Extended by a heartbeat while its holder lives; whether it is still held is decided by Redis, in the same step as what depends on it. */
class RedisLease implements Lease {
  private readonly heartbeat: NodeJS.Timeout;

  constructor(private readonly held: Held) {
    this.heartbeat = setInterval(() => {
      this.extend();
    }, HEARTBEAT_MS);
    this.heartbeat.unref();
  }

  publish(records: readonly PlacedRecord[]): Promise<boolean> {
    const { name, owner, coordinator } = this.held;
    const keys = records.map(({ space, key }) => coordinator.name(space, key));
    const values = records.flatMap((record) => [textOf(record), String(millis(record.ttl))]);
    return coordinator.script(PUBLISH, [name, ...keys], [owner, ...values]);
  }

  async release(): Promise<void> {
    clearInterval(this.heartbeat);
    const { name, owner, coordinator } = this.held;
    try {
      await coordinator.script(RELEASE, [name], [owner]);
    } catch (error) {
      // Redis forgets the lease by itself.
      if (!(error instanceof CoordinationUnavailableException)) throw error;
    }
  }

  private extend(): void {
    const { name, owner, coordinator } = this.held;
    coordinator.script(EXTEND, [name], [owner, String(coordinator.leaseTime)]).catch(() => {
      // A lease that could not be extended is found out when its holder publishes.
    });
  }
}

function isPushed(space: string): space is PushedSpace {
  return PUSHED_SPACES.some((pushed) => pushed === space);
}

function pushedRecord(space: PushedSpace, key: string, { value, ttl }: StoredRecord): PushedRecord {
  return { space, key, value, ttl: millis(ttl) };
}

function textOf({ version = 0, value }: StoredRecord): string {
  return `${String(version)} ${value}`;
}

function millis(seconds: number): number {
  return Math.max(1, Math.ceil(seconds * 1000));
}
