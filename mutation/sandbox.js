// Where the Stryker of a process works. Outside of the tree: jest would find the tests in it too.
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function sandboxOf(pid) {
  return join(tmpdir(), `stryker-${String(pid)}`);
}
