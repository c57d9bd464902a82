/** The application's cache on a Redis of the tests. */
import { createKeyv } from '@keyv/redis';
import type { Keyv } from 'keyv';

/** Fails at once while Redis is away, and comes back as soon as it can. */
export function cacheIn(url: string): Keyv {
  const socket = { connectTimeout: 1000, reconnectStrategy: 50 } as const;
  const keyv = createKeyv(
    { url, disableOfflineQueue: true, socket },
    { namespace: 'app', connectionTimeout: 1000, throwOnErrors: true },
  );
  keyv.on('error', () => undefined);
  return keyv;
}
