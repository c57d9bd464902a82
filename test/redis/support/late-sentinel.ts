/** A sentinel that names the server that a test says, and reports what a test says: one that is behind the others, for instance. */
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { portOf, release } from '../../support/ports.js';

const COMMAND = /\*\d+\r\n(?:\$\d+\r\n[^\r\n]*\r\n)+/g;

export class LateSentinel {
  asked = 0;
  private readonly listeners = new Set<Socket>();

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
        for (const [command] of text.matchAll(COMMAND)) {
          if (/subscribe/i.test(command)) sentinel.listeners.add(socket);
          socket.write(sentinel.answerTo(command));
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return sentinel;
  }

  get url(): string {
    return `redis-sentinel://127.0.0.1:${String(portOf(this.server))}/mymaster`;
  }

  get hasListener(): boolean {
    return this.listeners.size > 0;
  }

  /** Tells everybody that the server that it names is the primary now. */
  report(): void {
    const message = `mymaster 127.0.0.1 1 127.0.0.1 ${String(this.named)}`;
    const channel = '$14\r\n+switch-master\r\n';
    for (const socket of this.listeners)
      socket.write(`*3\r\n$7\r\nmessage\r\n${channel}$${String(message.length)}\r\n${message}\r\n`);
  }

  close(): Promise<void> {
    return release(this.server);
  }

  private answerTo(command: string): string {
    if (/subscribe/i.test(command)) return '*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n';
    if (command.includes('PING')) return '*2\r\n$4\r\npong\r\n$0\r\n\r\n';
    if (!command.includes('SENTINEL')) return '+OK\r\n';
    this.asked += 1;
    const port = String(this.named);
    return `*2\r\n$9\r\n127.0.0.1\r\n$${String(port.length)}\r\n${port}\r\n`;
  }
}
