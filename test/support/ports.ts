/** Ports for servers that have to be told theirs before they start. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';

/** Ports that nobody listened on a moment ago, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => occupy()));
  const ports = servers.map(portOf);
  await Promise.all(servers.map(release));
  return ports;
}

/** Listens on a port, or on any, so that nobody else can. */
export async function occupy(port = 0): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

export async function release(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  await closed;
}
