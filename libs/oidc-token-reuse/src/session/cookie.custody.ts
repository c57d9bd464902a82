/** Custody `cookie`: the browser keeps the sealed token set, and the server nothing. */
import type { Clock } from '../clock.js';
import type { OidcOptions } from '../config/options.js';
import { OidcException } from '../errors/oidc.exception.js';
import type { CookieWriter } from '../http/cookie-writer.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { chunkCount, chunkName, heldChunks, readChunks, toChunks } from './cookie-chunks.js';
import { Custody } from './custody.js';
import type { OpenedSessions } from './opened-sessions.js';
import type { Sealer } from './sealer.js';
import { decodeSession, encodeSession } from './session-codec.js';
import { sessionExpiresAt, type Session } from './session.js';

const COOKIE = 'oidc.session';
/** Characters of all session cookies at login: common proxies refuse a header line over 8 KB, and an attempt to sign in takes 600 of them. */
const BUDGET = 7400;
/** The same for a renewed session, whose tokens have rotated already: as far as Node goes, which refuses 16 KB of headers. */
const RENEWED_BUDGET = 12_000;
/** Member of the protected header: the count of cookies is authenticated with the value. */
const COUNT = 'n';
/** The authentication tag at the end of a sealed session names it: nobody else's can end like that (RFC 7518 section 5.3). */
const TAG_LENGTH = 22;

function nameOf(sealed: string): string {
  return sealed.slice(-TAG_LENGTH);
}

/** What sessions are sealed for: they open for the provider and the client they were made with, and nobody else gets their refresh token. */
export function purposeOf({ issuer, clientId }: Pick<OidcOptions, 'issuer' | 'clientId'>): string {
  return JSON.stringify(['session', issuer, clientId]);
}

export interface CookieCustodyDependencies {
  readonly options: OidcOptions;
  readonly sealer: Sealer;
  readonly opened: OpenedSessions;
  readonly cookies: CookieWriter;
  readonly clock: Clock;
}

export class CookieCustody extends Custody {
  constructor(private readonly dependencies: CookieCustodyDependencies) {
    super();
  }

  known(exchange: HttpExchange): Session | undefined {
    const sealed = readChunks(exchange.cookies, this.name).join('');
    return this.dependencies.opened.find(nameOf(sealed), sealed);
  }

  async read(exchange: HttpExchange): Promise<Session | undefined> {
    const { sealer, opened } = this.dependencies;
    const chunks = readChunks(exchange.cookies, this.name);
    const [first] = chunks;
    if (first === undefined) return this.discard(exchange);
    const sealed = chunks.join('');
    const known = opened.find(nameOf(sealed), sealed);
    if (known !== undefined) return known;
    const header = sealer.peek(first);
    // Sealed with a secret that is not known here: another instance may know it.
    if (header === undefined) return undefined;
    // The count says where to stop: what lies beyond is left over from a larger session, and cleared when this one is written.
    const plain = await sealer.open(chunks.slice(0, header[COUNT]).join(''));
    if (plain === undefined) return this.discard(exchange);
    const session = decodeSession(plain.plaintext);
    return session === undefined ? undefined : opened.keep(nameOf(sealed), sealed, session);
  }

  isPresent(exchange: HttpExchange): boolean {
    return heldChunks(exchange.cookies, this.name).length > 0;
  }

  async write(exchange: HttpExchange, session: Session): Promise<void> {
    const chunks = toChunks(await this.seal(session));
    const maxAge = Math.max(0, sessionExpiresAt(session, this.dependencies.options) - this.dependencies.clock.now());
    this.assertFits(chunks, session);
    exchange.neverStore();
    chunks.forEach((value, index) => {
      this.dependencies.cookies.set(exchange, chunkName(this.name, index), { value, maxAge });
    });
    this.clearFrom(exchange, chunks.length);
  }

  release(session: Pick<Session, 'id'>): readonly Session[] {
    return this.dependencies.opened.forget(session);
  }

  clear(exchange: HttpExchange): void {
    exchange.neverStore();
    this.clearFrom(exchange, 0);
  }

  private get name(): string {
    return this.dependencies.cookies.nameOf(COOKIE);
  }

  /**
   * Takes out of the browser what cannot be put together or opened. A cookie that came twice stays: one of the two is somebody else's, and would
   * be left alone there.
   */
  private discard(exchange: HttpExchange): undefined {
    const { cookies } = exchange;
    const held = heldChunks(cookies, this.name);
    if (held.length > 0 && !held.some((index) => cookies.isRepeated(chunkName(this.name, index)))) this.clear(exchange);
  }

  /** Clears what the browser holds, and the indices next to it that a response on its way may just have written. */
  private clearFrom(exchange: HttpExchange, from: number): void {
    const held = heldChunks(exchange.cookies, this.name).filter((index) => index >= from);
    for (const index of new Set([from, from + 1, ...held])) {
      this.dependencies.cookies.clear(exchange, chunkName(this.name, index));
    }
  }

  private async seal(session: Session): Promise<string> {
    const plaintext = encodeSession(session);
    const { sealer } = this.dependencies;
    const draft = await sealer.seal(plaintext, { [COUNT]: 1 });
    const count = chunkCount(draft.length);
    return count === 1 ? draft : sealer.seal(plaintext, { [COUNT]: count });
  }

  private assertFits(chunks: readonly string[], { generation }: Session): void {
    const limit = generation === 0 ? BUDGET : RENEWED_BUDGET;
    const length = chunks.reduce((sum, chunk) => sum + chunk.length + this.name.length + 5, 0);
    if (length <= limit) return;
    throw new OidcException('session_too_large', 502, {
      description: `the tokens take ${String(length)} bytes of cookies, of at most ${String(limit)}; ask the provider for fewer claims (groups), or set OPENID_CUSTODY=store`,
    });
  }
}
