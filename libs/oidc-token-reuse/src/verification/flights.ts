/** Verifications that are under way. */
import type { PresentedToken } from './presented-token.js';

const CHAINS = 256;

interface Flight<Result> {
  readonly text: string;
  readonly outcome: Promise<Result>;
  next: Flight<Result> | undefined;
}

/**
 * Finds what is under way for a token by all of its characters. Not a `Map`: where entries come and go by the thousands, a map leaves tables behind of
 * which each keeps the next one alive, with all tokens in it, until the garbage collector looks at everything.
 */
export class Flights<Result> {
  private readonly chains: (Flight<Result> | undefined)[] = Array.from({ length: CHAINS }, () => undefined);

  get({ mark, text }: PresentedToken): Promise<Result> | undefined {
    let flight = this.chains[mark % CHAINS];
    while (flight !== undefined && flight.text !== text) flight = flight.next;
    return flight?.outcome;
  }

  add({ mark, text }: PresentedToken, outcome: Promise<Result>): void {
    const chain = mark % CHAINS;
    this.chains[chain] = { text, outcome, next: this.chains[chain] };
  }

  remove({ mark, text }: PresentedToken): void {
    const chain = mark % CHAINS;
    let before: Flight<Result> | undefined;
    let flight = this.chains[chain];
    while (flight !== undefined && flight.text !== text) [before, flight] = [flight, flight.next];
    if (before === undefined) this.chains[chain] = flight?.next;
    else before.next = flight?.next;
  }
}
