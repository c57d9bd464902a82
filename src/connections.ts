/** Lets the server end at once although browsers keep connections open, and lets no answer be cut off. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Node itself leaves connections open that have not carried a request yet, and those whose answer ends after the server was closed. */
export class Connections {
  private readonly idle = new Set<Socket>();
  private isClosing = false;

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.rest(socket);
      socket.once('close', () => this.idle.delete(socket));
    });
    server.on('request', (request, response) => {
      this.idle.delete(request.socket);
      response.once('close', () => {
        this.rest(request.socket);
      });
    });
  }

  /** Closes what carries no request now, and everything else after its answer. */
  close(): void {
    this.isClosing = true;
    for (const socket of this.idle) socket.destroy();
  }

  private rest(socket: Socket): void {
    if (this.isClosing) socket.destroy();
    else this.idle.add(socket);
  }
}
