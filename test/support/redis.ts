/** A real Redis for tests: the one that `REDIS_URL` names, or a server of our own on a free port. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';

/** False on a machine without Redis: the suites that need it are skipped there, and counted. */
const HAS_REDIS = process.env['REDIS_URL'] !== undefined || spawnSync('redis-server', ['--version']).status === 0;

/** `describe` for what needs Redis. */
export const describeWithRedis: typeof describe.skip = HAS_REDIS ? describe : describe.skip;

interface RedisOptions {
  readonly persistent?: boolean;
  readonly onCommand?: ((command: string) => void) | undefined;
  readonly settings?: readonly string[];
}

export class RedisServer {
  private process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly options: RedisOptions,
  ) {}

  /**
   * With `persistent`, it comes back with what it held. `onCommand` is told of every command it gets; `settings` are further words of its command line.
   */
  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    const folder = mkdtempSync(join(tmpdir(), 'redis-'));
    const server = new RedisServer(await freePort(), folder, options);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${String(this.port)}`;
  }

  /** Starts it again on the same port, empty unless it is persistent. */
  async start(): Promise<void> {
    const options = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      this.options.persistent === true ? 'yes' : 'no',
      '--appendfsync',
      'always',
      '--dir',
      this.folder,
      ...(this.options.settings ?? []),
    ];
    this.process = spawn('redis-server', options, { stdio: 'ignore' });
    await this.answering();
    await this.listen();
  }

  async stop(): Promise<void> {
    const { process: running } = this;
    if (running?.exitCode !== null) return;
    const exit = once(running, 'exit');
    running.kill('SIGKILL');
    await exit;
    this.process = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Sends one command and gives the raw answer. */
  command(...words: readonly string[]): Promise<string> {
    return RedisServer.ask(this.port, ...words);
  }

  /** The same of any server of this machine, a sentinel for one. */
  static async ask(port: number, ...words: readonly string[]): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    socket.setEncoding('utf8');
    await once(socket, 'connect');
    const length = (word: string): number => Buffer.byteLength(word);
    socket.write(
      `*${String(words.length)}\r\n${words.map((word) => `$${String(length(word))}\r\n${word}\r\n`).join('')}`,
    );
    const [answer] = (await once(socket, 'data')) as [string];
    socket.destroy();
    return answer;
  }

  /** MONITOR tells of every command with its arguments. */
  private async listen(): Promise<void> {
    const { onCommand } = this.options;
    if (onCommand === undefined) return;
    const monitor = connect(this.port, '127.0.0.1').setEncoding('utf8');
    // When, and from which connection, makes every line another.
    monitor.on('data', (lines: string) => {
      onCommand(lines.replace(/^\+[\d.]+ \[[^\]]*\] /gm, ''));
    });
    monitor.on('error', () => undefined);
    monitor.write('MONITOR\r\n');
    await once(monitor, 'data');
  }

  /** The commands that clients send from now on, without what scripts do inside, until it is stopped. */
  async monitor(): Promise<{ stop(): Promise<readonly string[]> }> {
    const socket = connect(this.port, '127.0.0.1');
    socket.setEncoding('utf8');
    await once(socket, 'connect');
    let text = '';
    socket.on('data', (chunk: string) => (text += chunk));
    socket.write('MONITOR\r\n');
    await once(socket, 'data');
    return {
      stop: async () => {
        const last = `last-${String(Math.random())}`;
        await this.command('ECHO', last);
        while (!text.includes(last)) await once(socket, 'data');
        socket.destroy();
        return text.split('\r\n').filter((line) => line.includes('"') && !/^\+\S+ \[\d+ lua\]/.test(line));
      },
    };
  }

  private async answering(): Promise<void> {
    for (let attempt = 0; attempt < 200; attempt += 1) {
      try {
        if ((await this.command('PING')).startsWith('+PONG')) return;
      } catch {
        // Not listening yet.
      }
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
    throw new Error('redis-server does not answer');
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
