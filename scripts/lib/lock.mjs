// One build at a time, across processes: a lock directory that names its holder.
import { mkdirSync, readFileSync, renameSync, rmSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LONGEST_BUILD_MS = 120_000;
const POLL_MS = 100;

/** Runs `work` while holding the lock at `path`; waits for a living holder, takes over from a dead one. */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  while (!take(path)) {
    if (isAbandoned(path)) takeAway(path);
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    releaseLock(path);
  }
}

/** Gives the lock back if this process holds it. */
export function releaseLock(path) {
  if (holderOf(path) === process.pid) remove(path);
}

/** Renamed first: an emptied directory that still has the lock's name could be taken and then lost. */
function remove(path) {
  const gone = `${path}.${process.pid}`;
  renameSync(path, gone);
  rmSync(gone, { recursive: true, force: true });
}

/** A directory is renamed onto a non-empty one by no system, so the lock exists with its holder's name or not at all. */
function take(path) {
  const candidate = `${path}.${process.pid}`;
  mkdirSync(candidate, { recursive: true });
  writeFileSync(join(candidate, 'pid'), String(process.pid));
  try {
    renameSync(candidate, path);
    return true;
  } catch (error) {
    rmSync(candidate, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code)) return false;
    throw error;
  }
}

/** Only one process at a time may remove an abandoned lock, else the second would remove the first one's new lock. */
function takeAway(path) {
  const permit = `${path}.takeover`;
  try {
    mkdirSync(permit);
  } catch {
    if (ageOf(permit) > LONGEST_BUILD_MS) rmSync(permit, { recursive: true, force: true });
    return;
  }
  try {
    if (isAbandoned(path)) remove(path);
  } finally {
    rmdirSync(permit);
  }
}

function isAbandoned(path) {
  const holder = holderOf(path);
  return holder !== undefined && (!isAlive(holder) || ageOf(path) > LONGEST_BUILD_MS);
}

function holderOf(path) {
  try {
    return Number(readFileSync(join(path, 'pid'), 'utf8'));
  } catch {
    return undefined; // given back meanwhile
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM'; // alive, but another user's
  }
}

function ageOf(path) {
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
}
