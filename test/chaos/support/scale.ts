/** How much is done: a bounded form for every run, and the full size with `CHAOS=full`. */

export interface Scale {
  /** What the instances log. At full size, a line for each of thousands of requests per second would be all that is measured. */
  readonly logLevel: 'verbose' | 'log';
  /** Custodies for which every fault is tried; in the bounded form not again where custody makes no difference. */
  readonly custodies: readonly ('cookie' | 'store')[];
  readonly sessions: number;
  /** Requests of each session at the same time. */
  readonly parallel: number;
  /** Seconds of the run without faults. */
  readonly seconds: number;
  /** Seconds that Redis is away. */
  readonly outage: number;
  /** Milliseconds that a slow provider takes. */
  readonly slowness: number;
  /** Processes killed per run. */
  readonly kills: number;
  /** Answers of the provider that are lost per run. */
  readonly drops: number;
  /** Sessions through one process for the heap. */
  readonly sessionsForHeap: number;
}

const BOUNDED: Scale = {
  logLevel: 'verbose',
  custodies: ['cookie'],
  sessions: 20,
  parallel: 10,
  seconds: 10,
  outage: 2,
  slowness: 3000,
  kills: 1,
  drops: 10,
  sessionsForHeap: 20_000,
};

const FULL: Scale = {
  logLevel: 'log',
  custodies: ['cookie', 'store'],
  sessions: 200,
  parallel: 50,
  seconds: 60,
  outage: 5,
  slowness: 8000,
  kills: 12,
  drops: 100,
  sessionsForHeap: 1_000_000,
};

export const SCALE: Scale = process.env['CHAOS'] === 'full' ? FULL : BOUNDED;
