/** The built application that the suite runs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const BUILD = new URL('../../../scripts/lib/build.mjs', import.meta.url);
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SCRIPT = `import { buildIfStale, reportBuildError } from ${JSON.stringify(BUILD.href)}; await buildIfStale().catch(reportBuildError);`;

/** Builds it unless what stands in `dist` is fresh; one build at a time on this machine. */
export async function buildIfStale(): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', SCRIPT], { cwd: ROOT, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error('the application does not build');
}
