/** Keeps exchanged tokens: in this process in front, sealed in the shared cache behind, and useless without the assertion they were made from. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';
import { Secret } from '../observability/secret.js';
import { isJsonObject } from '../provider/json.js';
import type { SharedCache } from '../provider/shared-cache.js';
import { Sealer } from '../session/sealer.js';

/**
 * A token for a downstream API.
 *
 * @publicApi
 */
export interface DownstreamToken {
  readonly accessToken: Secret;
  /** Epoch seconds. */
  readonly expiresAt: number;
  /** Granted scope, space separated; what was asked for when the provider does not say. */
  readonly scope: string;
}

const MAX_TOKENS = 10_000;
const MAX_CHARACTERS = 32_000_000;
/** Seconds before its end at which a token is no longer handed out. */
const MARGIN = 30;
const PURPOSE = 'on-behalf-of';

/** Where an entry belongs. */
export interface CachePlace {
  readonly key: string;
  /** What the token was exchanged for, and the key that opens the entry. */
  readonly assertion: string;
  /** Epoch seconds at which the assertion expires: nobody asks for the entry after that. */
  readonly until: number;
  /** The end-user by whom entries are forgotten. */
  readonly owner: string;
}

interface Held {
  readonly token: DownstreamToken;
  readonly owner: string;
}

export class DownstreamTokenCache {
  private readonly tokens: LRUCache<string, Held>;
  /** Keys of each owner's entries in `tokens`, kept in step with them. */
  private readonly keys = new Map<string, Set<string>>();

  constructor(
    private readonly shared: SharedCache,
    private readonly clock: Clock,
  ) {
    this.tokens = new LRUCache<string, Held>({
      max: MAX_TOKENS,
      maxSize: MAX_CHARACTERS,
      sizeCalculation: ({ token }) => token.accessToken.reveal().length + 1,
      dispose: ({ owner }, key) => {
        this.unlink(owner, key);
      },
    });
  }

  /** A fresh token that this process holds. */
  near({ key }: CachePlace): DownstreamToken | undefined {
    const token = this.tokens.get(key)?.token;
    return token !== undefined && this.isFresh(token) ? token : undefined;
  }

  /** A fresh token that this or another process has put into the shared cache. */
  async far(place: CachePlace): Promise<DownstreamToken | undefined> {
    const sealed = await this.shared.get(place.key);
    const opened = sealed === undefined ? undefined : await sealerOf(place).open(sealed);
    const token = opened === undefined ? undefined : parse(opened.plaintext, place.key);
    if (token === undefined || !this.isFresh(token)) return undefined;
    this.hold(place, token);
    return token;
  }

  /** Keeps a token until shortly before its end, and no longer than its assertion lives. */
  async set(place: CachePlace, token: DownstreamToken): Promise<void> {
    const ttl = Math.min(token.expiresAt - MARGIN, place.until) - this.clock.now();
    if (ttl <= 0) return;
    this.hold(place, token);
    if (!this.shared.exists) return;
    const { accessToken, expiresAt, scope } = token;
    const plaintext = Buffer.from(JSON.stringify({ k: place.key, t: accessToken.reveal(), e: expiresAt, s: scope }));
    await this.shared.set(place.key, { value: await sealerOf(place).seal(plaintext), ttl });
  }

  /** Forgets every token of an end-user that this process knows of, here and in the shared cache. */
  async forget(owner: string): Promise<void> {
    const keys = [...(this.keys.get(owner) ?? [])];
    for (const key of keys) this.tokens.delete(key);
    await Promise.all(keys.map((key) => this.shared.delete(key)));
  }

  private hold({ key, owner }: CachePlace, token: DownstreamToken): void {
    this.tokens.set(key, { token, owner });
    // A token larger than the whole cache is not held.
    if (this.tokens.has(key)) this.keys.set(owner, (this.keys.get(owner) ?? new Set()).add(key));
  }

  private unlink(owner: string, key: string): void {
    const keys = this.keys.get(owner);
    keys?.delete(key);
    if (keys?.size === 0) this.keys.delete(owner);
  }

  private isFresh({ expiresAt }: DownstreamToken): boolean {
    return this.clock.now() < expiresAt - MARGIN;
  }
}

function sealerOf({ assertion }: CachePlace): Sealer {
  return new Sealer([assertion], PURPOSE);
}

/** The key is sealed with the token: an entry moved to another place does not count. */
function parse(plaintext: Uint8Array, key: string): DownstreamToken | undefined {
  const value: unknown = JSON.parse(Buffer.from(plaintext).toString('utf8'));
  if (!isJsonObject(value) || value['k'] !== key) return undefined;
  const { t: token, e: expiresAt, s: scope } = value;
  if (typeof token !== 'string' || typeof expiresAt !== 'number' || typeof scope !== 'string') return undefined;
  return { accessToken: new Secret(token), expiresAt, scope };
}
