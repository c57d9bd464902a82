/** Starts the reference application from the process's environment, and says where to open it. */
import 'reflect-metadata';
import { OidcConfigurationException } from 'nestjs-oidc-token-reuse';
import { readProcessEnvironment } from './environment.js';
import { CannotListenException } from './listening.js';
import { start, type Running } from './start.js';

const TEST_USERS = 'alice / alice (admin) or bob / bob';
const STOP_LIMIT_MS = 10_000;

try {
  const running = await start(readProcessEnvironment());
  process.stdout.write(`${welcome(running)}\n`);
  stopOnSignal(running);
} catch (error) {
  if (!(error instanceof OidcConfigurationException || error instanceof CannotListenException)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

function welcome({ publicUrl, hasDevelopmentProvider }: Running): string {
  return `Open ${publicUrl}${hasDevelopmentProvider ? ` and sign in as ${TEST_USERS}` : ''}`;
}

/** Repeated signals change nothing: `npm` passes on what the terminal sends to both. */
function stopOnSignal(running: Running): void {
  let stopping: Promise<void> | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void (stopping ??= stop(running)));
}

/** The process ends by itself when everything is closed; what hangs is cut off. */
async function stop(running: Running): Promise<void> {
  setTimeout(() => process.exit(), STOP_LIMIT_MS).unref();
  await running.close();
}
