/** Listens on a port, and stops without leaving a connection or a timer behind. */
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { once } from 'node:events';
import type { RequestHandler } from './captured-call.js';

/** Where to listen, and how. */
export interface Address {
  readonly port: number;
  readonly host: string;
  readonly https: ServerOptions | undefined;
}

/** A server that listens. */
export interface Listener {
  /** Origin that it is reached at. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Starts to listen; the handler may be called from then on. @throws the error of `listen`, when the port is in use. */
export async function listen(options: Address, handler: RequestHandler): Promise<Listener> {
  const server: Server = options.https ? createHttpsServer(options.https) : createHttpServer();
  server.on('request', (request, response) => {
    // what fails here is a client that went away in the middle of its request
    Promise.resolve(handler(request, response)).catch(() => response.destroy());
  });
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    origin: `${options.https ? 'https' : 'http'}://${host}:${address.port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
