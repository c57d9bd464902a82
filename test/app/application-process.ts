/** The reference application in a process of its own, started as a newcomer starts it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Settings } from '../support/reference.js';
import { reportingEnvironment, watchOutput } from '../support/secret-watch.js';

export interface ProcessOptions {
  /** The working directory: where `.env` and `.dev` are. */
  readonly folder: string;
  readonly settings?: Settings;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ApplicationProcess {
  private output = '';
  private errors = '';
  private readonly ending: Promise<Ending>;

  /** Sees the settings that are given, nothing of this process's environment, and what watches it; says all that it can. */
  constructor([command, ...args]: readonly [string, ...string[]], { folder, settings = {} }: ProcessOptions) {
    const { PATH = '', HOME = '' } = process.env;
    const env = {
      PATH,
      HOME,
      NO_COLOR: '1',
      LOG_LEVEL: 'verbose',
      ...settings,
      ...reportingEnvironment(settings['NODE_OPTIONS']),
    };
    this.child = spawn(command, args, { cwd: folder, env, detached: true });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    watchOutput(this.child);
    this.ending = this.ended();
  }

  private readonly child: ChildProcess;

  get stdout(): string {
    return this.output;
  }

  get stderr(): string {
    return this.errors;
  }

  /** Resolves with the line that says where to open it; rejects with what the process said when it ended before. */
  async opened(): Promise<string> {
    for (;;) {
      const line = /^Open .+$/m.exec(this.output)?.[0];
      if (line !== undefined) return line;
      const next = this.child.stdout === null ? undefined : once(this.child.stdout, 'data').then(() => undefined);
      if ((await Promise.race([next, this.ending])) !== undefined) throw new Error(this.output + this.errors);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it at once, with whatever it has started. */
  async kill(): Promise<Ending> {
    const { pid, exitCode, signalCode } = this.child;
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL');
    return this.end();
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ending> {
    this.signal(signal);
    return this.end();
  }

  /** Resolves when the process has ended by itself. */
  end(): Promise<Ending> {
    return this.ending;
  }

  private async ended(): Promise<Ending> {
    const [code, signal] = (await once(this.child, 'close')) as [number | null, NodeJS.Signals | null];
    return { code, signal };
  }
}
