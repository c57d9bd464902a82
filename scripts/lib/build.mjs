// Builds the libraries, then the application with its static files, each into its `dist`; quiet unless it fails.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { releaseLock, withLock } from './lock.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMPILER = join(ROOT, 'node_modules/typescript-7/bin/tsc');
const LOCK = join(ROOT, 'node_modules/.cache/build.lock');

const LIBRARIES = ['libs/oidc-token-reuse', 'libs/oidc-testing'];
const STATIC_FILES = join(ROOT, 'src/public');
const OUTPUTS = [...LIBRARIES, '.'].map((project) => join(ROOT, project, 'dist'));
const INPUTS = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json', 'scripts/lib/build.mjs'].concat(
  LIBRARIES.flatMap((library) => ['src', 'tsconfig.lib.json', 'package.json'].map((name) => `${library}/${name}`)),
);

/** Written last: the hash of the inputs that the build was made from. */
const STAMP = join(ROOT, 'dist/.inputs');

/** Replaces whatever was built before. */
export function build() {
  return withLock(LOCK, () => buildAll(hashOfInputs()));
}

/** Builds unless what stands in `dist` was made from exactly these inputs. */
export async function buildIfStale() {
  if (isFresh(hashOfInputs())) return;
  await withLock(LOCK, async () => {
    const hash = hashOfInputs();
    if (!isFresh(hash)) await buildAll(hash);
  });
}

function isFresh(hash) {
  return OUTPUTS.every((output) => existsSync(output)) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash;
}

async function buildAll(hash) {
  rmSync(STAMP, { force: true });
  for (const output of OUTPUTS) rmSync(output, { recursive: true, force: true });
  await stoppingCompilersOnSignal(async (compilers) => {
    await Promise.all(LIBRARIES.map((library) => compile(`${library}/tsconfig.lib.json`, compilers)));
    await compile('tsconfig.build.json', compilers);
  });
  if (existsSync(STATIC_FILES)) cpSync(STATIC_FILES, join(ROOT, 'dist/public'), { recursive: true });
  writeFileSync(STAMP, hash);
}

async function stoppingCompilersOnSignal(work) {
  const compilers = new Set();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const stop = (signal) => {
    for (const compiler of compilers) process.kill(-compiler.pid, 'SIGKILL');
    releaseLock(LOCK);
    for (const each of signals) process.removeListener(each, stop);
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, stop);
  try {
    await work(compilers);
  } finally {
    for (const signal of signals) process.removeListener(signal, stop);
  }
}

/** In a process group of its own, so that the launcher and the native compiler behind it stop together. */
function compile(project, compilers) {
  const compiler = spawn(process.execPath, [COMPILER, '-p', project], { cwd: ROOT, detached: true });
  compilers.add(compiler);
  const output = [];
  compiler.stdout.on('data', (chunk) => output.push(chunk));
  compiler.stderr.on('data', (chunk) => output.push(chunk));
  return new Promise((resolve, reject) => {
    compiler.once('exit', () => compilers.delete(compiler));
    compiler.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new BuildError(`${Buffer.concat(output)}${project} does not compile`));
    });
  });
}

class BuildError extends Error {}

/** Says what the compiler said; anything else is a defect and thrown on. */
export function reportBuildError(error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function hashOfInputs() {
  const hash = createHash('sha256');
  for (const file of INPUTS.flatMap(filesOf).sort()) {
    const content = readFileSync(join(ROOT, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function filesOf(path) {
  const absolute = join(ROOT, path);
  if (!statSync(absolute).isDirectory()) return [path];
  return readdirSync(absolute).flatMap((name) => filesOf(join(path, name)));
}
