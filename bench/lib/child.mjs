/** Starts and stops the servers, and talks to them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onServerCore } from './machine.mjs';

const SERVER = fileURLToPath(new URL('./server.mjs', import.meta.url));

export class Child {
  static async start({ variant, adapter, context, flags = [] }) {
    const child = new Child();
    const command = [process.execPath, ...flags, SERVER, JSON.stringify({ variant, adapter, context })];
    const [program, ...words] = onServerCore(command);
    child.variant = variant;
    child.process = spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    child.port = await child.result();
    return child;
  }

  ask(command, argument) {
    const result = this.result();
    this.process.send({ command, argument });
    return result;
  }

  async result() {
    const died = new AbortController();
    const onExit = () => died.abort(new Error(`the server "${this.variant.id}" ended`));
    this.process.once('exit', onExit);
    const [{ result }] = await once(this.process, 'message', { signal: died.signal }).catch(() => {
      throw died.signal.reason;
    });
    this.process.removeListener('exit', onExit);
    return result;
  }

  async stop() {
    const exit = once(this.process, 'exit');
    this.process.disconnect();
    await exit;
  }
}

/** Servers for some variants, all alive while `work` runs. */
export async function withServers(settings, variants, work) {
  const children = [];
  try {
    for (const variant of variants) children.push(await Child.start({ ...settings, variant }));
    return await work(children);
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}
