/** Refresh token rotation: tells a replay of a spent token from a first use, and revokes or forgives. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { ReplayMode } from '../provider-options.js';
import type { RecordPayload, RecordStore } from './record-store.js';

const model = 'RefreshToken';
const now = (): number => Math.floor(Date.now() / 1000);

/** Counts replays and families revoked for them (RFC 9700, section 4.14.2). */
export class RefreshTokenFamilies {
  readonly #replaying = new WeakSet<object>();
  readonly #spent = new Set<string>();
  readonly #revoked = new Set<string>();
  mode: ReplayMode;
  replays = 0;

  constructor(
    private readonly store: RecordStore,
    mode: ReplayMode,
  ) {
    this.mode = mode;
  }

  get revokedFamilies(): number {
    return this.#revoked.size;
  }

  /** The stored token as the token endpoint shall see it: within the grace, a spent one looks unused. */
  find(id: string, ctx: KoaContextWithOIDC | undefined): RecordPayload | undefined {
    const payload = this.store.get(model, id);
    if (ctx?.oidc.route !== 'token') return payload;
    if (this.#spent.has(id) || payload?.consumed !== undefined) this.#noteReplay(ctx);
    if (!payload || !this.#isForgiven(payload)) return payload;
    return { ...payload, consumed: undefined };
  }

  /**
   * Spends a token. Returns `false`, with the family revoked, when another request spent it since it was found: the
   * engine itself would let both pass.
   */
  consume(id: string, ctx: KoaContextWithOIDC | undefined): boolean {
    const payload = this.store.get(model, id);
    const isReplay = payload?.consumed !== undefined;
    this.#spent.add(id);
    this.store.consume(model, id);
    if (!isReplay) return true;
    if (ctx) this.#noteReplay(ctx);
    if (this.#isForgiven(payload)) return true;
    this.#revoke(String(payload.grantId));
    return false;
  }

  /** Told by the engine that a grant was revoked; counts when a replay was the reason. */
  grantRevoked(ctx: KoaContextWithOIDC, grantId: string): void {
    if (this.#replaying.has(ctx)) this.#revoked.add(grantId);
  }

  #noteReplay(ctx: KoaContextWithOIDC): void {
    if (this.#replaying.has(ctx)) return;
    this.#replaying.add(ctx);
    this.replays += 1;
  }

  #isForgiven(payload: RecordPayload): boolean {
    const { consumed } = payload;
    return this.mode !== 'strict' && typeof consumed === 'number' && now() - consumed <= this.mode.lenient;
  }

  #revoke(grantId: string): void {
    this.store.delete('Grant', grantId);
    this.store.deleteByGrant(model, grantId);
    this.#revoked.add(grantId);
  }
}
