/** Gives server and load a core each, and says what machine this is. */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';

const SERVER_CORE = '0';
const LOAD_CORE = '1';

export const CAN_PIN = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

/** A command that runs on the server's core, or anywhere where that cannot be said. */
export function onServerCore(command) {
  return CAN_PIN ? ['taskset', '-c', SERVER_CORE, ...command] : command;
}

/** Keeps this process, which is the load and the provider, off the server's core. */
export function moveToLoadCore() {
  if (CAN_PIN) spawnSync('taskset', ['-acp', LOAD_CORE, String(process.pid)]);
}

export function describeMachine() {
  const all = cpus();
  return {
    processor: all[0]?.model ?? 'unknown',
    cores: all.length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
    system: process.platform,
    pinned: CAN_PIN,
  };
}
