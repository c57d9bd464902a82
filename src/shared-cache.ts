/** The shared cache of the application: bounded in memory, or Redis when `CACHE_URL` names one. */
import type { CacheModuleOptions } from '@nestjs/cache-manager';
import { Keyv } from 'keyv';
import { LRUCache } from 'lru-cache';
import { redisStore } from './cache-url.js';

const MAX_ENTRIES = 10_000;

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

function redis(url: string): Keyv {
  const store = redisStore(url);
  const keyv = new Keyv(store, { namespace: 'app', useKeyPrefix: false });
  keyv.throwOnErrors = true;
  return keyv;
}
