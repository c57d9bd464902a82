// A throw-away copy of the working tree (committed or not) in which patches can be tried.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export class WorkingCopy {
  /** The directory of the copy. */
  root = mkdtempSync(join(tmpdir(), 'working-copy-'));

  constructor(source) {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: source,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    for (const file of new Set(listed.split('\0'))) {
      if (file !== '' && existsSync(join(source, file))) copyFile(join(source, file), join(this.root, file));
    }
    linkModules(source, this.root);
    for (const library of readdirSync(join(this.root, 'libs'))) {
      linkModules(join(source, 'libs', library), join(this.root, 'libs', library));
    }
  }

  /** Throws with git's own words when the patch does not apply exactly as written. */
  apply(patch) {
    this.#git('apply', patch);
  }

  revert(patch) {
    this.#git('apply', '--reverse', patch);
  }

  remove() {
    rmSync(this.root, { recursive: true, force: true });
  }

  #git(...args) {
    const { status, stderr } = spawnSync('git', args, { cwd: this.root, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr.trim());
  }
}

function copyFile(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/** Installed packages are shared; links between workspaces are relative and so lead to the copy's own libraries. */
function linkModules(source, target) {
  const modules = join(source, 'node_modules');
  if (!existsSync(modules)) return;
  mkdirSync(join(target, 'node_modules'), { recursive: true });
  for (const name of readdirSync(modules).filter((entry) => entry !== '.cache')) {
    const from = join(modules, name);
    const isWorkspace = lstatSync(from).isSymbolicLink();
    symlinkSync(isWorkspace ? readlinkSync(from) : from, join(target, 'node_modules', name));
  }
}
