/**
 * Watches what the applications of a spec file do: every token, code, verifier, secret and cookie value that crosses the wire becomes a secret, and
 * every log line, event, error and stored record something seen. When the file is through, none of the one may be found in the other.
 */
import type { ChildProcess } from 'node:child_process';
import { afterAll } from '@jest/globals';
import { CACHE_MANAGER } from '@nestjs/cache-manager';
import type { ArgumentsHost, INestApplication, LoggerService } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { Coordinator } from 'nestjs-oidc-token-reuse';
import { MAX_SECRETS, SecretScan } from './secret-scan.js';
import { WatchedProcesses } from './watched-process.js';
import { watchWire } from './wire-secrets.js';

const processes = new WatchedProcesses();
const scan = new SecretScan((secret) => {
  processes.report(secret);
});

/** Everything secret that crossed the wire in this file, and everything that was seen. */
export const watched = scan;

/** Sees what a process prints. */
export function watchOutput(process: Pick<ChildProcess, 'stdout' | 'stderr'>): void {
  processes.watchOutput(process, scan);
}

/** Environment variables with which a process tells what is secret in it; `options` are those of Node that it has besides. */
export function reportingEnvironment(options?: string): Readonly<Record<string, string>> {
  return processes.environment(options);
}

/** Everything that was seen in this file although it is secret here, or in a process that was started with `reportingEnvironment`. */
export async function allLeaks(): Promise<readonly string[]> {
  const leaks = new Set(scan.leaks());
  for await (const secrets of processes.reported(MAX_SECRETS))
    for (const leak of scan.leaksAmong(secrets)) leaks.add(leak);
  return [...leaks];
}

/** A logger that writes down every line of every level. */
export const watchingLogger: LoggerService = {
  log: (...parts: unknown[]) => scan.see(...parts),
  error: (...parts: unknown[]) => scan.see(...parts),
  warn: (...parts: unknown[]) => scan.see(...parts),
  debug: (...parts: unknown[]) => scan.see(...parts),
  verbose: (...parts: unknown[]) => scan.see(...parts),
  fatal: (...parts: unknown[]) => scan.see(...parts),
};

/** Looks at everything that an application stores: in its coordination, and in its cache where it has one. */
export function watchStores(application: INestApplication): void {
  watchWrites(application.get(Coordinator, { strict: false }));
  try {
    watchWrites(application.get<object>(CACHE_MANAGER, { strict: false }));
  } catch {
    // There is no cache.
  }
}

const WRITES = ['put', 'putIfAbsent', 'replace', 'addMember', 'set', 'acquire', 'publish'];

/** Replaces the methods that write by ones that show what they are given. */
function watchWrites(store: object): void {
  for (const name of WRITES) {
    const method: unknown = Reflect.get(store, name);
    if (typeof method !== 'function') continue;
    const watching = async (...parts: unknown[]): Promise<unknown> => {
      scan.see(...parts);
      const result: unknown = await Reflect.apply(method, store, parts);
      // A lease writes too.
      if (name === 'acquire' && typeof result === 'object' && result !== null) watchWrites(result);
      return result;
    };
    Reflect.set(store, name, watching);
  }
}

const filter = BaseExceptionFilter.prototype;
const { catch: answer } = filter;

const endWatch = watchWire((...values) => {
  scan.hide(...values);
});
/** Every failure passes here on its way to the client. */
filter.catch = function watching(this: BaseExceptionFilter, exception: unknown, host: ArgumentsHost): void {
  scan.see(exception);
  answer.call(this, exception, host);
};

/** Milliseconds: three processes under load for minutes have hundreds of thousands of secrets. */
const SCAN_LIMIT_MS = 1_800_000;

// Of the file as a whole: it comes after all that its own blocks clean up.
afterAll(async () => {
  endWatch();
  filter.catch = answer;
  const leaks = await allLeaks();
  processes.remove();
  if (leaks.length > 0) throw new Error(`a secret can be seen:\n${leaks.slice(0, 10).join('\n')}`);
}, SCAN_LIMIT_MS);
