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
/** Seconds before its end at which a token is no longer handed out. */
const MARGIN = 30;
const PURPOSE = 'on-behalf-of';

/** Where an entry belongs: its key, and the digest of the assertion by which it is forgotten. */
export interface CachePlace {
  readonly key: string;
  readonly assertion: string;
  readonly assertionDigest: string;
}

export class DownstreamTokenCache {
  private readonly tokens = new LRUCache<string, DownstreamToken>({ max: MAX_TOKENS });
  /** Keys of the entries made from one assertion. */
  private readonly keys = new LRUCache<string, Set<string>>({ max: MAX_TOKENS });

  constructor(
    private readonly shared: SharedCache,
    private readonly clock: Clock,
  ) {}

  async get(place: CachePlace): Promise<DownstreamToken | undefined> {
    const near = this.tokens.get(place.key);
    if (near !== undefined) return this.isFresh(near) ? near : undefined;
    const far = await this.recall(place);
    if (far === undefined || !this.isFresh(far)) return undefined;
    this.remember(place, far);
    return far;
  }

  async set(place: CachePlace, token: DownstreamToken): Promise<void> {
    const ttl = token.expiresAt - this.clock.now() - MARGIN;
    if (ttl <= 0) return;
    this.remember(place, token);
    const plaintext = Buffer.from(
      JSON.stringify({ k: place.key, t: token.accessToken.reveal(), e: token.expiresAt, s: token.scope }),
    );
    await this.shared.set(place.key, { value: await sealerOf(place).seal(plaintext), ttl });
  }

  /** Forgets every token made from an assertion, as far as this process knows them; others end with their own lifetime. */
  async forget(assertionDigest: string): Promise<void> {
    const keys = [...(this.keys.get(assertionDigest) ?? [])];
    this.keys.delete(assertionDigest);
    for (const key of keys) this.tokens.delete(key);
    await Promise.all(keys.map((key) => this.shared.delete(key)));
  }

  private remember({ key, assertionDigest }: CachePlace, token: DownstreamToken): void {
    this.tokens.set(key, token);
    this.keys.set(assertionDigest, (this.keys.get(assertionDigest) ?? new Set()).add(key));
  }

  private isFresh({ expiresAt }: DownstreamToken): boolean {
    return this.clock.now() < expiresAt - MARGIN;
  }

  private async recall(place: CachePlace): Promise<DownstreamToken | undefined> {
    const sealed = await this.shared.get(place.key);
    const opened = sealed === undefined ? undefined : await sealerOf(place).open(sealed);
    return opened === undefined ? undefined : parse(opened.plaintext, place.key);
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
