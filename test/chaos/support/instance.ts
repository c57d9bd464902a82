/** One process of the built reference application. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../../support/reference.js';
import { watchOutput } from '../../support/secret-watch.js';
import { ask, type Answer, type Question } from './ask.js';

const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));
/** To one instance. */
const MAX_CONNECTIONS = 500;
const EVENT = /"message":"([a-z_]+\.[a-z_]+)"/;

export class Instance {
  private readonly folder = mkdtempSync(join(tmpdir(), 'instance-'));
  private readonly audit = new Map<string, number>();
  private agent = newAgent();
  private child: ChildProcess | undefined;
  private output = '';
  private inFlight = 0;

  constructor(
    readonly port: number,
    private settings: Settings,
  ) {}

  /** Resolves when it listens. */
  async start(changes: Settings = {}): Promise<void> {
    this.settings = { ...this.settings, ...changes };
    this.output = '';
    const { PATH = '', HOME = '' } = process.env;
    const env = { PATH, HOME, NO_COLOR: '1', PORT: String(this.port), HOST: '127.0.0.1', ...this.settings };
    const child = spawn(process.execPath, [MAIN], { cwd: this.folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    watchOutput(child);
    const ended = once(child, 'exit').then(() => {
      throw new Error(`an instance ended: ${this.output}`);
    });
    ended.catch(() => undefined);
    const opened = new Promise<void>((resolve) => {
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          this.hear(text);
          if (/^Open /m.test(this.output)) resolve();
        });
    });
    await Promise.race([opened, ended]);
  }

  /** Ends it as an orchestrator does: it answers what was asked and goes. */
  stop(): Promise<void> {
    return this.signal('SIGTERM');
  }

  /** Ends it as a crash does. */
  kill(): Promise<void> {
    return this.signal('SIGKILL');
  }

  async ask(question: Question): Promise<Answer> {
    this.inFlight += 1;
    try {
      return await ask({ agent: this.agent, port: this.port }, question);
    } finally {
      this.inFlight -= 1;
    }
  }

  /** Resolves when everything that was asked is answered, for a load balancer that has stopped asking. */
  async drained(): Promise<void> {
    while (this.inFlight > 0) await delay(5);
  }

  /** How often each event was logged. */
  get events(): ReadonlyMap<string, number> {
    return this.audit;
  }

  forgetEvents(): void {
    this.audit.clear();
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async signal(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
    this.agent.destroy();
    this.agent = newAgent();
  }

  private hear(text: string): void {
    this.output = (this.output + text).slice(-20_000);
    for (const line of text.split('\n')) {
      const event = EVENT.exec(line)?.[1];
      if (event !== undefined) this.audit.set(event, (this.audit.get(event) ?? 0) + 1);
    }
  }
}

/** As a load balancer asks: other requests wait their turn before it, since Node lets 511 connections wait and the kernel resets the others. */
function newAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
}
