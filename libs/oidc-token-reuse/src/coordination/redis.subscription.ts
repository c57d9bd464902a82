/** Listens to channels of Redis, over a connection that does nothing else. */
import type { PushListener, RedisClient } from './redis.connection.js';

export type Listeners = Readonly<Record<string, PushListener>>;

/** Listens from now on; ends with what it gives back. Reconnecting is the client's own business; it does not say what it missed. */
export async function subscribe(client: RedisClient, listeners: Listeners): Promise<() => void> {
  return client.isPubSubActive === undefined ? throughPool(client, listeners) : throughDuplicate(client, listeners);
}

async function throughDuplicate(client: RedisClient, listeners: Listeners): Promise<() => void> {
  const connection = client.duplicate?.();
  if (connection === undefined) throw new TypeError('this Redis client cannot be duplicated');
  connection.on('error', () => undefined);
  try {
    await connection.connect();
    for (const [channel, listener] of Object.entries(listeners)) await connection.subscribe(channel, listener);
  } catch (error) {
    end(connection);
    throw error;
  }
  return () => {
    end(connection);
  };
}

function end(connection: { destroy(): unknown }): void {
  try {
    connection.destroy();
  } catch {
    // It has ended by itself.
  }
}

async function throughPool(client: RedisClient, listeners: Listeners): Promise<() => void> {
  for (const [channel, listener] of Object.entries(listeners)) await client.subscribe(channel, listener);
  return () => {
    for (const [channel, listener] of Object.entries(listeners)) {
      client.unsubscribe(channel, listener).catch(() => {
        // The pool has ended, and its subscriptions with it.
      });
    }
  };
}
