/** Measures time in which this process was able to listen: a busy event loop, or a machine that gives it no turn, is nobody else's silence. */
import type { Clock } from '../clock.js';

/** Milliseconds between two looks at the clock. What passes beyond them was spent on something else. */
const SLICE_MS = 50;
/** What is left of a delay at the next look. */
const DECAY = 0.9;

interface Waiting {
  readonly isOver: () => boolean;
  readonly giveUp: () => void;
}

export class Attention {
  private readonly waiting = new Set<Waiting>();
  private timer: NodeJS.Timeout | undefined;
  private lookedAt = 0;
  private listened = 0;
  private delay = 0;

  constructor(private readonly clock: Clock) {}

  /** Milliseconds of listening; only the difference of two values means something. */
  get milliseconds(): number {
    return this.listened;
  }

  /** Milliseconds by which this process is late at the moment, as far as anything waits. */
  get lateness(): number {
    return this.delay;
  }

  /** Gives an operation up once it is over. What has arrived behind other work is read first. */
  async until<Result>(isOver: () => boolean, operation: Promise<Result>): Promise<Result> {
    let waiting: Waiting | undefined;
    const end = new Promise<never>((_resolve, reject) => {
      waiting = {
        isOver,
        giveUp: () => {
          reject(new Error('timeout'));
        },
      };
      this.waiting.add(waiting);
    });
    if (this.timer === undefined) this.begin();
    try {
      return await Promise.race([operation, end]);
    } finally {
      if (waiting !== undefined) this.waiting.delete(waiting);
    }
  }

  private begin(): void {
    this.lookedAt = this.clock.monotonic();
    this.lookLater();
  }

  private lookLater(): void {
    this.timer = setTimeout(() => {
      setImmediate(() => {
        this.look();
      });
    }, SLICE_MS);
  }

  private look(): void {
    const passed = this.clock.monotonic() - this.lookedAt;
    this.lookedAt += passed;
    this.listened += Math.min(passed, SLICE_MS);
    this.delay = Math.max(passed - SLICE_MS, this.delay * DECAY);
    for (const { isOver, giveUp } of this.waiting) if (isOver()) giveUp();
    this.timer = undefined;
    if (this.waiting.size > 0) this.lookLater();
    else this.delay = 0;
  }
}
