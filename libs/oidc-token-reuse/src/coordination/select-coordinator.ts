/** Chooses who coordinates: Redis when the application's cache is in Redis, else this process alone. */
import type { Cache } from 'cache-manager';
import type { Coordinator } from './coordinator.js';
import { MemoryCoordinator } from './memory.coordinator.js';
import { RedisConnection, type RedisStore } from './redis.connection.js';
import { RedisCoordinator, type RedisContext } from './redis.coordinator.js';

/** The coordinator that goes with the configured cache: there is no second setting to forget. */
export function selectCoordinator(cache: Cache | undefined, context: RedisContext): Coordinator {
  const store = cache?.stores.map((keyv): unknown => keyv.store).find(isRedisStore);
  if (store === undefined) return new MemoryCoordinator(context.clock);
  const coordinator = new RedisCoordinator(new RedisConnection(store, context.clock), context);
  void coordinator.open();
  return coordinator;
}

/** By what it can do, not by its class: the application has its own copy of the adapter. */
function isRedisStore(store: unknown): store is RedisStore {
  if (typeof store !== 'object' || store === null || !('client' in store)) return false;
  return 'getClient' in store && typeof store.getClient === 'function';
}
