/** Remembers what was signed out, so that neither a request still in flight nor a login that was faster brings it back. */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { OidcOptions } from '../config/options.js';
import type { Coordinator } from '../coordination/coordinator.js';
import type { Session } from './session.js';

/** A session at the provider, by the issuer's own name for it. */
export interface ProviderSession {
  readonly issuer: string;
  readonly providerSessionId: string;
}

export class Tombstones {
  constructor(
    private readonly coordinator: Coordinator,
    private readonly options: Pick<OidcOptions, 'sessionAbsoluteLifetime'>,
    private readonly clock: Clock,
  ) {}

  /** Marks a session as signed out for as long as its cookies could live. */
  async mark({ id }: Pick<Session, 'id'>): Promise<void> {
    await this.put('tombstone', id);
  }

  /** Marks all sessions here that belong to one session at the provider: the provider itself said so. */
  async markProviderSession(session: ProviderSession): Promise<void> {
    await this.put('tombstone', providerSessionKey(session));
  }

  /** The same on the word of a browser: in a space of its own, which never takes the place of the other. */
  async markProviderSessionUnverified(session: ProviderSession): Promise<void> {
    await this.put('unverified-tombstone', providerSessionKey(session));
  }

  /** Marks all sessions of a subject whose login began before now, to the millisecond. */
  async markSubject(owner: { readonly issuer: string; readonly subject: string }): Promise<void> {
    await this.put('tombstone', subjectKey(owner));
  }

  /** True when the session was signed out by itself, with its session at the provider, or with all of its subject. */
  async has(session: Session): Promise<boolean> {
    const { issuer, providerSessionId } = session;
    const ended = await Promise.all([
      this.coordinator.get('tombstone', session.id),
      providerSessionId === undefined ? undefined : this.ofProviderSession({ issuer, providerSessionId }),
    ]);
    if (ended.some((mark) => mark !== undefined)) return true;
    const subjectEnded = await this.coordinator.get('tombstone', subjectKey(session));
    return subjectEnded !== undefined && session.startedAt <= Number(subjectEnded);
  }

  /** True when a bearer token that names a session at the provider belongs to one that has ended. */
  async hasProviderSession(session: ProviderSession): Promise<boolean> {
    return (await this.ofProviderSession(session)) !== undefined;
  }

  private async ofProviderSession(session: ProviderSession): Promise<string | undefined> {
    const key = providerSessionKey(session);
    const marks = await Promise.all([
      this.coordinator.get('tombstone', key),
      this.coordinator.get('unverified-tombstone', key),
    ]);
    return marks.find((mark) => mark !== undefined);
  }

  private async put(space: 'tombstone' | 'unverified-tombstone', key: string): Promise<void> {
    await this.coordinator.put(space, key, {
      value: String(this.clock.millis()),
      ttl: this.options.sessionAbsoluteLifetime,
    });
  }
}

function providerSessionKey({ issuer, providerSessionId }: ProviderSession): string {
  return digest(['sid', issuer, providerSessionId]);
}

function subjectKey({ issuer, subject }: { readonly issuer: string; readonly subject: string }): string {
  return digest(['sub', issuer, subject]);
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

/** A name for a session that events may carry: the same for all its events, and useless as a key. */
export function sessionDigest({ id }: Session): string {
  return createHash('sha256').update(`session:${id}`).digest('base64url').slice(0, 12);
}
