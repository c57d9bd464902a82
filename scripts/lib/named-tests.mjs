// Runs chosen tests of one spec file in a working copy and says how each of them ended.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LONGEST_RUN_MS = 180_000;
const ENVIRONMENT = fileURLToPath(new URL('started-tests.environment.mjs', import.meta.url));

/** A test name as it stands in a patch: `/a regular expression/`, or the exact title, with or without its describe blocks. */
export class TestName {
  constructor(text) {
    const expression = /^\/(.+)\/$/.exec(text)?.[1];
    this.pattern = expression ?? text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    this.matches = expression
      ? ({ fullName }) => new RegExp(expression, 'i').test(fullName)
      : ({ fullName, title }) => fullName === text || title === text;
  }
}

/**
 * Resolves to `{ tests, output }`: each selected test's `fullName`, `title`, `status` and whether it `began`; no tests when
 * the file could not be loaded or the run did not end in time. With `stopAtFailure` nothing runs after the first test that failed.
 */
export async function runNamedTests({ root, spec, names, stopAtFailure = false }) {
  const notes = mkdtempSync(join(tmpdir(), 'named-tests-'));
  try {
    const started = join(notes, 'started');
    const report = join(notes, 'report.json');
    const pattern = names.map((name) => `(${name.pattern})`).join('|');
    const args = [
      ...['--runTestsByPath', spec, '--testNamePattern', pattern, '--testEnvironment', ENVIRONMENT],
      ...['--json', '--outputFile', report, '--reporters', 'default', '--runInBand', '--ci', '--forceExit'],
    ];
    const env = { STARTED_TESTS: started, STOP_AT_FAILURE: String(stopAtFailure) };
    const output = await runJest({ root, args, env });
    return { tests: existsSync(report) ? readReport(report, started) : [], output };
  } finally {
    rmSync(notes, { recursive: true, force: true });
  }
}

function runJest({ root, args, env }) {
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  const child = spawn(process.execPath, [...jest, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: LONGEST_RUN_MS,
    killSignal: 'SIGKILL',
  });
  const stop = () => child.kill('SIGKILL');
  process.once('exit', stop);
  const output = [];
  child.stderr.on('data', (chunk) => output.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      process.removeListener('exit', stop);
      resolve(Buffer.concat(output).toString());
    });
  });
}

function readReport(report, started) {
  const began = new Set(existsSync(started) ? readFileSync(started, 'utf8').split('\n') : []);
  return JSON.parse(readFileSync(report, 'utf8'))
    .testResults.flatMap((file) => file.assertionResults)
    .filter(({ status }) => status !== 'pending' && status !== 'todo')
    .map(({ fullName, title, status }) => ({ fullName, title, status, began: began.has(fullName) }));
}
