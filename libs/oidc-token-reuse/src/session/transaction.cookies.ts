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
  stateOf,
  TRANSACTION_LIFETIME,
  type Transaction,
} from './transaction.js';

const COOKIE = 'oidc.txn';
const SUFFIX_LENGTH = 8;
/** Attempts a browser may have under way; the oldest give way. */
const MAX_TRANSACTIONS = 5;

export interface TransactionCookiesDependencies {
  readonly sealer: Sealer;
  readonly cookies: CookieWriter;
  readonly coordinator: Coordinator;
  readonly clock: Clock;
}

export class TransactionCookies {
  constructor(private readonly dependencies: TransactionCookiesDependencies) {}

  /** Writes the cookie of a new attempt. The server keeps nothing. */
  async begin(exchange: HttpExchange, transaction: Transaction): Promise<void> {
    const value = await this.dependencies.sealer.seal(encodeTransaction(transaction));
    await this.evict(exchange, MAX_TRANSACTIONS - 1);
    exchange.neverStore();
    this.dependencies.cookies.set(exchange, this.nameOf(stateOf(transaction)), { value, maxAge: TRANSACTION_LIFETIME });
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
    if (exchange.cookies.has(name)) cookies.clear(exchange, name);
    const transaction = await this.read(exchange, name);
    if (transaction === undefined || !isEqual(stateOf(transaction), state)) throw missing();
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

  /** Clears the oldest attempts beyond the number that may stay. */
  async evict(exchange: HttpExchange, keep = MAX_TRANSACTIONS): Promise<void> {
    const names = [...exchange.cookies.names()].filter((name) => name.startsWith(this.prefix));
    if (names.length <= keep) return;
    const dated = await Promise.all(
      // What does not open is of no use to anybody: it goes first.
      names.map(async (name) => ({ name, startedAt: (await this.read(exchange, name))?.startedAt ?? 0 })),
    );
    dated.sort((one, other) => other.startedAt - one.startedAt);
    exchange.neverStore();
    for (const { name } of dated.slice(keep)) this.dependencies.cookies.clear(exchange, name);
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
    return this.prefix + digest(state).slice(0, SUFFIX_LENGTH);
  }
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
