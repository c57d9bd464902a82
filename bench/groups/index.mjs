/** All groups, and running them one after the other. */
import { Issuer } from '../lib/issuer.mjs';
import { describeMachine, moveToLoadCore } from '../lib/machine.mjs';
import { keep, table } from '../lib/report.mjs';
import { runMemory } from './memory.mjs';
import { runStart } from './start.mjs';
import { runStorm } from './storm.mjs';
import { runThroughput, THROUGHPUT } from './throughput.mjs';
import { runTrouble } from './trouble.mjs';

const LEAST_SLICES = 5;
const LEAST_SLICE_MS = 500;

const GROUPS = new Map([
  ...Object.entries(THROUGHPUT).map(([name, group]) => [
    name,
    { title: group.title, run: (settings) => runThroughput(group, settings) },
  ]),
  ['storm', { title: 'Refresh storm: 100 sessions, five requests each at once', run: runStorm }],
  ['trouble', { title: 'Good tokens while something is wrong', run: runTrouble }],
  ['start', { title: 'Cold start', run: runStart }],
  ['memory', { title: 'Memory', run: runMemory }],
]);

export async function runGroups({ groups = [...GROUPS.keys()], adapters, ...settings }) {
  const unknown = groups.filter((name) => !GROUPS.has(name));
  if (unknown.length > 0)
    throw new RangeError(`no group ${unknown.join(', ')}; there are ${[...GROUPS.keys()].join(', ')}`);
  moveToLoadCore();
  const machine = describeMachine();
  console.log(JSON.stringify(machine));
  for (const name of groups) {
    for (const adapter of adapters) await runGroup({ name, adapter, machine, ...settings });
  }
}

async function runGroup({ name, adapter, machine, ...settings }) {
  const { title, run } = GROUPS.get(name);
  // one provider per group: what one did to its keys is nothing to the next
  const issuer = await Issuer.start();
  try {
    const rows = await run({ issuer, adapter, ...settings });
    console.log(`\n### ${title}, ${adapter}\n\n${table(rows)}`);
    const { slices, sliceMs } = settings;
    const result = { title, date: new Date().toISOString(), machine, slices, sliceMs, rows };
    if (isToKeep(settings)) await keep(`${name}/${adapter}`, result);
  } finally {
    await issuer.close();
  }
}

/** A part of a group, one under the profiler, or a quick look is no result to keep. */
function isToKeep({ slices, sliceMs, only, flags }) {
  return only === undefined && flags.length === 0 && slices >= LEAST_SLICES && sliceMs >= LEAST_SLICE_MS;
}
