/** One application in a process of its own: started with a variant, then asked over IPC for what only it knows. */
import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createApplication } from './application.mjs';

const { variant, adapter, context } = JSON.parse(process.argv[2]);

/** Milliseconds that this process is ahead of the world; both clocks, since libraries read either. */
let ahead = 0;
if (variant.hasMovableClock) {
  for (const clock of [Date, performance]) {
    const now = clock.now.bind(clock);
    clock.now = () => now() + ahead;
  }
}

const peer = await import(`../peers/${variant.peer}.mjs`);
const application = await createApplication({ peer, adapter, context: { ...context, ...variant.options, adapter } });
await application.listen(0, '127.0.0.1');

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
/** V8 lets go of the shape of objects that are no more when it has not met one in so many collections. */
const COLLECTIONS = 4;

/**
 * Makes a server one that has been idle once. V8 forgets then what it had learned of the objects of `process.nextTick`, which makes every request some 3 µs
 * more expensive from then on, for as long as the process lives. Left to chance, this happens at the start of some processes and not of others.
 */
async function settle() {
  // outside of any tick, whose own object would keep its shape alive
  await delay(50);
  setImmediate(() => {
    for (let count = 0; count < COLLECTIONS; count += 1) collectGarbage();
  });
  await delay(50);
}

const commands = {
  settle,
  cpu: () => process.cpuUsage(),
  heap: () => {
    collectGarbage();
    collectGarbage();
    return process.memoryUsage();
  },
  advance: (milliseconds) => (ahead += milliseconds),
  seed: (argument) => peer.seed(application, argument),
};

process.on('message', async ({ command, argument }) => {
  process.send({ result: await commands[command](argument) });
});
process.on('disconnect', () => process.exit());
process.send({ result: application.getHttpServer().address().port });
