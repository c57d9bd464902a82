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
const NAME_LENGTH = 10;
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
   */
  async take(exchange: HttpExchange, state: string): Promise<Transaction> {
    const name = this.nameOf(state);
    const sealed = exchange.cookies.get(name);
    exchange.neverStore();
    this.dependencies.cookies.clear(exchange, name);
    const transaction = sealed === undefined ? undefined : await this.open(sealed);
    if (transaction === undefined || !isEqual(stateOf(transaction), state) || this.isOver(transaction)) throw missing();
    const key = createHash('sha256').update(state).digest('base64url');
    const isFirst = await this.dependencies.coordinator.putIfAbsent('transaction', key, {
      value: '1',
      ttl: TRANSACTION_LIFETIME,
    });
    if (!isFirst)
      throw new LoginFailedException('transaction_used', 400, 'this sign-in was completed already; start again');
    return transaction;
  }

  /** Clears the oldest attempts beyond the number that may stay. */
  async evict(exchange: HttpExchange, keep = MAX_TRANSACTIONS): Promise<void> {
    const names = [...exchange.cookies.names()].filter((name) => name.startsWith(this.prefix));
    if (names.length <= keep) return;
    const dated = await Promise.all(
      names.map(async (name) => ({ name, startedAt: await this.startOf(exchange, name) })),
    );
    dated.sort((one, other) => other.startedAt - one.startedAt);
    exchange.neverStore();
    for (const { name } of dated.slice(keep)) this.dependencies.cookies.clear(exchange, name);
  }

  private get prefix(): string {
    return `${this.dependencies.cookies.nameOf(COOKIE)}.`;
  }

  private async startOf(exchange: HttpExchange, name: string): Promise<number> {
    const sealed = exchange.cookies.get(name);
    const transaction = sealed === undefined ? undefined : await this.open(sealed);
    return transaction?.startedAt ?? 0;
  }

  private async open(sealed: string): Promise<Transaction | undefined> {
    const opened = await this.dependencies.sealer.open(sealed);
    return opened === undefined ? undefined : decodeTransaction(opened.plaintext);
  }

  private isOver({ startedAt }: Transaction): boolean {
    const age = this.dependencies.clock.millis() - startedAt;
    return age > TRANSACTION_LIFETIME * 1000;
  }

  private nameOf(state: string): string {
    return this.prefix + createHash('sha256').update(state).digest('base64url').slice(0, NAME_LENGTH);
  }
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
