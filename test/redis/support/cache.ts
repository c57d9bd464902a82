/** The application's cache on a Redis of the tests. */
import KeyvRedis, { createKeyv } from '@keyv/redis';
import type { Keyv } from 'keyv';

type Connection = NonNullable<Parameters<typeof createKeyv>[0]>;

const SOCKET = { connectTimeout: 1000, reconnectStrategy: 50 } as const;
const OPTIONS = { namespace: 'app', connectionTimeout: 1000, throwOnErrors: true } as const;

/** How to reach one server: fails at once while it is away, and comes back as soon as it can. */
export function single(url: string): {
  readonly url: string;
  readonly disableOfflineQueue: true;
  readonly socket: typeof SOCKET;
} {
  return { url, disableOfflineQueue: true, socket: SOCKET };
}

export function cacheIn(url: string): Keyv {
  const keyv = createKeyv(single(url), OPTIONS);
  keyv.on('error', () => undefined);
  return keyv;
}

/** The store inside such a cache. */
export function storeOf(connection: Connection): KeyvRedis<string> {
  const { store } = createKeyv(connection, OPTIONS);
  if (!(store instanceof KeyvRedis)) throw new TypeError('createKeyv makes a KeyvRedis');
  store.on('error', () => undefined);
  return store as KeyvRedis<string>;
}
