/** Finds the sessions of an end-user, or of a session at the provider, for the logout of all of them. */
import { createHash } from 'node:crypto';
import type { Coordinator } from '../coordination/coordinator.js';
import type { Session } from './session.js';

/** Whose sessions: all of a subject, or those of one session at the provider (`sid`). */
export type SessionOwner =
  | { readonly issuer: string; readonly subject: string }
  | { readonly issuer: string; readonly providerSessionId: string };

export class SessionIndex {
  constructor(private readonly coordinator: Coordinator) {}

  /** Enters a session for `ttl` seconds at least. `place` says where its custody keeps it. */
  async add(session: Session, { place, ttl }: { readonly place: string; readonly ttl: number }): Promise<void> {
    for (const key of keysOf(session)) await this.coordinator.addMember(key, entryOf(session, place), ttl);
  }

  async remove(session: Session, place: string): Promise<void> {
    for (const key of keysOf(session)) await this.coordinator.removeMember(key, entryOf(session, place));
  }

  /** Whether there is one, ended by itself meanwhile or not; undefined when there may be one that is not known here. */
  async hasAny(owner: SessionOwner): Promise<boolean | undefined> {
    if ((await this.find(owner)).length > 0) return true;
    return this.coordinator.mayLackMembers ? undefined : false;
  }

  /** Ids and places of the sessions. Some may have ended by themselves meanwhile. */
  async find(owner: SessionOwner): Promise<readonly { readonly id: string; readonly place: string }[]> {
    const entries = await this.coordinator.members(keyOf(owner));
    return entries.map((entry) => {
      const end = entry.indexOf(' ');
      return { id: entry.slice(0, end), place: entry.slice(end + 1) };
    });
  }
}

function entryOf({ id }: Session, place: string): string {
  return `${id} ${place}`;
}

function keysOf({ issuer, subject, providerSessionId }: Session): readonly string[] {
  const ofSubject = keyOf({ issuer, subject });
  return providerSessionId === undefined ? [ofSubject] : [ofSubject, keyOf({ issuer, providerSessionId })];
}

/** Digests, since names of keys are not sealed. */
function keyOf(owner: SessionOwner): string {
  const parts =
    'subject' in owner ? ['sub', owner.issuer, owner.subject] : ['sid', owner.issuer, owner.providerSessionId];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
