/** Restarts every instance, one after the other, while the others serve. */
import type { Settings } from '../../support/reference.js';
import type { Experiment } from './experiment.js';
import type { Fleet } from './fleet.js';

/** As a load balancer and an orchestrator do it: no new requests, the last answers, the end, the new process, and requests again. */
export async function restartEach(fleet: Fleet, experiment: Experiment, changes: Settings): Promise<void> {
  for (const instance of fleet.instances) {
    experiment.send(fleet.instances.filter((other) => other !== instance));
    await instance.drained();
    await instance.stop();
    await instance.start(changes);
    experiment.send(fleet.instances);
  }
}
