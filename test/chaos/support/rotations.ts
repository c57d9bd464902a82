/** How often the token set of a session was replaced, read where its custody keeps it. */
import { createHash } from 'node:crypto';
import { purposeOf } from '../../../libs/oidc-token-reuse/src/session/cookie.custody.js';
import { Sealer } from '../../../libs/oidc-token-reuse/src/session/sealer.js';
import { decodeSession } from '../../../libs/oidc-token-reuse/src/session/session-codec.js';
import { NEXT_SECRET, SECRET, type Fleet } from './fleet.js';
import type { Visitor } from './visitor.js';

export interface Closing {
  /** Sessions that are still there. */
  readonly alive: number;
  /** Codes of those that are not. */
  readonly lost: readonly string[];
  /** Replacements of token sets, of all living sessions together. */
  readonly rotations: number;
}

/** Renews every session once more, and counts what came of them. */
export async function closing(fleet: Fleet, visitors: readonly Visitor[]): Promise<Closing> {
  for (const [index, visitor] of visitors.entries()) {
    if (visitor.lostWith !== undefined) continue;
    visitor.take(await fleet.instance(index).ask({ method: 'POST', path: '/auth/refresh', cookie: visitor.cookie }));
  }
  const alive = visitors.filter(({ lostWith }) => lostWith === undefined);
  const generations = await Promise.all(alive.map((visitor) => generationOf(fleet, visitor)));
  return {
    alive: alive.length,
    lost: visitors.flatMap(({ lostWith }) => lostWith ?? []),
    rotations: generations.reduce((sum, generation) => sum + generation, 0),
  };
}

async function generationOf(fleet: Fleet, visitor: Visitor): Promise<number> {
  const sealed = visitor.cookieNamed('oidc.session.0');
  return sealed === '' ? inStore(fleet, visitor) : inCookie(fleet, visitor);
}

async function inCookie(fleet: Fleet, visitor: Visitor): Promise<number> {
  const sealer = new Sealer([SECRET, NEXT_SECRET], purposeOf(fleet.identity));
  const opened = await sealer.open(visitor.cookieNamed('oidc.session.0') + visitor.cookieNamed('oidc.session.1'));
  const session = opened === undefined ? undefined : decodeSession(opened.plaintext);
  if (session === undefined) throw new Error('the cookies do not open');
  return session.generation;
}

/** The record begins with its version, which is the generation. */
async function inStore(fleet: Fleet, visitor: Visitor): Promise<number> {
  const place = createHash('sha256')
    .update(`place:${visitor.cookieNamed('oidc.session-key')}`)
    .digest('base64url');
  const record = await fleet.redis.command('GET', `${fleet.namespace}:{${place}}:session`);
  return Number(/^\$\d+\r\n(\d+) /.exec(record)?.[1]);
}
