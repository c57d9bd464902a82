/** One application in a process of its own: started with a variant, then asked over IPC for what only it knows. */
import 'reflect-metadata';
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

const commands = {
  cpu: () => process.cpuUsage(),
  heap: () => {
    globalThis.gc?.();
    globalThis.gc?.();
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
