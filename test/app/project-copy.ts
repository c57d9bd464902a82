/** A copy of the project as it is before its first build, so that starting it builds nothing here. */
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COPIED = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts', 'src', 'libs'];
const LEFT_OUT = /\/(dist|node_modules|test)$/;

/** Gives the copy's folder; remove it with `removeProject`. */
export function copyProject(): string {
  const copy = mkdtempSync(join(tmpdir(), 'project-'));
  for (const name of COPIED) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true, filter: (source) => !LEFT_OUT.test(source) });
  }
  linkModules(ROOT, copy);
  for (const library of readdirSync(join(copy, 'libs'))) {
    linkModules(join(ROOT, 'libs', library), join(copy, 'libs', library));
  }
  return copy;
}

export function removeProject(copy: string): void {
  rmSync(copy, { recursive: true, force: true });
}

/** Installed packages are shared; links between workspaces are relative and so lead to the copy's own libraries. */
function linkModules(source: string, target: string): void {
  const modules = join(source, 'node_modules');
  if (lstatSync(modules, { throwIfNoEntry: false }) === undefined) return;
  mkdirSync(join(target, 'node_modules'));
  for (const name of readdirSync(modules).filter((entry) => entry !== '.cache')) {
    const installed = join(modules, name);
    const isWorkspace = lstatSync(installed).isSymbolicLink();
    symlinkSync(isWorkspace ? readlinkSync(installed) : installed, join(target, 'node_modules', name));
  }
}
