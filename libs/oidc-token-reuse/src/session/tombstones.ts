/** Remembers which sessions were signed out, so that a request still in flight never brings one back. */
import { createHash } from 'node:crypto';
import type { OidcOptions } from '../config/options.js';
import type { Coordinator } from '../coordination/coordinator.js';
import type { Session } from './session.js';

export class Tombstones {
  constructor(
    private readonly coordinator: Coordinator,
    private readonly options: Pick<OidcOptions, 'sessionAbsoluteLifetime'>,
  ) {}

  /** Marks a session as signed out for as long as its cookies could live. */
  async mark({ id }: Pick<Session, 'id'>): Promise<void> {
    await this.coordinator.put('tombstone', id, { value: '1', ttl: this.options.sessionAbsoluteLifetime });
  }

  async has(session: Session): Promise<boolean> {
    return (await this.coordinator.get('tombstone', session.id)) !== undefined;
  }
}

/** A name for a session that events may carry: the same for all its events, and useless as a key. */
export function sessionDigest({ id }: Session): string {
  return createHash('sha256').update(`session:${id}`).digest('base64url').slice(0, 12);
}
