/** Where a browser's session is kept: read, written and cleared through one interface. */
import type { HttpExchange } from '../http/http-exchange.js';
import type { Session } from './session.js';

export abstract class Custody {
  /** The session that the request carries, as it was written; undefined when there is none that opens. Lifetimes are not checked. */
  abstract read(exchange: HttpExchange): Promise<Session | undefined>;
  /** As `read`, for what was read a moment ago and has not come to its end, nor its access token; undefined says that `read` has to tell. */
  abstract known(exchange: HttpExchange): Session | undefined;
  /** True when the request carries something that claims to be a session. */
  abstract isPresent(exchange: HttpExchange): boolean;
  /**
   * Writes the session to the response.
   *
   * @throws OidcException `session_too_large` when browsers or proxies would not carry it
   */
  abstract write(exchange: HttpExchange, session: Session): Promise<void>;
  /** Lets go of what is remembered of a session that has ended. */
  abstract release(session: Pick<Session, 'id'>): readonly Session[];
  /** Takes the session out of the browser. */
  abstract clear(exchange: HttpExchange): void;

  /** As `read`, also when the request has been answered already. */
  recall(exchange: HttpExchange): Promise<Session | undefined> {
    return this.read(exchange);
  }

  /** Where the session of a request is kept, for `remove`; empty when the browser alone keeps it. */
  place(_exchange: HttpExchange): string {
    return '';
  }

  /** Takes a session out of the place where it is kept. */
  async remove(_place: string): Promise<void> {
    // What the browser alone keeps is ended by its tombstone.
  }

  /** As `remove`, in favour of a session that the same browser has now: requests still in flight do not take that one out of it. */
  async supersede(place: string): Promise<void> {
    await this.remove(place);
  }
}
