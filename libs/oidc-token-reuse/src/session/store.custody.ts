/** Custody `store`: the browser keeps one random key that never changes, and the shared store what only that key opens. */
import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { OidcOptions } from '../config/options.js';
import type { Coordinator } from '../coordination/coordinator.js';
import { LoginRequiredException } from '../errors/exceptions.js';
import type { CookieWriter } from '../http/cookie-writer.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { Custody } from './custody.js';
import type { OpenedSessions } from './opened-sessions.js';
import { Sealer } from './sealer.js';
import { decodeSession, encodeSession } from './session-codec.js';
import { sessionExpiresAt, type Session } from './session.js';

const COOKIE = 'oidc.session-key';
const KEY_BYTES = 32;
const KEY = /^[\w-]{43}$/;
const PURPOSE = 'session-store';
/** Stands where a session was that a new login replaced, for as long as a request with its key may be in flight; no token set takes its place. */
const SUPERSEDED = { value: 'superseded', ttl: 600, version: Number.MAX_SAFE_INTEGER };

export interface StoreCustodyDependencies {
  readonly options: OidcOptions;
  readonly coordinator: Coordinator;
  readonly opened: OpenedSessions;
  readonly cookies: CookieWriter;
  readonly clock: Clock;
}

/**
 * A record is sealed with a key derived from the cookie and named by a digest of it: who has the store has nothing without the cookies, and a record
 * moved to another place does not open there.
 */
export class StoreCustody extends Custody {
  /** Keys of sessions that began in a request under way: their cookie is on the response, not on the request. */
  private readonly begun = new WeakMap<HttpExchange, string>();

  constructor(private readonly dependencies: StoreCustodyDependencies) {
    super();
  }

  known(exchange: HttpExchange): Session | undefined {
    const key = this.keyOf(exchange);
    if (key === undefined) return undefined;
    const { coordinator, opened } = this.dependencies;
    const place = placeOf(key);
    const sealed = coordinator.atOnce('session', place)?.value;
    return sealed === undefined ? undefined : opened.find(place, sealed);
  }

  async read(exchange: HttpExchange): Promise<Session | undefined> {
    const key = this.keyOf(exchange);
    if (key === undefined) return undefined;
    exchange.neverStore();
    const session = await this.open(key);
    if (session === undefined && !(await this.isSuperseded(key))) this.clear(exchange);
    return session;
  }

  override recall(exchange: HttpExchange): Promise<Session | undefined> {
    const key = this.keyOf(exchange);
    return key === undefined ? Promise.resolve(undefined) : this.open(key);
  }

  isPresent(exchange: HttpExchange): boolean {
    return exchange.cookies.get(this.name) !== undefined;
  }

  async write(exchange: HttpExchange, session: Session): Promise<void> {
    exchange.neverStore();
    if (session.generation > 0) {
      await this.replace(this.keyOf(exchange), session);
      return;
    }
    const key = randomBytes(KEY_BYTES).toString('base64url');
    await this.dependencies.coordinator.put('session', placeOf(key), { ...(await this.recordOf(key, session)) });
    this.begun.set(exchange, key);
    // For as long as any session may last: how long this one does is decided where it is kept.
    this.dependencies.cookies.set(exchange, this.name, {
      value: key,
      maxAge: this.dependencies.options.sessionAbsoluteLifetime,
    });
  }

  release(session: Pick<Session, 'id'>): readonly Session[] {
    return this.dependencies.opened.forget(session);
  }

  clear(exchange: HttpExchange): void {
    exchange.neverStore();
    this.dependencies.cookies.clear(exchange, this.name);
  }

  override place(exchange: HttpExchange): string {
    const key = this.keyOf(exchange);
    return key === undefined ? '' : placeOf(key);
  }

  override async remove(place: string): Promise<void> {
    await this.dependencies.coordinator.delete('session', place);
  }

  override async supersede(place: string): Promise<void> {
    await this.dependencies.coordinator.put('session', place, SUPERSEDED);
  }

  private get name(): string {
    return this.dependencies.cookies.nameOf(COOKIE);
  }

  private keyOf(exchange: HttpExchange): string | undefined {
    const key = this.begun.get(exchange) ?? exchange.cookies.get(this.name);
    return key !== undefined && KEY.test(key) ? key : undefined;
  }

  /** The name of the place is a digest of the key: nobody else finds what was opened with it. */
  private async open(key: string): Promise<Session | undefined> {
    const { coordinator, opened } = this.dependencies;
    const place = placeOf(key);
    const sealed = await coordinator.get('session', place);
    if (sealed === undefined) return undefined;
    const known = opened.find(place, sealed);
    if (known !== undefined) return known;
    const plain = await sealerOf(key).open(sealed);
    const session = plain === undefined ? undefined : decodeSession(plain.plaintext);
    return session === undefined ? undefined : opened.keep(place, sealed, session);
  }

  private async isSuperseded(key: string): Promise<boolean> {
    return (await this.dependencies.coordinator.get('session', placeOf(key))) === SUPERSEDED.value;
  }

  /** Never brings back what was deleted, and never puts an older token set in place of a newer one. */
  private async replace(key: string | undefined, session: Session): Promise<void> {
    if (key === undefined) throw ended();
    const record = { ...(await this.recordOf(key, session)), version: session.generation };
    if (await this.dependencies.coordinator.replace('session', placeOf(key), record)) return;
    if ((await this.open(key)) === undefined) throw ended();
  }

  private async recordOf(key: string, session: Session): Promise<{ readonly value: string; readonly ttl: number }> {
    const { options, clock } = this.dependencies;
    const ttl = Math.max(sessionExpiresAt(session, options), session.tokens.expiresAt) - clock.now();
    return { value: await sealerOf(key).seal(encodeSession(session)), ttl: Math.max(1, ttl) };
  }
}

function sealerOf(key: string): Sealer {
  return new Sealer([key], PURPOSE);
}

/** Where a record is kept: says nothing about the key. */
function placeOf(key: string): string {
  return hash('sha256', `place:${key}`, 'base64url');
}

function ended(): LoginRequiredException {
  return new LoginRequiredException('session_missing', 'the session is no longer there; sign in again');
}
