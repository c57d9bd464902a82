/** The shared cache of the application: bounded in memory, or Redis when `CACHE_URL` names one. */
import { createKeyv } from '@keyv/redis';
import type { CacheModuleOptions } from '@nestjs/cache-manager';
import { Keyv } from 'keyv';
import { LRUCache } from 'lru-cache';

const MAX_ENTRIES = 10_000;
const CONNECT_TIMEOUT_MS = 1000;

export function cacheOptions(cacheUrl: string | undefined): CacheModuleOptions {
  return { stores: [cacheUrl === undefined ? boundedMemory() : redis(cacheUrl)] };
}

/** Nest's own memory store never forgets. */
function boundedMemory(): Keyv {
  const entries = new LRUCache<string, string>({ max: MAX_ENTRIES });
  return new Keyv({
    store: {
      get: (key: string) => entries.get(key),
      set: (key: string, value: string) => void entries.set(key, value),
      delete: (key: string) => entries.delete(key),
      clear: () => {
        entries.clear();
      },
    },
  });
}

/** Fails at once while Redis is away, instead of queueing for ever. */
function redis(url: string): Keyv {
  return createKeyv(
    {
      url,
      disableOfflineQueue: true,
      socket: { connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: (retries) => Math.min(retries * 50, 1000) },
    },
    { namespace: 'app', connectionTimeout: CONNECT_TIMEOUT_MS, throwOnErrors: true },
  );
}
