/** Signing keys that are simply there: fetched once for many, ahead of expiry, kept through an outage, never flooded. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import { reasonOf } from '../observability/reason.js';
import { backoff } from './backoff.js';
import { parseJwkSet, type JwkSet, type SigningAlgorithm, type SigningKey } from './jwk-set.js';
import type { ProviderFetch } from './provider-fetch.js';
import type { SharedCache } from './shared-cache.js';

/** Share of the cache time after which keys are fetched behind the request that uses them. */
const REFRESH_AHEAD = 0.8;
/** Seconds for which the last good keys are used while new ones cannot be had. */
const MAX_STALE_SECONDS = 86_400;
/** Milliseconds a request waits for expired keys to be renewed before it goes on with the last good ones. */
const PATIENCE_MS = 1000;
/** Milliseconds in which unknown `kid`s of presented tokens cause one fetch at most. */
const UNKNOWN_KID_WINDOW_MS = 30_000;
/** Milliseconds for which a `kid` that was looked for in vain causes no further fetch. */
const UNKNOWN_KID_MEMORY_MS = 300_000;
const MAX_UNKNOWN_KIDS = 1000;
const CACHE_KEY = 'jwks';

export interface JwkSetSourceOptions {
  readonly jwksUri: () => Promise<string>;
  /** Milliseconds; 0 turns caching off: each verification fetches, those at the same time together. */
  readonly cacheTime: number;
  readonly timeout: number;
  readonly clock: Clock;
  readonly fetch: ProviderFetch;
  readonly cache: SharedCache;
  readonly onStale: (reason: string) => void;
}

interface Held {
  readonly set: JwkSet;
  /** Monotonic milliseconds of the fetch. */
  readonly at: number;
}

/** One per provider. */
export class JwkSetSource {
  private held: Held | undefined;
  private loading: Promise<JwkSet> | undefined;
  private failures = 0;
  private notBefore = 0;
  private unknownKidsFrom = 0;
  private readonly unknownKids = new LRUCache<string, true>({ max: MAX_UNKNOWN_KIDS, ttl: UNKNOWN_KID_MEMORY_MS });

  constructor(private readonly options: JwkSetSourceOptions) {}

  /** True when the key is in the set that is known now: what it verified earlier still stands. */
  holds(key: SigningKey): boolean {
    return this.held?.set.has(key) === true;
  }

  /** Seconds since the keys were fetched, if they were. */
  get age(): number | undefined {
    return this.held === undefined ? undefined : Math.round((this.options.clock.monotonic() - this.held.at) / 1000);
  }

  /**
   * Keys that may have signed a presented token.
   * An unknown `kid` fetches the set again at most once in 30 s, whatever is presented; requests with known keys never wait for that.
   *
   * @throws ProviderUnavailableException when there are no keys at all
   */
  async candidates(algorithm: SigningAlgorithm, kid: string | undefined): Promise<readonly SigningKey[]> {
    const keys = (await this.current()).candidates(algorithm, kid);
    if (keys.length > 0 || kid === undefined || this.options.cacheTime === 0) return keys;
    return (await this.afterUnknownKid(kid))?.candidates(algorithm, kid) ?? [];
  }

  /** Keys that may have signed an ID Token of our own token request: an unknown `kid` always fetches, once for all who wait. */
  async candidatesForOwn(algorithm: SigningAlgorithm, kid: string | undefined): Promise<readonly SigningKey[]> {
    const keys = (await this.current()).candidates(algorithm, kid);
    return keys.length > 0 ? keys : (await this.load()).candidates(algorithm, kid);
  }

  private async current(): Promise<JwkSet> {
    const { held } = this;
    if (held === undefined) return this.load();
    const age = this.options.clock.monotonic() - held.at;
    if (age < this.options.cacheTime * REFRESH_AHEAD) return held.set;
    if (age < this.options.cacheTime) this.refreshBehind();
    else return this.renewed(held, age);
    return held.set;
  }

  /** New keys if they come soon, else the last good ones for as long as that is allowed. */
  private async renewed(held: Held, age: number): Promise<JwkSet> {
    const stale = age <= MAX_STALE_SECONDS * 1000 && this.options.cacheTime > 0;
    if (!stale) return this.load();
    if (this.options.clock.monotonic() < this.notBefore) return held.set;
    return withPatience(this.load(), held.set);
  }

  private async afterUnknownKid(kid: string): Promise<JwkSet | undefined> {
    const now = this.options.clock.monotonic();
    if (now < this.unknownKidsFrom || this.unknownKids.has(kid)) return undefined;
    this.unknownKidsFrom = now + UNKNOWN_KID_WINDOW_MS;
    try {
      const set = await this.load();
      if (!set.keys.some((key) => key.kid === kid)) this.unknownKids.set(kid, true);
      return set;
    } catch {
      // Good keys are held, so a failed look for an unknown one is the token's problem.
      return undefined;
    }
  }

  private refreshBehind(): void {
    if (this.options.clock.monotonic() < this.notBefore) return;
    this.load().catch(() => {
      // Counted and reported where it failed; the keys held are still good.
    });
  }

  private load(): Promise<JwkSet> {
    this.loading ??= this.fetchOrRecall().finally(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  private async fetchOrRecall(): Promise<JwkSet> {
    try {
      const set = await this.fetchSet();
      this.failures = 0;
      this.notBefore = 0;
      this.held = { set, at: this.options.clock.monotonic() };
      return set;
    } catch (error) {
      this.failures += 1;
      this.notBefore = this.options.clock.monotonic() + backoff(this.failures);
      this.options.onStale(reasonOf(error));
      this.held ??= await this.recall();
      if (this.held === undefined || !this.isUsable(this.held)) throw asUnavailable(error);
      return this.held.set;
    }
  }

  private isUsable(held: Held): boolean {
    return this.options.clock.monotonic() - held.at <= MAX_STALE_SECONDS * 1000;
  }

  private async fetchSet(): Promise<JwkSet> {
    const { jwksUri, timeout, fetch, cache, clock } = this.options;
    const response = await fetch.send(await jwksUri(), {
      method: 'GET',
      headers: { accept: 'application/jwk-set+json, application/json' },
      timeout,
    });
    assertJson(response);
    const text = await response.text();
    const set = await parseJwkSet(text, this.held?.set);
    await cache.set(CACHE_KEY, { value: JSON.stringify({ at: clock.now(), text }), ttl: MAX_STALE_SECONDS });
    return set;
  }

  /** The last good set of this or another instance, with its true age. */
  private async recall(): Promise<Held | undefined> {
    const { cache, clock } = this.options;
    try {
      const { at, text } = JSON.parse((await cache.get(CACHE_KEY)) ?? '') as {
        readonly at: unknown;
        readonly text: unknown;
      }; // checked below
      if (typeof at !== 'number' || typeof text !== 'string') return undefined;
      return { set: await parseJwkSet(text), at: clock.monotonic() - Math.max(0, clock.now() - at) * 1000 };
    } catch {
      // Absent, or written by another version: as good as absent.
      return undefined;
    }
  }
}

function assertJson(response: Response): void {
  const type = response.headers.get('content-type') ?? '';
  if (response.status === 200 && /^application\/(jwk-set\+)?json\b/i.test(type)) return;
  throw new ProviderUnavailableException('the JWK Set was answered with something else');
}

function asUnavailable(error: unknown): ProviderUnavailableException {
  if (error instanceof ProviderUnavailableException) return error;
  return new ProviderUnavailableException('the signing keys of the OpenID Provider cannot be had', { cause: error });
}

async function withPatience(loading: Promise<JwkSet>, fallback: JwkSet): Promise<JwkSet> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<JwkSet>((resolve) => {
    timer = setTimeout(() => {
      resolve(fallback);
    }, PATIENCE_MS);
  });
  const set = await Promise.race([loading.catch(() => fallback), patience]);
  clearTimeout(timer);
  return set;
}
