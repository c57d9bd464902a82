/** All groups, and running them one after the other. */
import { Issuer } from '../lib/issuer.mjs';
import { describeMachine, moveToLoadCore } from '../lib/machine.mjs';
import { keep, table } from '../lib/report.mjs';
import { runMemory } from './memory.mjs';
import { runStart } from './start.mjs';
import { runStorm } from './storm.mjs';
import { runThroughput, THROUGHPUT } from './throughput.mjs';
import { runTrouble } from './trouble.mjs';

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
    // a part of a group, or one under the profiler, is no result to keep
    const { slices, sliceMs, only, flags } = settings;
    const result = { title, date: new Date().toISOString(), machine, slices, sliceMs, rows };
    if (only === undefined && flags.length === 0) await keep(`${name}/${adapter}`, result);
  } finally {
    await issuer.close();
  }
}
