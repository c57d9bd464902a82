/** The chain of token sets of one session: who comes with a spent refresh token is led to the newest. */
import { hash } from 'node:crypto';
import type { OidcOptions } from '../config/options.js';
import type { Coordinator, PlacedRecord } from '../coordination/coordinator.js';
import { Sealer } from '../session/sealer.js';
import { decodeSession, encodeSession } from '../session/session-codec.js';
import type { Session } from '../session/session.js';

/** Links followed at most: a refresh per second for the longest grace anybody would set. */
const MAX_LINKS = 300;
/** Seconds for which an attempt without a known end is remembered. */
const ATTEMPT_MEMORY = 600;
const PURPOSE = 'successor';
const ROTATION = 'rotation';
const REFUSAL = 'refusal';
const UNDER_WAY = '1';
const LOST = 'lost';

/** What is known of an earlier attempt with the same refresh token: there was none; its answer is lost; nobody has said what came of it. */
export type EarlierAttempt = 'none' | 'lost' | 'unknown';

export class Successors {
  constructor(
    private readonly coordinator: Coordinator,
    private readonly options: Pick<OidcOptions, 'sessionAbsoluteLifetime'>,
  ) {}

  /**
   * What has to be published when a session's token set was replaced: the successor for late comers who still carry the old one, which only they
   * can open, for `grace` seconds, and the mark that the old refresh token is spent.
   */
  async recordsOf(spent: Session, successor: Session, grace: number): Promise<readonly PlacedRecord[]> {
    const sealer = sealerOf(spent);
    if (sealer === undefined) return [];
    const { sessionAbsoluteLifetime } = this.options;
    const records: PlacedRecord[] = [];
    if (grace > 0) {
      const value = await sealer.seal(encodeSession(successor));
      records.push({ space: 'successor', key: linkOf(spent), value, ttl: grace });
    }
    if (refreshTokenOf(spent) !== refreshTokenOf(successor)) {
      records.push({ space: 'spent', key: spentKey(spent), value: ROTATION, ttl: sessionAbsoluteLifetime });
    }
    return records;
  }

  /** The newest session of the chain, which is the given one when nothing replaced it. */
  async newest(session: Session): Promise<Session> {
    let current = session;
    for (let links = 0; links < MAX_LINKS; links += 1) {
      const next = await this.next(current);
      if (next === undefined) return current;
      current = next;
    }
    return current;
  }

  /** True when it is known here, without asking anybody, that nothing has replaced the session's token set. */
  isKnownNewest(session: Session): boolean {
    const known = this.coordinator.atOnce('successor', linkOf(session));
    return known !== undefined && known.value === undefined;
  }

  /** Notes that the refresh token is about to be sent. */
  async beginAttempt(session: Session): Promise<EarlierAttempt> {
    const key = spentKey(session);
    const attempt = { value: UNDER_WAY, ttl: ATTEMPT_MEMORY };
    if (await this.coordinator.putIfAbsent('attempt', key, attempt)) return 'none';
    return (await this.coordinator.get('attempt', key)) === UNDER_WAY ? 'unknown' : 'lost';
  }

  /** Notes that no answer came, and none will: the provider may or may not have taken the refresh token. */
  async loseAttempt(session: Session): Promise<void> {
    await this.coordinator.put('attempt', spentKey(session), { value: LOST, ttl: ATTEMPT_MEMORY });
  }

  /** Notes that the provider has answered, and that the refresh token may be sent again. */
  async endAttempt(session: Session): Promise<void> {
    await this.coordinator.delete('attempt', spentKey(session));
  }

  /** Remembers that the provider refused this session's refresh token, so that it is not asked again. */
  async markRefused(session: Session): Promise<void> {
    const record = { value: REFUSAL, ttl: this.options.sessionAbsoluteLifetime };
    await this.coordinator.put('spent', spentKey(session), record);
  }

  /** Why the provider must not see this session's refresh token again, if it must not. */
  async spentBy(session: Session): Promise<'rotation' | 'refusal' | undefined> {
    const spent = await this.coordinator.get('spent', spentKey(session));
    if (spent === undefined) return undefined;
    return spent === REFUSAL ? 'refusal' : 'rotation';
  }

  private async next(session: Session): Promise<Session | undefined> {
    const sealed = await this.coordinator.get('successor', linkOf(session));
    const opened = sealed === undefined ? undefined : await sealerOf(session)?.open(sealed);
    return opened === undefined ? undefined : decodeSession(opened.plaintext);
  }
}

/** Names one token set of one session of one subject; the same for everybody who holds it. */
export function linkOf(session: Session): string {
  const known = links.get(session);
  if (known !== undefined) return known;
  const link = newLinkOf(session);
  links.set(session, link);
  return link;
}

/** Follows from the session alone, and is asked for at every request. */
const links = new WeakMap<Session, string>();

function newLinkOf(session: Session): string {
  const { issuer, tenant = '', subject, id, generation } = session;
  return `${id}:${digest([issuer, tenant, subject, id, String(generation), refreshTokenOf(session)])}`;
}

function spentKey(session: Session): string {
  return `${session.id}:${digest([session.issuer, refreshTokenOf(session)])}`;
}

function sealerOf(session: Session): Sealer | undefined {
  const refreshToken = refreshTokenOf(session);
  return refreshToken === '' ? undefined : new Sealer([refreshToken], PURPOSE);
}

function refreshTokenOf({ tokens }: Session): string {
  return tokens.refreshToken?.reveal() ?? '';
}

function digest(parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url');
}
