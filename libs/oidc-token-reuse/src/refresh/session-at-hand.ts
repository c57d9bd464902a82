/** The session of most requests in one process: opened before, good as it is, and nobody has to be asked about it. With Redis there is always somebody. */
import type { OidcOptions } from '../config/options.js';
import type { HttpExchange } from '../http/http-exchange.js';
import type { Custody } from '../session/custody.js';
import { isOfTenant, type Session } from '../session/session.js';
import type { TransactionCookies } from '../session/transaction.cookies.js';
import type { RefreshService } from './refresh.service.js';
import type { SharedKnowledge } from './shared-knowledge.js';

export interface SessionAtHandDependencies {
  readonly options: OidcOptions;
  readonly custody: Custody;
  readonly transactions: TransactionCookies;
  readonly refresh: RefreshService;
  readonly shared: SharedKnowledge;
}

/** Decides as all who wait would, without a promise: fifteen of them cost more than everything that is checked. */
export class SessionAtHand {
  constructor(private readonly dependencies: SessionAtHandDependencies) {}

  /**
   * The session of a request. Checked, all of it here: that it was opened before and is not over, is of an accepted tenant, needs no renewal soon, was
   * not signed out, and was replaced by none. Undefined when any of it is not known or not so.
   */
  of(exchange: HttpExchange): Session | undefined {
    const { custody, shared, transactions } = this.dependencies;
    if (transactions.isPresent(exchange)) return undefined;
    const session = custody.known(exchange);
    if (session === undefined || !this.isGoodAsItIs(session) || !shared.isKnownCurrent(session)) return undefined;
    exchange.neverStore();
    return session;
  }

  private isGoodAsItIs(session: Session): boolean {
    const { options, refresh } = this.dependencies;
    if (!options.reuseTokens || !isOfTenant(session, options.tenants)) return false;
    return !refresh.isExpired(session) && !refresh.isInLastStretch(session);
  }
}
