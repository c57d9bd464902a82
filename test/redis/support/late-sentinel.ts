/** A sentinel that is behind the others: it names a server that is not the primary, until it is told. */
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { portOf, release } from '../../support/ports.js';

const COMMAND = /\*\d+\r\n(?:\$\d+\r\n[^\r\n]*\r\n)+/g;

export class LateSentinel {
  asked = 0;

  private constructor(
    private readonly server: Server,
    /** Port of the server that it names. */
    public named: number,
  ) {}

  static async start(named: number): Promise<LateSentinel> {
    const server = createServer();
    const sentinel = new LateSentinel(server, named);
    server.on('connection', (socket) => {
      socket.setEncoding('utf8');
      socket.on('error', () => undefined);
      socket.on('data', (text: string) => {
        for (const [command] of text.matchAll(COMMAND)) socket.write(sentinel.answerTo(command));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return sentinel;
  }

  get url(): string {
    return `redis-sentinel://127.0.0.1:${String(portOf(this.server))}/mymaster`;
  }

  close(): Promise<void> {
    return release(this.server);
  }

  private answerTo(command: string): string {
    if (command.includes('SUBSCRIBE')) return '*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n';
    if (command.includes('PING')) return '*2\r\n$4\r\npong\r\n$0\r\n\r\n';
    if (!command.includes('SENTINEL')) return '+OK\r\n';
    this.asked += 1;
    const port = String(this.named);
    return `*2\r\n$9\r\n127.0.0.1\r\n$${String(port.length)}\r\n${port}\r\n`;
  }
}
