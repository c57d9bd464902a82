/** Kills the process that holds the leases, at a random point of its redemptions, again and again. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Experiment } from './experiment.js';
import type { Fleet } from './fleet.js';
import { SCALE } from './scale.js';

/** Milliseconds that the provider takes to answer, and so most of a redemption. */
const REDEMPTION_MS = 250;
/** Milliseconds after which all that waited for a dead holder have been served. */
const SETTLED_MS = 11_000;
const LOOKS = 200;

/** Gives how many leases were held by the processes that were killed. */
export async function killHolders(fleet: Fleet, experiment: Experiment): Promise<number> {
  let held = 0;
  await fleet.provider.slow(REDEMPTION_MS);
  for (let kill = 0; kill < SCALE.kills; kill += 1) {
    held += await killHolder(fleet, experiment, kill);
    experiment.note(`around kill ${String(kill + 1)}`);
  }
  await fleet.provider.clearFaults();
  experiment.add('leases held by the killed', held);
  return held;
}

/** All traffic goes to one process, so that every lease is its own. */
async function killHolder(fleet: Fleet, experiment: Experiment, kill: number): Promise<number> {
  const victim = fleet.instance(kill);
  experiment.send([victim]);
  const held = await someHeld(fleet);
  await victim.kill();
  experiment.send(fleet.instances.filter((other) => other !== victim));
  await victim.start();
  experiment.send(fleet.instances);
  await delay(SETTLED_MS);
  return held;
}

/** Waits for a random point at which leases are held, and gives how many. */
async function someHeld(fleet: Fleet): Promise<number> {
  await delay(1000);
  for (let look = 0; look < LOOKS; look += 1) {
    await delay(Math.random() * REDEMPTION_MS);
    const held = await fleet.leases();
    if (held > 0) return held;
  }
  throw new Error('no lease was ever held');
}
