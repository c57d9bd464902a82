/** Holds the client's credential: read at first use, again when its files change, and again when the provider refuses it. */
import type { Clock } from '../clock.js';
import type { OidcOptions } from '../config/options.js';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import type { OidcEvents } from '../observability/events.js';
import { reasonOf } from '../observability/reason.js';
import { isInFiles, readCredentials, type ClientCredential } from './client-credential.js';
import { SingleFlight } from './single-flight.js';

/** Files are looked at again by a request that comes so many milliseconds later. */
const LOOK_MS = 1000;
/** Reloads that refusals cause are at least so many milliseconds apart. */
const COOLDOWN_MS = 30_000;

export interface ClientCredentialsDependencies {
  readonly options: OidcOptions;
  readonly clock: Clock;
  readonly events: OidcEvents;
}

/** A good credential is never replaced by one that cannot be read. One per provider. */
export class ClientCredentials {
  private held: readonly ClientCredential[] = [];
  private position = 0;
  private lookedAt = 0;
  private refusedAt: number | undefined;
  /** What the last failure in a row said. */
  private reported: string | undefined;
  private readonly inFiles: boolean;
  private readonly reading = new SingleFlight(() => this.read());
  private readonly replacing = new SingleFlight(() => this.replace());

  constructor(private readonly dependencies: ClientCredentialsDependencies) {
    this.inFiles = isInFiles(dependencies.options);
  }

  /**
   * The credential to use now.
   *
   * @throws ProviderUnavailableException while it could not be read yet
   */
  async current(): Promise<ClientCredential> {
    const due = this.inFiles && this.dependencies.clock.monotonic() - this.lookedAt >= LOOK_MS;
    if (this.inUse === undefined || due) await this.reading.run();
    if (this.inUse !== undefined) return this.inUse;
    throw new ProviderUnavailableException('the credential of this application cannot be read; its log says why', {
      retryAfter: 5,
    });
  }

  /**
   * What to try instead of a credential that the provider refused; undefined when there is nothing else. Whoever asks at the same time
   * gets the same answer.
   */
  async after(refused: ClientCredential): Promise<ClientCredential | undefined> {
    if (this.inUse?.digest === refused.digest) await this.replaceOnce();
    return this.inUse?.digest === refused.digest ? undefined : this.inUse;
  }

  private get inUse(): ClientCredential | undefined {
    return this.held[this.position];
  }

  private async replaceOnce(): Promise<void> {
    if (this.replacing.isFlying) return this.replacing.run();
    const now = this.dependencies.clock.monotonic();
    if (this.refusedAt !== undefined && now - this.refusedAt < COOLDOWN_MS) {
      this.moveOn();
      return;
    }
    this.refusedAt = now;
    return this.replacing.run();
  }

  /** To the next key, if there are several, and from the last one back to the first. */
  private moveOn(): void {
    this.position = (this.position + 1) % Math.max(this.held.length, 1);
  }

  private async replace(): Promise<void> {
    const refused = this.inUse;
    await this.reading.run();
    if (this.inUse?.digest !== refused?.digest) return;
    this.moveOn();
    this.emit(this.inUse === refused ? 'client.credential_refused' : 'client.credential_reloaded');
  }

  private async read(): Promise<void> {
    this.lookedAt = this.dependencies.clock.monotonic();
    try {
      this.adopt(await readCredentials(this.dependencies.options));
      this.reported = undefined;
    } catch (error) {
      this.failed(reasonOf(error));
    }
  }

  private adopt(found: readonly ClientCredential[]): void {
    const before = this.held;
    if (isSame(before, found)) return;
    this.held = found;
    this.position = 0;
    if (before.length > 0) this.emit('client.credential_reloaded');
  }

  private failed(reason: string): void {
    if (reason === this.reported) return;
    this.reported = reason;
    const { events, options } = this.dependencies;
    events.emit({ type: 'client.credential_unreadable', issuer: options.issuer, reason });
  }

  private emit(type: 'client.credential_reloaded' | 'client.credential_refused'): void {
    this.dependencies.events.emit({ type, issuer: this.dependencies.options.issuer });
  }
}

function isSame(one: readonly ClientCredential[], other: readonly ClientCredential[]): boolean {
  return one.length === other.length && one.every(({ digest }, index) => digest === other[index]?.digest);
}
