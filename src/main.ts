/** Starts the reference application from the process's environment, and says where to open it. */
import 'reflect-metadata';
import { OidcConfigurationException } from 'nestjs-oidc-token-reuse';
import { readProcessEnvironment } from './environment.js';
import { start } from './start.js';

const TEST_USERS = 'alice / alice (admin), bob / bob';

try {
  const running = await start(readProcessEnvironment());
  const { publicUrl, hasDevelopmentProvider } = running;
  process.stdout.write(`Open ${publicUrl}${hasDevelopmentProvider ? ` and sign in as ${TEST_USERS}` : ''}\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void running.close());
} catch (error) {
  if (!(error instanceof OidcConfigurationException)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
