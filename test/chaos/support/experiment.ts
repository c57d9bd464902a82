/** Sessions under traffic, before, during and after a fault. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Fleet } from './fleet.js';
import type { Instance } from './instance.js';
import { print } from './print.js';
import type { ProviderFigures } from './remote-provider.js';
import { closing, type Closing } from './rotations.js';
import { SCALE } from './scale.js';
import type { Tally } from './tally.js';
import { Traffic } from './traffic.js';
import type { Visitor } from './visitor.js';

export interface Course {
  readonly title: string;
  /** Whether some requests carry cookies several rotations old. */
  readonly withOldCookies?: boolean;
}

export type Result = Closing & ProviderFigures;

/** Milliseconds that a browser rests between two rounds, in which the machine can do what the fault is about. */
const REST_MS = 100;

export class Experiment {
  private readonly seen: Record<string, unknown> = {};
  private traffic: Traffic;

  private constructor(
    private readonly fleet: Fleet,
    private readonly title: string,
    private readonly before: ProviderFigures,
    readonly visitors: readonly Visitor[],
    private readonly withOldCookies: boolean,
  ) {
    this.traffic = this.started();
  }

  static async begin(fleet: Fleet, { title, withOldCookies = false }: Course): Promise<Experiment> {
    const visitors = await fleet.signIn(SCALE.sessions);
    fleet.forgetEvents();
    const before = await fleet.provider.figures();
    return new Experiment(fleet, title, before, visitors, withOldCookies);
  }

  /** Whether any session is left. */
  get isAlive(): boolean {
    return this.visitors.some(({ lostWith }) => lostWith === undefined);
  }

  /** Sends requests to these instances from now on. */
  send(targets: readonly Instance[]): void {
    this.traffic.targets = targets;
  }

  /** Waits until every browser has its answers, and asks no more. */
  async rest(name: string): Promise<Tally> {
    const tally = await this.traffic.stop();
    this.seen[name] = tally;
    return tally;
  }

  resume(): void {
    this.traffic = this.started();
  }

  /** Lets so many milliseconds pass under traffic. What was seen in them goes into the figures under a name. */
  async phase(name: string, milliseconds: number): Promise<Tally> {
    await delay(milliseconds);
    return this.note(name);
  }

  /** What was seen since the last time, under a name. */
  note(name: string): Tally {
    const tally = this.traffic.take();
    this.seen[name] = tally;
    return tally;
  }

  /** Adds a figure. */
  add(name: string, value: unknown): void {
    this.seen[name] = value;
  }

  /** Ends the traffic, renews every session once more, and prints everything. */
  async end(): Promise<Result> {
    this.seen['at the end'] = await this.traffic.stop();
    const closed = await closing(this.fleet, this.visitors);
    const after = await this.fleet.provider.figures();
    const figures = {
      tokenRequests: after.tokenRequests,
      served: after.served,
      replays: after.replays - this.before.replays,
      revokedFamilies: after.revokedFamilies - this.before.revokedFamilies,
    };
    print(this.title, {
      ...this.seen,
      'sessions kept': `${String(closed.alive)} of ${String(this.visitors.length)}`,
      'rotations, token requests, those that got tokens': [closed.rotations, figures.tokenRequests, figures.served],
      'replays seen by the provider, families it revoked': [figures.replays, figures.revokedFamilies],
      'logged by the instances': this.fleet.events,
    });
    return { ...closed, ...figures };
  }

  private started(): Traffic {
    const { visitors, withOldCookies } = this;
    const { parallel } = SCALE;
    return Traffic.start({ parallel, rest: REST_MS, visitors, targets: this.fleet.instances, withOldCookies });
  }
}
