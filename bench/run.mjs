// `npm run bench`: installs what is compared, builds, measures, and shows ratios of one run.
// `npm run bench -- --group hot,cold --adapter fastify --slices 15 --slice-ms 1000 --only unguarded,ours`
// The page, the JSON and the chart in `docs` take the results of whole groups in slices of the default length or more.
// `--profile` leaves a CPU profile of every server in `bench/results`.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfStale, reportBuildError } from '../scripts/lib/build.mjs';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

const { values } = parseArgs({
  options: {
    group: { type: 'string' },
    adapter: { type: 'string', default: 'fastify,express' },
    slices: { type: 'string', default: '9' },
    'slice-ms': { type: 'string', default: '500' },
    only: { type: 'string' },
    profile: { type: 'boolean', default: false },
  },
});
const listOf = (value) => value?.split(',');

if (!existsSync(`${FOLDER}node_modules`)) {
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: FOLDER, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}
await buildIfStale().catch(reportBuildError);
if (process.exitCode !== undefined) process.exit();

// what is measured stands only now
const { runGroups } = await import('./groups/index.mjs');
await runGroups({
  groups: listOf(values.group),
  adapters: listOf(values.adapter),
  only: listOf(values.only),
  flags: values.profile ? ['--cpu-prof', `--cpu-prof-dir=${FOLDER}results`] : [],
  slices: Number(values.slices),
  sliceMs: Number(values['slice-ms']),
});
