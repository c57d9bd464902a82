/** Remembers what was signed out, so that neither a request still in flight nor a login that was faster brings it back. */
import { hash } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { OidcOptions } from '../config/options.js';
import type { Coordinator, PushedSpace } from '../coordination/coordinator.js';
import type { Session } from './session.js';

/** A session at the provider, by the issuer's own name for it. */
export interface ProviderSession {
  readonly issuer: string;
  readonly providerSessionId: string;
}

/** `id` is that of the newest session. */
export type Fate = { readonly is: 'open'; readonly id: string } | { readonly is: 'signed-out' | 'taken-over' };

type Look = (space: PushedSpace, key: string) => Promise<string | undefined>;

const REPLACED = 'replaced ';
/** Logins in a row, each begun in the session of the one before, within the ten minutes that an attempt may take. */
const MAX_LINKS = 100;

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

  /** Marks a session as ended in favour of one that a new login began in the same browser, unless it was signed out before. */
  async markReplaced({ id }: Pick<Session, 'id'>, by: Session): Promise<void> {
    const value = `${REPLACED}${by.id} ${subjectKey(by)}`;
    await this.coordinator.putIfAbsent('tombstone', id, { value, ttl: this.options.sessionAbsoluteLifetime });
  }

  /** True when a session has ended because a new login took its place. */
  async isReplaced({ id }: Pick<Session, 'id'>): Promise<boolean> {
    return (await this.coordinator.get('tombstone', id))?.startsWith(REPLACED) === true;
  }

  /**
   * What has become of a session up to now, in the eyes of a login that began in it: it, or what replaced it, is still there; or it was signed out;
   * or another end-user took over.
   */
  async fateOf({ id }: Pick<Session, 'id'>, endUser: Pick<Session, 'issuer' | 'subject'>): Promise<Fate> {
    let newest = id;
    for (let links = 0; links < MAX_LINKS; links += 1) {
      const mark = await this.coordinator.get('tombstone', newest);
      if (mark === undefined) return { is: 'open', id: newest };
      if (!mark.startsWith(REPLACED)) return { is: 'signed-out' };
      const [by = '', of] = mark.slice(REPLACED.length).split(' ');
      if (of !== subjectKey(endUser)) return { is: 'taken-over' };
      newest = by;
    }
    return { is: 'signed-out' };
  }

  /** Marks all sessions here that belong to one session at the provider: the provider itself said so. */
  async markProviderSession(session: ProviderSession): Promise<void> {
    await this.put('tombstone', providerSessionKey(session));
  }

  /**
   * The same on the word of a browser: in a space of its own, which never takes the place of the other. For `ttl` seconds, where only a login under
   * way could belong to it.
   */
  async markProviderSessionUnverified(session: ProviderSession, ttl?: number): Promise<void> {
    await this.put('unverified-tombstone', providerSessionKey(session), ttl);
  }

  /** Marks all sessions of a subject whose login began before now, to the millisecond. */
  async markSubject(owner: { readonly issuer: string; readonly subject: string }): Promise<void> {
    await this.put('tombstone', subjectKey(owner));
  }

  /** True when the session was signed out by itself, with its session at the provider, or with all of its subject. */
  has(session: Session): Promise<boolean> {
    return hasEnded(session, (space, key) => this.coordinator.get(space, key));
  }

  /** As `has`, as far as the word has come: from another process it takes less than a second. */
  hasArrived(session: Session): Promise<boolean> {
    return hasEnded(session, this.glance);
  }

  /** True when it is known here, without asking anybody, that the session was not signed out. */
  isKnownOpen(session: Session): boolean {
    const { sub, sid } = keysOf(session);
    return (
      this.isKnownAbsent('tombstone', session.id) &&
      this.isKnownAbsent('tombstone', sub) &&
      (sid === undefined || this.isKnownUnmarked(sid))
    );
  }

  /** As `isKnownOpen`, for a session at the provider. */
  isKnownOpenFor(session: ProviderSession): boolean {
    return this.isKnownUnmarked(sidKeyOf(session));
  }

  /** True when a bearer token that names a session at the provider belongs to one that has ended, as far as the word has come. */
  async hasArrivedFor(session: ProviderSession): Promise<boolean> {
    return (await markOf(sidKeyOf(session), this.glance)) !== undefined;
  }

  private readonly glance: Look = (space, key) => this.coordinator.glance(space, key);

  private isKnownUnmarked(sid: string): boolean {
    return this.isKnownAbsent('tombstone', sid) && this.isKnownAbsent('unverified-tombstone', sid);
  }

  private isKnownAbsent(space: PushedSpace, key: string): boolean {
    const known = this.coordinator.atOnce(space, key);
    return known !== undefined && known.value === undefined;
  }

  private async put(space: PushedSpace, key: string, ttl = this.options.sessionAbsoluteLifetime): Promise<void> {
    await this.coordinator.put(space, key, { value: String(this.clock.millis()), ttl });
  }
}

async function hasEnded(session: Session, look: Look): Promise<boolean> {
  const { id, startedAt } = session;
  const { sub, sid } = keysOf(session);
  const ended = await Promise.all([look('tombstone', id), sid === undefined ? undefined : markOf(sid, look)]);
  if (ended.some((mark) => mark !== undefined)) return true;
  const subjectEnded = await look('tombstone', sub);
  return subjectEnded !== undefined && startedAt <= Number(subjectEnded);
}

/** The mark of a session at the provider, by its own word or by that of a browser. */
async function markOf(sid: string, look: Look): Promise<string | undefined> {
  const marks = await Promise.all([look('tombstone', sid), look('unverified-tombstone', sid)]);
  return marks.find((mark) => mark !== undefined);
}

interface KeysOfSession {
  readonly sub: string;
  readonly sid: string | undefined;
}

/** Follow from what they are keys of, which nobody changes, and are asked for at every request. */
const sessionKeys = new WeakMap<Session, KeysOfSession>();
const sidKeys = new WeakMap<ProviderSession, string>();

function keysOf(session: Session): KeysOfSession {
  const known = sessionKeys.get(session);
  if (known !== undefined) return known;
  const { issuer, providerSessionId } = session;
  const sid = providerSessionId === undefined ? undefined : providerSessionKey({ issuer, providerSessionId });
  const keys = { sub: subjectKey(session), sid };
  sessionKeys.set(session, keys);
  return keys;
}

function sidKeyOf(session: ProviderSession): string {
  const known = sidKeys.get(session);
  if (known !== undefined) return known;
  const key = providerSessionKey(session);
  sidKeys.set(session, key);
  return key;
}

function providerSessionKey({ issuer, providerSessionId }: ProviderSession): string {
  return digest(['sid', issuer, providerSessionId]);
}

function subjectKey({ issuer, subject }: { readonly issuer: string; readonly subject: string }): string {
  return digest(['sub', issuer, subject]);
}

function digest(parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url');
}

/** A name for a session that events may carry: the same for all its events, and useless as a key. */
export function sessionDigest({ id }: Session): string {
  return hash('sha256', `session:${id}`, 'base64url').slice(0, 12);
}
