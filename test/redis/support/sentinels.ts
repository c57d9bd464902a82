/** Redis as many installations have it: a primary, replicas, and three sentinels that make another one the primary when it is gone. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../support/ports.js';
import { RedisServer } from '../../support/redis.js';

const NAME = 'mymaster';
/** One more than are lost. */
const REPLICAS = 3;
const SENTINELS = 3;
/** A primary that no replica follows any more takes no writes: it may have been replaced without knowing it. */
const SETTINGS = ['--min-replicas-to-write', '1', '--repl-diskless-sync-delay', '0'];
/** So long that a busy machine is not taken for a dead one; less where one is about to die. */
const DOWN_AFTER_MS = 30_000;
const DOWN_AFTER_SHORT_MS = 500;
/** Longer than sentinels take to name the new primary. */
const PAUSE_MS = 15_000;
/** Milliseconds between two looks. */
const LOOK_MS = 50;

export class Sentinels {
  private constructor(
    private readonly servers: readonly RedisServer[],
    private readonly ports: readonly number[],
    private readonly processes: readonly ChildProcess[],
    private readonly folder: string,
  ) {}

  static async start(): Promise<Sentinels> {
    const first = await RedisServer.start({ settings: SETTINGS });
    const of = ['--replicaof', `127.0.0.1 ${String(first.port)}`];
    const replicas = await Promise.all(
      Array.from({ length: REPLICAS }, () => RedisServer.start({ settings: [...SETTINGS, ...of] })),
    );
    const folder = mkdtempSync(join(tmpdir(), 'sentinels-'));
    const ports = await freePorts(SENTINELS);
    const processes = ports.map((port) => {
      const file = join(folder, `${String(port)}.conf`);
      writeFileSync(file, configuration(port, first.port, folder));
      return spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
    });
    const sentinels = new Sentinels([first, ...replicas], ports, processes, folder);
    await sentinels.agreed();
    return sentinels;
  }

  get url(): string {
    return `redis-sentinel://${this.ports.map((port) => `127.0.0.1:${String(port)}`).join(',')}/${NAME}`;
  }

  /** The server that the sentinels take for the primary. */
  private async primary(): Promise<RedisServer> {
    const port = await this.primaryPort(0);
    const server = this.servers.find((one) => one.port === port);
    if (server === undefined) throw new Error('the sentinels know a primary');
    return server;
  }

  /** Ends the primary as a crash does, and waits until all sentinels have agreed on another one. */
  async crash(): Promise<void> {
    const primary = await this.primary();
    await this.callDownAfter(DOWN_AFTER_SHORT_MS);
    await primary.stop();
    await this.elected(primary);
    await this.callDownAfter(DOWN_AFTER_MS);
  }

  /** Makes a replica the primary as docs/scaling.md says. */
  async handOver(): Promise<void> {
    const before = await this.primary();
    await before.command('CLIENT', 'PAUSE', String(PAUSE_MS), 'WRITE');
    await until(async () =>
      (await RedisServer.ask(this.ports[0] ?? 0, 'SENTINEL', 'FAILOVER', NAME)).startsWith('+OK'),
    );
    await this.elected(before);
  }

  /** Waits until the replicas have everything that the primary has. */
  async caughtUp(): Promise<void> {
    const primary = await this.primary();
    await until(async () => {
      const info = await primary.command('INFO', 'replication');
      const [, own] = /^master_repl_offset:(\d+)/m.exec(info) ?? [];
      const replicas = [...info.matchAll(/^slave\d:.*state=online,offset=(\d+)/gm)];
      return replicas.length > 0 && replicas.every(([, offset]) => offset === own);
    });
  }

  private async callDownAfter(milliseconds: number): Promise<void> {
    const setting = ['down-after-milliseconds', String(milliseconds)];
    for (const port of this.ports) await RedisServer.ask(port, 'SENTINEL', 'SET', NAME, ...setting);
  }

  /** Waits until all sentinels name another primary. */
  private async elected(before: RedisServer): Promise<void> {
    await until(async () => {
      const ports = await Promise.all(this.ports.map((_, index) => this.primaryPort(index)));
      return ports.every((port) => port !== before.port && port === ports[0]);
    });
  }

  /** Ends one sentinel. */
  async loseOne(): Promise<void> {
    await end(this.processes[0]);
  }

  async close(): Promise<void> {
    for (const process of this.processes) await end(process);
    rmSync(this.folder, { recursive: true, force: true });
    for (const server of this.servers) await server.close();
  }

  /** Waits until every sentinel knows the others and the replicas. */
  private async agreed(): Promise<void> {
    for (const port of this.ports)
      await until(async () => {
        const info = await RedisServer.ask(port, 'INFO', 'sentinel').catch(() => '');
        return info.includes(`slaves=${String(REPLICAS)}`) && info.includes(`sentinels=${String(SENTINELS)}`);
      });
  }

  private async primaryPort(index: number): Promise<number> {
    const answer = await RedisServer.ask(this.ports[index] ?? 0, 'SENTINEL', 'get-master-addr-by-name', NAME);
    return Number(answer.split('\r\n')[4]);
  }
}

function configuration(port: number, primary: number, folder: string): string {
  return [
    `port ${String(port)}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${String(primary)} 2`,
    `sentinel down-after-milliseconds ${NAME} ${String(DOWN_AFTER_MS)}`,
    `sentinel failover-timeout ${NAME} 3000`,
  ].join('\n');
}

/** As `until`, and leaves the machine to those who are waited for. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

async function end(process: ChildProcess | undefined): Promise<void> {
  if (process?.exitCode !== null || process.signalCode !== null) return;
  const exit = once(process, 'exit');
  process.kill();
  await exit;
}
