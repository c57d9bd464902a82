/** Keeps attempts to sign in where they began: in the browser, one sealed, short-lived cookie each, so that tabs do not disturb each other. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Coordinator } from '../coordination/coordinator.js';
import { LoginFailedException } from '../errors/exceptions.js';
import type { CookieWriter } from '../http/cookie-writer.js';
import type { HttpExchange } from '../http/http-exchange.js';
import type { Sealer } from './sealer.js';
import {
  decodeTransaction,
  encodeTransaction,
  newTransaction,
  stateOf,
  TRANSACTION_LIFETIME,
  type Attempt,
  type Transaction,
} from './transaction.js';

/** In front of the names of all our cookies, and of those of attempts. */
const OURS = 'oidc.';
const COOKIE = `${OURS}txn`;
/** Names there are, however many attempts begin at the same time: so many cookies of 600 bytes and a session still fit into what Node accepts. */
const PLACES = 12;
/** Attempts a browser may have under way; the oldest give way. */
const MAX_TRANSACTIONS = 5;
/** Characters of all our cookies together, above which attempts give way: common proxies refuse a header line over 8 KB. */
const BUDGET = 7000;

export interface TransactionCookiesDependencies {
  readonly sealer: Sealer;
  readonly cookies: CookieWriter;
  readonly coordinator: Coordinator;
  readonly clock: Clock;
}

export class TransactionCookies {
  /** Where the last attempt went: tabs that begin at the same time, with the same cookies, get places of their own. */
  private lastPlace = 0;

  constructor(private readonly dependencies: TransactionCookiesDependencies) {}

  /** A new attempt, whose `state` leads to a place that this browser has free. */
  draft(exchange: HttpExchange, attempt: Attempt): Transaction {
    const place = this.freePlace(exchange);
    return newTransaction(attempt, (state) => placeOf(state) === place);
  }

  /** Writes the cookie of a new attempt. The server keeps nothing. */
  async begin(exchange: HttpExchange, transaction: Transaction): Promise<void> {
    const value = await this.dependencies.sealer.seal(encodeTransaction(transaction));
    const name = this.nameOf(stateOf(transaction));
    await this.evict(exchange, { keep: MAX_TRANSACTIONS - 1, reserve: lengthOf(name, value) });
    exchange.neverStore();
    this.dependencies.cookies.set(exchange, name, { value, maxAge: TRANSACTION_LIFETIME });
  }

  /**
   * The attempt that a `state` belongs to: taken once, by the browser that began it, and within ten minutes.
   *
   * @throws LoginFailedException `transaction_missing`, `transaction_used`
   * @throws CoordinationUnavailableException when it cannot be told whether it was taken before
   */
  async take(exchange: HttpExchange, state: string): Promise<Transaction> {
    const { cookies, clock } = this.dependencies;
    const name = this.nameOf(state);
    exchange.neverStore();
    const transaction = await this.read(exchange, name);
    // Whoever makes a state up takes no attempt away from the browser.
    if (transaction !== undefined && !isEqual(stateOf(transaction), state)) throw missing();
    if (exchange.cookies.has(name)) cookies.clear(exchange, name);
    if (transaction === undefined) throw missing();
    if (clock.millis() - transaction.startedAt > TRANSACTION_LIFETIME * 1000) throw missing();
    if (!(await this.markTaken(state)))
      throw new LoginFailedException('transaction_used', 400, 'this sign-in was completed already; start again');
    return transaction;
  }

  /** Whether the request carries attempts. */
  isPresent(exchange: HttpExchange): boolean {
    if (exchange.header('cookie') === undefined) return false;
    const { prefix } = this;
    for (const name of exchange.cookies.names()) if (name.startsWith(prefix)) return true;
    return false;
  }

  /** Clears the oldest attempts beyond the number that may stay, and those for which there is no room beside a session. The newest stays. */
  async evict(exchange: HttpExchange, { keep = MAX_TRANSACTIONS, reserve = 0 } = {}): Promise<void> {
    if (!this.isPresent(exchange)) return;
    const held = this.held(exchange);
    const excess = this.ownLength(exchange) + reserve - BUDGET;
    if (held.length <= keep && excess <= 0) return;
    exchange.neverStore();
    const oldest = await this.oldestFirst(exchange, held);
    const mayGo = reserve > 0 ? oldest : oldest.slice(0, -1);
    this.clearSome(exchange, mayGo, { count: held.length - keep, length: excess });
  }

  /** Clears the first of these: so many, and as many more as it takes to save this length. */
  private clearSome(
    exchange: HttpExchange,
    names: readonly string[],
    { count, length }: { readonly count: number; readonly length: number },
  ): void {
    let saved = 0;
    for (const [cleared, name] of names.entries()) {
      if (cleared >= count && saved >= length) return;
      this.dependencies.cookies.clear(exchange, name);
      saved += lengthOf(name, exchange.cookies.get(name));
    }
  }

  private async oldestFirst(exchange: HttpExchange, names: readonly string[]): Promise<readonly string[]> {
    const dated = await Promise.all(
      // What does not open is of no use to anybody: it goes first.
      names.map(async (name) => ({ name, startedAt: (await this.read(exchange, name))?.startedAt ?? 0 })),
    );
    return dated.sort((one, other) => one.startedAt - other.startedAt).map(({ name }) => name);
  }

  /** Names of the attempts that the browser brings. */
  private held(exchange: HttpExchange): readonly string[] {
    return Array.from({ length: PLACES }, (_, place) => this.prefix + String(place)).filter((name) =>
      exchange.cookies.has(name),
    );
  }

  private ownLength({ cookies }: HttpExchange): number {
    const prefix = this.dependencies.cookies.nameOf(OURS);
    let length = 0;
    for (const name of cookies.names()) if (name.startsWith(prefix)) length += lengthOf(name, cookies.get(name));
    return length;
  }

  private freePlace(exchange: HttpExchange): number {
    const held = this.held(exchange);
    do this.lastPlace = (this.lastPlace + 1) % PLACES;
    while (held.length < PLACES && held.includes(this.prefix + String(this.lastPlace)));
    return this.lastPlace;
  }

  private get prefix(): string {
    return `${this.dependencies.cookies.nameOf(COOKIE)}.`;
  }

  private async read(exchange: HttpExchange, name: string): Promise<Transaction | undefined> {
    const sealed = exchange.cookies.get(name);
    const opened = sealed === undefined ? undefined : await this.dependencies.sealer.open(sealed);
    return opened === undefined ? undefined : decodeTransaction(opened.plaintext);
  }

  /** False when somebody took it before. The mark comes after the provider's answer only: beginning a sign-in costs the server nothing. */
  private markTaken(state: string): Promise<boolean> {
    const record = { value: '1', ttl: TRANSACTION_LIFETIME };
    return this.dependencies.coordinator.putIfAbsent('transaction', digest(state), record);
  }

  private nameOf(state: string): string {
    return this.prefix + String(placeOf(state));
  }
}

function placeOf(state: string): number {
  return createHash('sha256').update(`place:${state}`).digest().readUInt32BE() % PLACES;
}

/** What a cookie takes in the request header. */
function lengthOf(name: string, value = ''): number {
  return name.length + value.length + 3;
}

function digest(state: string): string {
  return createHash('sha256').update(state).digest('base64url');
}

function missing(): LoginFailedException {
  return new LoginFailedException(
    'transaction_missing',
    400,
    'this sign-in was not started in this browser, or too long ago; start again',
  );
}

function isEqual(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
