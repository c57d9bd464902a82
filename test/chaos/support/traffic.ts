/** Requests of many browsers at once, to instances in turn, until it is told to stop. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Instance } from './instance.js';
import { Tally } from './tally.js';
import type { Visitor } from './visitor.js';

const PATH = '/api/profile';
/** One request in so many carries cookies several rotations old. */
const OLD_IN = 8;
/** Instances a request is offered to while connections are cut off. */
const TRIES = 20;

export interface TrafficOptions {
  readonly visitors: readonly Visitor[];
  readonly targets: readonly Instance[];
  /** Requests that each browser makes at the same time. */
  readonly parallel: number;
  /** Milliseconds that a browser rests between two rounds. */
  readonly rest: number;
  /** Whether some requests carry cookies several rotations old. */
  readonly withOldCookies: boolean;
}

export class Traffic {
  /** Where requests go from now on. */
  targets: readonly Instance[];
  private tally = new Tally();
  private isOn = true;
  private next = 0;
  private readonly rounds: Promise<unknown>;

  private constructor(private readonly options: TrafficOptions) {
    this.targets = options.targets;
    this.rounds = Promise.all(options.visitors.map((visitor) => this.visit(visitor)));
  }

  static start(options: TrafficOptions): Traffic {
    return new Traffic(options);
  }

  /** What was seen since the last time. */
  take(): Tally {
    const { tally } = this;
    this.tally = new Tally();
    return tally;
  }

  /** Waits for all answers. */
  async stop(): Promise<Tally> {
    this.isOn = false;
    await this.rounds;
    return this.take();
  }

  private async visit(visitor: Visitor): Promise<void> {
    while (this.isOn && visitor.lostWith === undefined) {
      await Promise.all(Array.from({ length: this.options.parallel }, () => this.request(visitor)));
      if (this.options.rest > 0) await delay(this.options.rest * (0.5 + Math.random()));
    }
  }

  private async request(visitor: Visitor): Promise<void> {
    const cookie = this.cookieOf(visitor);
    const started = performance.now();
    for (let tries = 0; tries < TRIES; tries += 1) {
      try {
        const answer = await this.target().ask({ path: PATH, cookie });
        this.tally.answered(answer, performance.now() - started);
        visitor.take(answer);
        return;
      } catch (error) {
        this.tally.cutOff(error);
        await delay(50);
      }
    }
  }

  private cookieOf(visitor: Visitor): string {
    const old = this.options.withOldCookies && this.next % OLD_IN === 0 ? visitor.oldCookie : undefined;
    if (old !== undefined) this.tally.withOldCookies += 1;
    return old ?? visitor.cookie;
  }

  private target(): Instance {
    this.next += 1;
    const target = this.targets[this.next % this.targets.length];
    if (target === undefined) throw new Error('there is no instance to ask');
    return target;
  }
}
