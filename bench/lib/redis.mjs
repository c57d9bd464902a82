/** A Redis for the groups that need one: the one that `REDIS_URL` names, or a server of our own beside the load. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Gives `work` the URL, or undefined on a machine without Redis. */
export async function withRedis(work) {
  const { REDIS_URL } = process.env;
  if (REDIS_URL !== undefined || spawnSync('redis-server', ['--version']).status !== 0) return work(REDIS_URL);
  const port = await freePort();
  const words = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', words, { stdio: 'ignore' });
  try {
    await untilListening(port);
    return await work(`redis://127.0.0.1:${port}`);
  } finally {
    server.kill();
    await once(server, 'exit');
  }
}

async function untilListening(port) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const socket = connect(port, '127.0.0.1');
    const isListening = await once(socket, 'connect').then(
      () => true,
      () => delay(20, false),
    );
    socket.destroy();
    if (isListening) return;
  }
  throw new Error('redis-server does not answer');
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
}
