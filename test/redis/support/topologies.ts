/** Redis in the shapes that large installations have: a cluster, and a primary with a replica under a sentinel. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../support/ports.js';
import { RedisServer } from '../../support/redis.js';
import { until } from '../../support/until.js';

const SLOTS = 16_384;
const NODES = 3;
export const PRIMARY = 'mymaster';

/** Three primaries that share the slots. */
export async function startCluster(): Promise<readonly RedisServer[]> {
  const buses = await freePorts(NODES);
  const nodes: RedisServer[] = [];
  for (const bus of buses)
    nodes.push(await RedisServer.start({ settings: ['--cluster-enabled', 'yes', '--cluster-port', String(bus)] }));
  for (const [index, node] of nodes.entries()) {
    const [from, to] = [index, index + 1].map((share) => Math.floor((SLOTS / NODES) * share));
    await node.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String((to ?? 0) - 1));
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
  }
  for (const [index, node] of nodes.entries())
    await nodes[0]?.command('CLUSTER', 'MEET', '127.0.0.1', String(node.port), String(buses[index]));
  for (const node of nodes) await until(async () => isWhole(await node.command('CLUSTER', 'INFO')));
  return nodes;
}

function isWhole(info: string): boolean {
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${String(NODES)}`);
}

export class Sentinel {
  private constructor(
    private readonly primary: RedisServer,
    private readonly replica: RedisServer,
    readonly port: number,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(): Promise<Sentinel> {
    const primary = await RedisServer.start();
    const replica = await RedisServer.start({ settings: ['--replicaof', `127.0.0.1 ${String(primary.port)}`] });
    await until(async () => (await replica.command('INFO', 'replication')).includes('master_link_status:up'));
    const [port = 0] = await freePorts(1);
    const folder = mkdtempSync(join(tmpdir(), 'sentinel-'));
    const file = join(folder, 'sentinel.conf');
    writeFileSync(
      file,
      [
        `port ${String(port)}`,
        `bind 127.0.0.1`,
        `dir ${folder}`,
        `sentinel monitor ${PRIMARY} 127.0.0.1 ${String(primary.port)} 1`,
        `sentinel down-after-milliseconds ${PRIMARY} 60000`,
        `sentinel failover-timeout ${PRIMARY} 2000`,
      ].join('\n'),
    );
    const process = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
    const sentinel = new Sentinel(primary, replica, port, process, folder);
    await until(async () => (await sentinel.info()).includes('slaves=1'));
    return sentinel;
  }

  async close(): Promise<void> {
    const exit = once(this.process, 'exit');
    this.process.kill();
    await exit;
    rmSync(this.folder, { recursive: true, force: true });
    await this.primary.close();
    await this.replica.close();
  }

  private info(): Promise<string> {
    return RedisServer.ask(this.port, 'INFO', 'sentinel').catch(() => '');
  }
}
