/** Two processes on one Redis, reached as `CACHE_URL` says. */
import type KeyvRedis from '@keyv/redis';
import { SystemClock } from '../../../libs/oidc-token-reuse/src/clock.js';
import type { Coordinator } from '../../../libs/oidc-token-reuse/src/coordination/coordinator.js';
import { RedisConnection } from '../../../libs/oidc-token-reuse/src/coordination/redis.connection.js';
import { RedisCoordinator } from '../../../libs/oidc-token-reuse/src/coordination/redis.coordinator.js';
import { redisStore } from '../../../src/cache-url.js';
import { until } from '../../support/until.js';

export class Pair {
  /** What an administrator was told. */
  readonly warnings: string[] = [];
  private readonly stores: readonly KeyvRedis<string>[];
  readonly first: RedisCoordinator;
  readonly second: RedisCoordinator;

  constructor(url: string) {
    const clock = new SystemClock();
    const [one, other] = [quietStore(url), quietStore(url)];
    const warn = (reason: string): void => void this.warnings.push(reason);
    const coordinatorOf = (store: KeyvRedis<string>): RedisCoordinator =>
      new RedisCoordinator(new RedisConnection(store, clock), { namespace: 'test', clock, warn });
    this.stores = [one, other];
    this.first = coordinatorOf(one);
    this.second = coordinatorOf(other);
  }

  async open(): Promise<void> {
    await Promise.all([this.first.open(), this.second.open()]);
    // A busy machine may take longer to connect than a client waits.
    for (const coordinator of [this.first, this.second])
      await until(() =>
        coordinator.get('spent', 'none:key').then(
          () => true,
          () => false,
        ),
      );
  }

  async close(): Promise<void> {
    this.first.close();
    this.second.close();
    await Promise.all(this.stores.map((store) => store.disconnect(true)));
  }
}

function quietStore(url: string): KeyvRedis<string> {
  const store = redisStore(url);
  store.on('error', () => undefined);
  return store;
}

/** One process makes sign-outs until the other has been told of one, without having asked. */
export async function isTold({ first, second }: Pair): Promise<boolean> {
  for (let count = 0; count < 100; count += 1) {
    const key = `pushed-${String(count)}`;
    await first.put('tombstone', key, { value: '1', ttl: 60 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    if ((await knownWithoutAsking(second, key)) === '1') return true;
  }
  return false;
}

/** What a process has been told counts also when Redis cannot be asked; `unknown` when it would ask. */
export async function knownWithoutAsking(coordinator: Coordinator, key: string): Promise<string | undefined> {
  const get = coordinator.get.bind(coordinator);
  coordinator.get = () => Promise.resolve('unknown');
  try {
    return await coordinator.glance('tombstone', key);
  } finally {
    coordinator.get = get;
  }
}
