/** Custody `cookie`: the browser keeps the sealed token set, and the server nothing. */
import type { Clock } from '../clock.js';
import type { OidcOptions } from '../config/options.js';
import { OidcException } from '../errors/oidc.exception.js';
import type { CookieWriter } from '../http/cookie-writer.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { chunkCount, chunkName, heldChunks, MAX_CHUNKS, readChunks, toChunks } from './cookie-chunks.js';
import { Custody } from './custody.js';
import type { Sealer } from './sealer.js';
import { decodeSession, encodeSession } from './session-codec.js';
import { sessionExpiresAt, type Session } from './session.js';

const COOKIE = 'oidc.session';
/** Characters all session cookies may have together: common proxies refuse a header line over 8 KB. */
const BUDGET = 7800;
/** Members of the protected header: the count of cookies is authenticated with the value. */
const COUNT = 'n';

export interface CookieCustodyDependencies {
  readonly options: OidcOptions;
  readonly sealer: Sealer;
  readonly cookies: CookieWriter;
  readonly clock: Clock;
}

export class CookieCustody extends Custody {
  constructor(private readonly dependencies: CookieCustodyDependencies) {
    super();
  }

  async read(exchange: HttpExchange): Promise<Session | undefined> {
    const chunks = readChunks(exchange.cookies, this.name);
    if (chunks.length > 0) exchange.neverStore();
    // The count says where to stop: what lies beyond is left over from a larger session.
    const sealed = chunks.slice(0, countOf(chunks)).join('');
    const opened = sealed === '' ? undefined : await this.dependencies.sealer.open(sealed);
    const session = opened?.header[COUNT] === chunkCount(sealed.length) ? decodeSession(opened.plaintext) : undefined;
    // What another instance sealed with a secret not known here yet is left alone.
    if (session === undefined && this.dependencies.sealer.claims(sealed)) this.clear(exchange);
    return session;
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

  clear(exchange: HttpExchange): void {
    exchange.neverStore();
    this.clearFrom(exchange, 0);
  }

  private get name(): string {
    return this.dependencies.cookies.nameOf(COOKIE);
  }

  /** Clears what the browser holds, and the indices next to it that a response on its way may just have written. */
  private clearFrom(exchange: HttpExchange, from: number): void {
    const held = heldChunks(exchange.cookies, this.name);
    const last = Math.max(MAX_CHUNKS - 1, ...held.slice(0, 2 * MAX_CHUNKS));
    for (let index = from; index <= last; index += 1) {
      if (index < from + 2 || held.includes(index))
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

  /** A login that does not fit is refused with the remedy; a renewed session is carried as far as browsers carry it, since its tokens have rotated. */
  private assertFits(chunks: readonly string[], { generation }: Session): void {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length + this.name.length + 5, 0);
    if (chunks.length <= MAX_CHUNKS && (generation > 0 || length <= BUDGET)) return;
    throw new OidcException('session_too_large', 502, {
      description: `the tokens take ${String(length)} bytes of cookies, of at most ${String(BUDGET)}; ask the provider for fewer claims (groups)`,
    });
  }
}

/** The count that the first chunk claims, believed only after the whole has opened. */
function countOf([first = '']: readonly string[]): number {
  const header = Buffer.from(first.slice(0, first.indexOf('.')), 'base64url').toString('latin1');
  return Number(/"n":(\d)[,}]/.exec(header)?.[1] ?? 0);
}
