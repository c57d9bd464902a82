// `npm run test:mutation`: changes the rules of the rooms that decide, one at a time, and demands that a unit test notices.
// `npm run test:mutation -- --minutes 4` takes other files every day and ends in time; `-- --only verification,session/sealer` chooses files.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FILES, specsOf } from './files.js';
import { sandboxOf } from './sandbox.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const RESULTS = `${FOLDER}results`;
/** Stryker's own. */
const REPORT = `${RESULTS}/report-${process.pid}.json`;
/** Of a hundred mutants, those that a test has to notice. */
const THRESHOLD = 90;
/** Files by which each day begins further on: no divisor of their number, so that in time every file comes first. */
const STRIDE = 11;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: 'Infinity' }, only: { type: 'string', default: '' } },
});

if (!existsSync(`${FOLDER}node_modules`)) {
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: FOLDER, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}
mkdirSync(RESULTS, { recursive: true });

const matching = FILES.filter((file) => values.only.split(',').some((prefix) => file.startsWith(prefix)));
const deadline = Date.now() + Number(values.minutes) * 60_000;
const chosen = deadline === Infinity ? matching : fromTheDayOn(matching);
const results = [];
for (const file of chosen) {
  if (Date.now() >= deadline) break;
  const result = await mutated(file);
  if (result !== undefined) results.push(result);
}
rmSync(REPORT, { force: true });
summarise();

/** The same all day long, so that a failure can be had again. */
function fromTheDayOn(files) {
  const day = Math.floor(Date.now() / 86_400_000);
  const begin = (day * STRIDE) % files.length;
  console.log(`as many files as the time allows, today from ${files[begin]} on`);
  return [...files.slice(begin), ...files.slice(0, begin)];
}

/** Undefined when the time was over before the end. */
async function mutated(file) {
  const started = Date.now();
  rmSync(REPORT, { force: true });
  const source = `libs/oidc-token-reuse/src/${file}.ts`;
  const stryker = `${FOLDER}node_modules/@stryker-mutator/core/bin/stryker.js`;
  const child = spawn(process.execPath, [stryker, 'run', `${FOLDER}stryker.config.js`, '--mutate', source], {
    cwd: ROOT,
    env: { ...process.env, MUTATION_SPECS: specsOf(file).join(','), MUTATION_REPORT: REPORT },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: deadline === Infinity ? undefined : deadline - started,
  });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  await new Promise((resolve) => child.once('close', resolve));
  rmSync(sandboxOf(child.pid), { recursive: true, force: true });
  if (!existsSync(REPORT) && Date.now() >= deadline) {
    console.log(`${file}: not finished in time, and not counted`);
    return undefined;
  }
  if (!existsSync(REPORT)) {
    console.log(Buffer.concat(output).toString());
    return print({ file, killed: 0, survivors: [], failed: true });
  }
  const [{ mutants, source: text } = { mutants: [], source: '' }] = Object.values(
    JSON.parse(readFileSync(REPORT, 'utf8')).files,
  );
  const noticed = mutants.filter(({ status }) => status === 'Killed' || status === 'Timeout');
  const survived = mutants.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
  const lines = text.split('\n');
  const survivors = survived.map(({ location: { start }, mutatorName, replacement }) => ({
    line: start.line,
    code: lines[start.line - 1].trim(),
    mutatorName,
    replacement: replacement.replace(/\s+/g, ' ').slice(0, 100),
  }));
  const seconds = Math.round((Date.now() - started) / 1000);
  const result = { file, killed: noticed.length, survivors, failed: false, seconds };
  writeFileSync(`${RESULTS}/${file.replace('/', '-')}.json`, JSON.stringify(result, undefined, 2));
  return print(result);
}

function print(result) {
  const { file, killed, survivors, failed, seconds } = result;
  console.log(
    failed
      ? `${file}: Stryker did not end well`
      : `${file}: ${scoreOf(killed, survivors.length)}, in ${String(seconds)} s`,
  );
  for (const { line, code, mutatorName, replacement } of survivors)
    console.log(`  ${line} ${mutatorName}: ${code}\n    became ${replacement}`);
  return result;
}

function scoreOf(killed, survived) {
  const all = killed + survived;
  return `${killed} of ${all} noticed, ${all === 0 ? '100.0' : ((killed / all) * 100).toFixed(1)} %`;
}

function summarise() {
  console.log();
  for (const room of new Set(results.map(({ file }) => file.split('/')[0]))) {
    const [killed, survived] = totals(results.filter(({ file }) => file.startsWith(`${room}/`)));
    console.log(`${room}: ${scoreOf(killed, survived)}`);
  }
  const [killed, survived] = totals(results);
  console.log(
    `${results.length} of ${FILES.length} files: ${scoreOf(killed, survived)}, at least ${THRESHOLD} % wanted`,
  );
  const isGood = killed > 0 && (killed / (killed + survived)) * 100 >= THRESHOLD;
  if (!isGood || results.some(({ failed }) => failed)) process.exitCode = 1;
}

function totals(some) {
  const sum = (numbers) => numbers.reduce((one, other) => one + other, 0);
  return [sum(some.map(({ killed }) => killed)), sum(some.map(({ survivors }) => survivors.length))];
}
