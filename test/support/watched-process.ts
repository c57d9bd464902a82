/** Watches processes that tests start: what they print is seen, and what is secret in them becomes a secret here. */
import { transformFileSync } from '@swc/core';
import type { ChildProcess } from 'node:child_process';
import { appendFileSync, createReadStream, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { SecretScan } from './secret-scan.js';

const MODULES = ['wire-secrets', 'report-secrets'] as const;

/** The processes of one file of tests, and a file with secrets that they report to. */
export class WatchedProcesses {
  private folder: string | undefined;

  /** Sees every line that a process prints. */
  watchOutput({ stdout, stderr }: Pick<ChildProcess, 'stdout' | 'stderr'>, scan: Pick<SecretScan, 'see'>): void {
    for (const input of [stdout, stderr])
      if (input !== null)
        createInterface({ input }).on('line', (line) => {
          scan.see(line);
        });
  }

  /** What the environment of a process needs, so that it and all that it starts report what is secret in them. */
  environment(options = ''): Readonly<Record<'NODE_OPTIONS' | 'WATCHED_SECRETS_FILE', string>> {
    const preload = pathToFileURL(join(this.place, 'report-secrets.js')).href;
    return { NODE_OPTIONS: `--import=${preload} ${options}`.trim(), WATCHED_SECRETS_FILE: this.file };
  }

  /** Adds a secret to those that were reported. */
  report(secret: string): void {
    appendFileSync(this.file, `${JSON.stringify(secret)}\n`);
  }

  /** What was reported up to now, in portions of so many. */
  async *reported(size: number): AsyncGenerator<readonly string[]> {
    if (this.folder === undefined || !existsSync(this.file)) return;
    let portion = new Set<string>();
    for await (const line of createInterface({ input: createReadStream(this.file) })) {
      portion.add(JSON.parse(line) as string); // as it is written
      if (portion.size < size) continue;
      yield [...portion];
      portion = new Set();
    }
    yield [...portion];
  }

  remove(): void {
    if (this.folder !== undefined) rmSync(this.folder, { recursive: true, force: true });
  }

  private get place(): string {
    this.folder ??= compiled();
    return this.folder;
  }

  private get file(): string {
    return join(this.place, 'secrets');
  }
}

/** Processes of tests know no TypeScript. */
function compiled(): string {
  const folder = mkdtempSync(join(tmpdir(), 'watched-'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const name of MODULES) {
    const source = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
    const { code } = transformFileSync(source, {
      swcrc: false,
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    });
    writeFileSync(join(folder, `${name}.js`), code);
  }
  return folder;
}
