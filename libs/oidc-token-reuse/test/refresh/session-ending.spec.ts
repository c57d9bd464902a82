import { beforeAll, describe, expect, it } from '@jest/globals';
import { SessionIndex } from '../../src/session/session-index.js';
import type { Session } from '../../src/session/session.js';
import { Tombstones } from '../../src/session/tombstones.js';
import { PresentedToken } from '../../src/verification/presented-token.js';
import { OPTIONS } from '../config/valid-options.js';
import { failureOf } from '../provider/support.js';
import { conversation, cookieHeader, keptCookies, NOW, sessionOf, tokensOf } from '../session/support.js';
import { makeKey, sign, type TestKey } from '../verification/support.js';
import { roomsWith, type Rooms } from './support.js';

const API = 'https://api.example.com';
const { issuer } = OPTIONS;
const ALICE = { issuer, subject: 'alice' };
const OTHER = 'b3RoZXItc2Vzc2lvbi0x';

let key: TestKey;
let accessToken: string;

beforeAll(async () => {
  key = await makeKey('ES256', { kid: 'k' });
  const claims = { iss: issuer, sub: 'alice', aud: API, client_id: OPTIONS.clientId, iat: NOW, exp: NOW + 300 };
  accessToken = await sign(key, claims, { typ: 'at+jwt' });
});

/** A session whose access token is one of this API. */
const sessionHere = (parts: Partial<Session> = {}): Session =>
  sessionOf({ ...ALICE, tokens: tokensOf({ accessToken }), ...parts });

async function signedIn(rooms: Rooms, session = sessionHere()): Promise<string> {
  const { exchange, cookies } = conversation();
  await rooms.sessions.begin(exchange, session);
  return cookieHeader(keptCookies(cookies()));
}

/** Rooms that know an access token, and the session it belongs to. */
async function knowing(custody: 'cookie' | 'store') {
  const rooms = roomsWith({ custody, audience: [API] });
  rooms.endpoint.keys = [key.jwk];
  const cookies = await signedIn(rooms);
  await rooms.sessions.peek(conversation(cookies).exchange);
  for (let count = 0; count < 2; count += 1) await rooms.principals.fromBearer(new PresentedToken(accessToken));
  const isKnown = (): boolean => rooms.principals.fromKnownBearer(new PresentedToken(accessToken)) !== undefined;
  expect(isKnown()).toBe(true);
  return { ...rooms, cookies, isKnown };
}

const tombstonesOf = ({ store, provider, clock }: Rooms): Tombstones => new Tombstones(store, provider.options, clock);

describe.each(['cookie', 'store'] as const)('what was worked out for a session, custody %s', (custody) => {
  it('goes with its logout', async () => {
    const { sessions, cookies, isKnown } = await knowing(custody);
    await sessions.end(conversation(cookies).exchange, sessionHere());
    expect(isKnown()).toBe(false);
  });

  it('goes with the logout of all sessions of its owner', async () => {
    const { sessions, isKnown } = await knowing(custody);
    await sessions.endAll(ALICE);
    expect(isKnown()).toBe(false);
  });

  it('goes when a request shows a session that another process has ended', async () => {
    const rooms = await knowing(custody);
    await tombstonesOf(rooms).mark(sessionHere());
    await failureOf(rooms.sessions.live(conversation(rooms.cookies).exchange));
    expect(rooms.isKnown()).toBe(false);
  });

  it('is nothing where it has no tokens', async () => {
    const rooms = roomsWith({ custody, reuseTokens: false });
    const session = sessionHere({ tokens: tokensOf({ accessToken: undefined, refreshToken: undefined }) });
    const cookies = await signedIn(rooms, session);
    expect(await rooms.sessions.end(conversation(cookies).exchange, session)).toBe(true);
  });
});

describe('the logout of all sessions of an owner', () => {
  it('S13 leaves nothing of them in the shared store', async () => {
    const rooms = roomsWith({ custody: 'store' });
    await signedIn(rooms);
    await signedIn(rooms, sessionHere({ id: OTHER }));
    const places = (await new SessionIndex(rooms.store).find(ALICE)).map(({ place }) => place);
    const kept = () => Promise.all(places.map((place) => rooms.store.get('session', place)));
    expect(await kept()).toEqual([expect.any(String), expect.any(String)]);
    await rooms.sessions.endAll(ALICE);
    expect(await kept()).toEqual([undefined, undefined]);
  });
});

describe('while the shared store is away', () => {
  it('each session that begins is entered for itself, later', async () => {
    const rooms = roomsWith();
    rooms.store.goAway();
    for (const id of ['one', 'other']) await signedIn(rooms, sessionHere({ id }));
    rooms.store.comeBack();
    await rooms.refresh.drain();
    const found = await new SessionIndex(rooms.store).find(ALICE);
    expect(found.map(({ id }) => id)).toEqual(['one', 'other']);
  });

  it('each session that ends is ended for itself, later', async () => {
    const rooms = roomsWith();
    rooms.store.goAway();
    const ended = ['one', 'other'].map((id) => sessionHere({ id }));
    for (const session of ended) await rooms.sessions.end(conversation().exchange, session);
    rooms.store.comeBack();
    await rooms.refresh.drain();
    expect(await Promise.all(ended.map((session) => tombstonesOf(rooms).has(session)))).toEqual([true, true]);
  });

  it('each session that a login began in is replaced for itself, later', async () => {
    const rooms = roomsWith();
    rooms.store.goAway();
    const replaced = ['one', 'other'].map((id) => sessionHere({ id }));
    for (const [index, { id }] of replaced.entries())
      await rooms.sessions.begin(conversation().exchange, sessionHere({ id: `heir-${String(index)}` }), id);
    rooms.store.comeBack();
    await rooms.refresh.drain();
    expect(await Promise.all(replaced.map((session) => tombstonesOf(rooms).isReplaced(session)))).toEqual([true, true]);
  });
});

it('what is out of order here is not taken for a store that is away', async () => {
  const rooms = roomsWith();
  const broken = new RangeError('out of order');
  rooms.store.addMember = () => Promise.reject(broken);
  expect(await failureOf(signedIn(rooms))).toBe(broken);
  expect(rooms.events).toEqual([]);
});
