/** Redis in the shape that large installations have: a cluster. */
import { freePorts } from '../../support/ports.js';
import { RedisServer } from '../../support/redis.js';
import { until } from '../../support/until.js';

const SLOTS = 16_384;
const NODES = 3;

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
