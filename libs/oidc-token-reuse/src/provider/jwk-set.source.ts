/** Signing keys that are simply there: fetched once for many, ahead of expiry, kept through an outage, never flooded. */
import type { Clock } from '../clock.js';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import { Backoff } from './backoff.js';
import { jwkSetTextOf } from './json-answer.js';
import { parseJwkSet, type JwkSet, type SigningAlgorithm, type SigningKey } from './jwk-set.js';
import { MAX_STALE_SECONDS, type LastGood } from './last-good.js';
import type { ProviderFetch } from './provider-fetch.js';
import { SingleFlight } from './single-flight.js';
import { UnknownKids } from './unknown-kids.js';

/** Share of the cache time after which keys are fetched behind the request that uses them. */
const REFRESH_AHEAD = 0.8;
/** Milliseconds a request waits for expired keys to be renewed before it goes on with the last good ones. */
const PATIENCE_MS = 1000;
/** Milliseconds in which unknown `kid`s of presented tokens cause one fetch at most. */
const UNKNOWN_KID_WINDOW_MS = 30_000;
/** The same for tokens of sessions, of which nobody else chose the `kid`: a provider that publishes none of them is not asked without a pause. */
const SESSION_KID_WINDOW_MS = 1000;

export interface JwkSetSourceOptions {
  /** Throws ProviderUnavailableException while the provider is not known. */
  readonly jwksUri: () => Promise<string>;
  /** Milliseconds; 0 turns caching off: each verification fetches, those at the same time together, and nothing is kept for an outage. */
  readonly cacheTime: number;
  readonly timeout: number;
  readonly clock: Clock;
  readonly fetch: ProviderFetch;
  readonly lastGood: LastGood;
  /** Told of the first failure in a row. */
  readonly onFailing: (error: Error) => void;
}

interface Held {
  readonly set: JwkSet;
  /** Monotonic milliseconds at which the provider gave it. */
  readonly at: number;
}

/** One per provider. */
export class JwkSetSource {
  private held: Held | undefined;
  private readonly ofPresented: UnknownKids;
  /** What they say of a `kid` does not count here: it may be one that somebody has guessed. */
  private readonly ofSessions: UnknownKids;
  private readonly closing = new AbortController();
  private readonly backoff: Backoff;
  private readonly fetching = new SingleFlight(() => this.fetchAndHold());
  private readonly recalling = new SingleFlight(() => this.recall());

  constructor(private readonly options: JwkSetSourceOptions) {
    const { clock } = options;
    this.backoff = new Backoff(clock);
    this.ofPresented = new UnknownKids(clock, UNKNOWN_KID_WINDOW_MS);
    this.ofSessions = new UnknownKids(clock, SESSION_KID_WINDOW_MS);
  }

  /** Seconds since the keys were fetched, if they were. */
  get age(): number | undefined {
    return this.held === undefined ? undefined : Math.round(this.ageOf(this.held) / 1000);
  }

  /** The last attempt to fetch them failed. */
  get isFailing(): boolean {
    return this.backoff.isFailing;
  }

  /**
   * The keys as far as nothing has to be waited for; undefined where `candidates` would wait. Keys that have grown old are renewed as for any other
   * token, so that a withdrawal is noticed also when no other token comes.
   */
  atOnce(): JwkSet | undefined {
    const { held, options } = this;
    if (held === undefined || !this.isCaching) return undefined;
    const age = this.ageOf(held);
    if (age < options.cacheTime * REFRESH_AHEAD) return held.set;
    if (this.isTooOld(held)) return undefined;
    // While the provider fails nobody waits for it.
    if (age >= options.cacheTime && !this.backoff.isFailing) return undefined;
    this.fetchBehind();
    return held.set;
  }

  /**
   * Keys that may have signed a presented token.
   * An unknown `kid` fetches the set again at most once in 30 s, whatever is presented; requests with known keys never wait for that.
   *
   * @throws ProviderUnavailableException when there are no keys, or not those that would tell whether an unknown `kid` is a new key
   */
  candidates(
    algorithm: SigningAlgorithm,
    kid: string | undefined,
  ): readonly SigningKey[] | Promise<readonly SigningKey[]> {
    return this.find(algorithm, kid, this.ofPresented);
  }

  /**
   * As `candidates`, for a token that a session of ours holds: it came from the provider, whichever process asked, so each unknown `kid` fetches the set
   * once in a minute, and all of them once in a second, whatever others present.
   */
  candidatesForSession(
    algorithm: SigningAlgorithm,
    kid: string | undefined,
  ): readonly SigningKey[] | Promise<readonly SigningKey[]> {
    return this.find(algorithm, kid, this.ofSessions);
  }

  private find(
    algorithm: SigningAlgorithm,
    kid: string | undefined,
    unknown: UnknownKids,
  ): readonly SigningKey[] | Promise<readonly SigningKey[]> {
    const set = this.atOnce();
    if (set !== undefined && (set.knows(kid) || !this.mayBring(kid, unknown))) return set.candidates(algorithm, kid);
    return this.newestFor(kid, unknown).then((newest) => newest.candidates(algorithm, kid));
  }

  /** Whether there is anything to wait for that could bring an unknown key, or a failure to tell of. */
  private mayBring(kid: string | undefined, unknown: UnknownKids): boolean {
    if (kid !== undefined && unknown.has(kid)) return false;
    return this.fetching.isFlying || this.backoff.isFailing || unknown.mayLook;
  }

  /**
   * Keys that may have signed what the provider answered to our own request: what no known key fits always fetches, once for all who wait.
   *
   * @throws ProviderUnavailableException when the newest keys cannot be had
   */
  async candidatesForOwn(algorithm: SigningAlgorithm, kid: string | undefined): Promise<readonly SigningKey[]> {
    const known = (await this.current()).candidates(algorithm, kid);
    if (known.length > 0 || !this.isCaching) return known;
    // What is under way may have left before the provider published the key.
    await this.fetching.settled();
    const brought = (await this.current()).candidates(algorithm, kid);
    return brought.length > 0 ? brought : (await this.fetching.run()).candidates(algorithm, kid);
  }

  /** Ends what runs without being waited for. */
  close(): void {
    this.closing.abort();
  }

  private get isCaching(): boolean {
    return this.options.cacheTime > 0;
  }

  private ageOf({ at }: Held): number {
    return this.options.clock.monotonic() - at;
  }

  /** Where more than a day was asked for, that long. */
  private isTooOld(held: Held): boolean {
    return this.ageOf(held) > Math.max(MAX_STALE_SECONDS * 1000, this.options.cacheTime);
  }

  private async current(): Promise<JwkSet> {
    if (!this.isCaching) return this.fetching.run();
    if (this.held === undefined) await this.recalling.run();
    return this.atOnce() ?? this.awaited();
  }

  private awaited(): Promise<JwkSet> {
    const { held } = this;
    if (held === undefined || this.isTooOld(held)) return this.first();
    return withPatience(this.fetching.run(), held.set);
  }

  /** Waits for the keys; soon after a failure that is pointless. */
  private first(): Promise<JwkSet> {
    if (this.backoff.remaining === 0 || this.fetching.isFlying) return this.fetching.run();
    return Promise.reject(this.unavailable());
  }

  private fetchBehind(): void {
    if (this.backoff.remaining > 0 || this.closing.signal.aborted) return;
    this.fetching.run().catch(() => {
      // Counted and reported where it failed; the keys held are still good.
    });
  }

  /** The set held, unless it does not know the `kid` and a newer one may. */
  private async newestFor(kid: string | undefined, unknown: UnknownKids): Promise<JwkSet> {
    const set = await this.current();
    if (kid === undefined || set.knows(kid) || !this.isCaching || unknown.has(kid)) return set;
    if (this.fetching.isFlying) {
      // After a rotation many come at once: the first one's fetch serves them all.
      await this.fetching.settled();
      return this.newestFor(kid, unknown);
    }
    if (this.backoff.remaining === 0 && unknown.takeLook()) return this.fetchFor(kid, unknown);
    if (this.backoff.isFailing) throw this.unavailable();
    return set;
  }

  private async fetchFor(kid: string, unknown: UnknownKids): Promise<JwkSet> {
    const set = await this.fetching.run();
    if (!set.knows(kid)) unknown.add(kid);
    return set;
  }

  private async fetchAndHold(): Promise<JwkSet> {
    const uri = await this.options.jwksUri();
    try {
      const text = await this.fetchText(uri);
      const set = await parseJwkSet(text);
      this.held = { set, at: this.options.clock.monotonic() };
      this.backoff.succeeded();
      if (this.isCaching) void this.options.lastGood.keep('jwks', text);
      return set;
    } catch (error) {
      const isFirst = !this.backoff.isFailing;
      this.backoff.failed(error);
      const failure = this.unavailable(error);
      if (isFirst && !this.closing.signal.aborted) this.options.onFailing(failure);
      throw failure;
    }
  }

  private async fetchText(uri: string): Promise<string> {
    const { timeout, fetch } = this.options;
    const headers = { accept: 'application/jwk-set+json, application/json' };
    return jwkSetTextOf(await fetch.send(uri, { method: 'GET', headers, timeout, signal: this.closing.signal }));
  }

  /** The last good set of this or another instance, with its true age. */
  private async recall(): Promise<void> {
    const { lastGood, clock } = this.options;
    const document = await lastGood.recall('jwks');
    if (document === undefined) return;
    try {
      const set = await parseJwkSet(document.text);
      this.held ??= { set, at: clock.monotonic() - document.age * 1000 };
    } catch {
      // Kept by another version: as good as absent.
    }
  }

  private unavailable(cause?: unknown): ProviderUnavailableException {
    if (cause instanceof ProviderUnavailableException) return cause;
    return new ProviderUnavailableException('the signing keys of the OpenID Provider cannot be had', {
      cause,
      retryAfter: Math.max(1, Math.ceil(this.backoff.remaining / 1000)),
    });
  }
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
