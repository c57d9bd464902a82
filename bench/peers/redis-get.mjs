/** One bare GET of Redis per request: the floor of every session that is kept there. */
import { createKeyv } from '@keyv/redis';
import { randomBytes } from 'node:crypto';

export async function setUp({ redisUrl }) {
  const client = await createKeyv(redisUrl).store.getClient();
  await client.set('bench:floor', randomBytes(3000).toString('base64url'));
  return { guard: async () => (await client.get('bench:floor')) !== null };
}
