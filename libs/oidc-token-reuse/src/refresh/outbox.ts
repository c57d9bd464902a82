/** What must reach the shared store and could not yet: offered again until it has. */
import { pause } from '../coordination/pause.js';
import { CoordinationUnavailableException } from '../errors/exceptions.js';

/** Milliseconds between two offers. */
const PAUSE_MS = 200;
/** Offers of one letter: ten minutes of them. */
const MAX_OFFERS = 3000;
/** Offers that a process makes before it ends. */
const LAST_OFFERS = 15;
/** Letters that are offered at once. */
const BUNDLE = 200;
/** Letters that wait; the oldest give way. Each stands for one answer of the provider. */
const MAX_LETTERS = 10_000;

interface Letter {
  /** Safe to repeat, whatever has happened since. */
  readonly deliver: () => Promise<unknown>;
  offers: number;
}

export class Outbox {
  private readonly letters = new Map<string, Letter>();
  private timer: NodeJS.Timeout | undefined;

  /** Keeps what could not be delivered, in the place of an earlier letter of the same name. */
  add(name: string, deliver: () => Promise<unknown>): void {
    this.letters.delete(name);
    for (const oldest of this.letters.keys()) {
      if (this.letters.size < MAX_LETTERS) break;
      this.letters.delete(oldest);
    }
    this.letters.set(name, { deliver, offers: 0 });
    this.schedule();
  }

  /** Waits for a while until everything is delivered. */
  async drain(): Promise<void> {
    clearTimeout(this.timer);
    for (let offers = 0; offers < LAST_OFFERS && this.letters.size > 0; offers += 1) {
      if (offers > 0) await pause(PAUSE_MS);
      await this.offer();
    }
    this.letters.clear();
  }

  private schedule(): void {
    if (this.timer !== undefined || this.letters.size === 0) return;
    this.timer = setTimeout(() => {
      void this.offer().finally(() => {
        this.timer = undefined;
        this.schedule();
      });
    }, PAUSE_MS).unref();
  }

  /** The first alone: it tells whether the store is back. Then many at once, since for each somebody may be about to do it again. */
  private async offer(): Promise<void> {
    const [first = [], ...others] = bundlesOf([...this.letters]);
    for (const bundle of [first.slice(0, 1), first.slice(1), ...others]) {
      const gone = await Promise.all(bundle.map(([name, letter]) => this.isGone(name, letter)));
      if (gone.includes(false)) return;
    }
  }

  private async isGone(name: string, letter: Letter): Promise<boolean> {
    letter.offers += 1;
    try {
      await letter.deliver();
    } catch (error) {
      // Whatever else it says will not change: the session has ended meanwhile.
      const isAway = error instanceof CoordinationUnavailableException;
      if (isAway && letter.offers < MAX_OFFERS) return false;
    }
    if (this.letters.get(name) === letter) this.letters.delete(name);
    return true;
  }
}

function bundlesOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const count = Math.ceil(items.length / BUNDLE);
  return Array.from({ length: count }, (_, index) => items.slice(index * BUNDLE, (index + 1) * BUNDLE));
}
