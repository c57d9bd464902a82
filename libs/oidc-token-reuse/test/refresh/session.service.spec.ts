import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { SessionIndex } from '../../src/session/session-index.js';
import type { Session } from '../../src/session/session.js';
import { Tombstones } from '../../src/session/tombstones.js';
import { holdTimers } from '../provider/support.js';
import {
  conversation,
  cookieHeader,
  keptCookies,
  NOW,
  revealed,
  sessionOf,
  tokensOf,
  type Conversation,
} from '../session/support.js';
import { roomsWith, type Rooms } from './support.js';

const CUSTODIES = ['cookie', 'store'] as const;
const OTHER = sessionOf({ id: 'b3RoZXItc2Vzc2lvbi0x' });

/** What a browser holds after a sign-in. */
async function signedIn({ sessions }: Rooms, session = sessionOf(), startedIn?: string): Promise<string> {
  const { exchange, cookies } = conversation();
  await sessions.begin(exchange, session, startedIn);
  return cookieHeader(keptCookies(cookies()));
}

/** What came of something: the refresh token of a session and its generation, or the failure's code and text. */
async function outcome(asked: Promise<Session | undefined>): Promise<unknown> {
  try {
    const session = await asked;
    return session === undefined ? undefined : [session.generation, session.tokens.refreshToken?.reveal()];
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
}

/** The `Cache-Control` of a response. */
function cacheControlOf({ response }: Conversation): unknown {
  response.writeHead(200);
  return response.getHeader('cache-control');
}

const isCleared = ({ cookies }: Conversation): boolean =>
  cookies().length > 0 && Object.keys(keptCookies(cookies())).length === 0;
const namesOf = ({ cookies }: Conversation): readonly string[] => Object.keys(keptCookies(cookies()));
const typesOf = ({ events }: Rooms): readonly string[] => events.map(({ type }) => type);
const tombstonesOf = ({ store, provider, clock }: Rooms): Tombstones => new Tombstones(store, provider.options, clock);

afterEach(() => {
  jest.useRealTimers();
});

describe.each(CUSTODIES)('the session of a request, custody %s', (custody) => {
  const roomsFor = (options: Partial<OidcModuleOptions> = {}): Rooms => roomsWith({ custody, ...options });

  it('is the one that a login began, and is not cached', async () => {
    const rooms = roomsFor();
    const talk = conversation(await signedIn(rooms));
    expect(revealed(await rooms.sessions.peek(talk.exchange))).toEqual(revealed(sessionOf()));
    expect([talk.cookies(), cacheControlOf(talk)]).toEqual([[], 'no-store']);
  });

  it('is none without a cookie, for whoever asks', async () => {
    const { sessions } = roomsFor();
    const { exchange, cookies } = conversation();
    expect(sessions.isPresent(exchange)).toBe(false);
    expect(await sessions.cameBack(exchange)).toBe(false);
    for (const method of ['peek', 'live', 'renewed', 'carriedNewest'] as const)
      expect(await sessions[method](exchange)).toBeUndefined();
    expect(cookies()).toEqual([]);
  });

  it('came back when the browser shows it', async () => {
    const rooms = roomsFor();
    const { exchange } = conversation(await signedIn(rooms));
    expect([rooms.sessions.isPresent(exchange), await rooms.sessions.cameBack(exchange)]).toEqual([true, true]);
  });

  it('S10 is over after the idle limit, to the second, and leaves the browser', async () => {
    const rooms = roomsFor({ sessionIdleLifetime: 250 });
    const cookies = await signedIn(rooms);
    expect(rooms.sessions.expiresAt(sessionOf())).toBe(NOW + 250);
    rooms.clock.advance(249);
    expect(await outcome(rooms.sessions.peek(conversation(cookies).exchange))).toEqual([0, 'refresh-token']);
    rooms.clock.seconds = NOW + 250;
    const talk = conversation(cookies);
    expect(await rooms.sessions.peek(talk.exchange)).toBeUndefined();
    expect(namesOf(talk)).toEqual([]);
    expect(await outcome(rooms.sessions.live(talk.exchange))).toBe(
      'login_required: the session is over; sign in again',
    );
    expect(isCleared(talk)).toBe(true);
  });

  it('S5 is over for the copies of its cookies once it was signed out', async () => {
    const rooms = roomsFor();
    const cookies = await signedIn(rooms);
    await tombstonesOf(rooms).mark(sessionOf());
    expect(await rooms.sessions.peek(conversation(cookies).exchange)).toBeUndefined();
    for (const method of ['live', 'renewed'] as const) {
      const talk = conversation(cookies);
      expect(await outcome(rooms.sessions[method](talk.exchange))).toBe('login_required: the session was signed out');
      expect(isCleared(talk)).toBe(true);
    }
    expect(rooms.endpoint.forms).toEqual([]);
  });

  it('S5 is not cleared by a response that is late: a new login has written there', async () => {
    const rooms = roomsFor();
    const cookies = await signedIn(rooms);
    await tombstonesOf(rooms).markReplaced(sessionOf(), OTHER);
    const talk = conversation(cookies);
    expect(await outcome(rooms.sessions.live(talk.exchange))).toBe('login_required: the session was signed out');
    expect(talk.cookies()).toEqual([]);
  });

  it('of a tenant that may not sign in any more is none', async () => {
    const tenant = '11111111-1111-4111-8111-111111111111';
    const rooms = roomsFor({ tenants: ['22222222-2222-4222-8222-222222222222'], preset: 'entra' });
    const cookies = await signedIn(rooms, sessionOf({ tenant }));
    expect(await rooms.sessions.peek(conversation(cookies).exchange)).toBeUndefined();
  });

  it('of a time when tokens were kept has none, once they are not', async () => {
    const rooms = roomsFor({ reuseTokens: false });
    const { exchange } = conversation(await signedIn(rooms));
    const session = await rooms.sessions.peek(exchange);
    expect([session?.tokens.accessToken, session?.tokens.refreshToken, session?.subject]).toEqual([
      undefined,
      undefined,
      'alice',
    ]);
  });

  describe('made live', () => {
    it('is used as it is while its access token lives', async () => {
      const rooms = roomsFor();
      const talk = conversation(await signedIn(rooms));
      rooms.clock.advance(200);
      expect(await outcome(rooms.sessions.live(talk.exchange))).toEqual([0, 'refresh-token']);
      await rooms.refresh.drain();
      expect([rooms.endpoint.forms, talk.cookies()]).toEqual([[], []]);
    });

    it('is renewed when that has expired, once for the whole request, and written', async () => {
      const rooms = roomsFor();
      const cookies = await signedIn(rooms);
      rooms.clock.advance(300);
      const talk = conversation(cookies);
      expect(await outcome(rooms.sessions.live(talk.exchange))).toEqual([1, "refresh-token'"]);
      expect(await outcome(rooms.sessions.live(talk.exchange))).toEqual([1, "refresh-token'"]);
      expect(rooms.endpoint.seen).toEqual(['refresh-token']);
      const next = conversation(custody === 'cookie' ? keptCookies(talk.cookies()) : cookies);
      expect(await outcome(rooms.sessions.peek(next.exchange))).toEqual([1, "refresh-token'"]);
      expect(talk.cookies().length > 0).toBe(custody === 'cookie');
    });

    it('is renewed behind the request in its last stretch', async () => {
      const rooms = roomsFor();
      const cookies = await signedIn(rooms);
      rooms.clock.advance(299);
      const talk = conversation(cookies);
      expect(await outcome(rooms.sessions.live(talk.exchange))).toEqual([0, 'refresh-token']);
      await rooms.refresh.drain();
      expect([rooms.endpoint.seen, talk.cookies()]).toEqual([['refresh-token'], []]);
      expect(await outcome(rooms.sessions.peek(conversation(cookies).exchange))).toEqual([1, "refresh-token'"]);
    });

    it('does not mind that a renewal behind it fails', async () => {
      const rooms = roomsFor();
      const cookies = await signedIn(rooms);
      rooms.endpoint.answer = () => ({ status: 503, body: {} });
      rooms.clock.advance(299);
      expect(await outcome(rooms.sessions.live(conversation(cookies).exchange))).toEqual([0, 'refresh-token']);
      await rooms.refresh.drain();
      expect(typesOf(rooms)).toContain('refresh.unavailable');
    });

    it('stays in the browser while the provider is away', async () => {
      const rooms = roomsFor();
      const cookies = await signedIn(rooms);
      rooms.endpoint.answer = () => ({ status: 503, body: {} });
      rooms.clock.advance(300);
      const talk = conversation(cookies);
      expect(await outcome(rooms.sessions.live(talk.exchange))).toMatch(/^provider_unavailable/);
      expect(talk.cookies()).toEqual([]);
    });

    it('S8 stays signed out when the logout came while the provider was asked', async () => {
      const rooms = roomsFor();
      const cookies = await signedIn(rooms);
      const { answer } = rooms.endpoint;
      rooms.endpoint.answer = async (form) => {
        await tombstonesOf(rooms).mark(sessionOf());
        return answer(form);
      };
      rooms.clock.advance(300);
      const talk = conversation(cookies);
      expect(await outcome(rooms.sessions.live(talk.exchange))).toBe('login_required: the session was signed out');
      expect([isCleared(talk), typesOf(rooms)]).toEqual([true, ['refresh.succeeded']]);
    });
  });

  describe('renewed on demand', () => {
    it('gets new tokens though the present ones could be used', async () => {
      const rooms = roomsFor({ reuseMaxSessionAge: 60_000 });
      const cookies = await signedIn(rooms);
      rooms.clock.advance(60);
      expect(await outcome(rooms.sessions.renewed(conversation(cookies).exchange))).toEqual([1, "refresh-token'"]);
    });

    it('keeps those that are young', async () => {
      const rooms = roomsFor({ reuseMaxSessionAge: 60_000 });
      const cookies = await signedIn(rooms);
      rooms.clock.advance(59.999);
      expect(await outcome(rooms.sessions.renewed(conversation(cookies).exchange))).toEqual([0, 'refresh-token']);
    });

    it('gets new ones where those that are young have expired', async () => {
      const rooms = roomsFor({ reuseMaxSessionAge: 600_000 });
      const cookies = await signedIn(rooms);
      rooms.clock.advance(300);
      expect(await outcome(rooms.sessions.renewed(conversation(cookies).exchange))).toEqual([1, "refresh-token'"]);
    });

    it('keeps those that somebody else has just got', async () => {
      const rooms = roomsFor({ reuseMaxSessionAge: 0 });
      const cookies = await signedIn(rooms);
      rooms.clock.advance(10);
      await rooms.refresh.refresh(sessionOf());
      expect(await outcome(rooms.sessions.renewed(conversation(cookies).exchange))).toEqual([1, "refresh-token'"]);
      expect(rooms.endpoint.seen).toEqual(['refresh-token']);
    });

    it('stays as it is where nothing can renew it', async () => {
      const rooms = roomsFor({ reuseMaxSessionAge: 0 });
      const session = sessionOf({ tokens: tokensOf({ refreshToken: undefined }) });
      const talk = conversation(await signedIn(rooms, session));
      expect(await outcome(rooms.sessions.renewed(talk.exchange))).toEqual([0, undefined]);
      expect(talk.cookies()).toEqual([]);
    });

    it('lasts longer where no tokens are kept', async () => {
      const rooms = roomsFor({ reuseTokens: false, sessionIdleLifetime: 100 });
      const cookies = await signedIn(rooms);
      rooms.clock.advance(99);
      const talk = conversation(cookies);
      expect(await rooms.sessions.renewed(talk.exchange)).toMatchObject({ generation: 1, renewedAt: NOW + 99 });
      rooms.clock.advance(99);
      const next = conversation(custody === 'cookie' ? keptCookies(talk.cookies()) : cookies);
      expect(await rooms.sessions.peek(next.exchange)).toMatchObject({ generation: 1 });
      expect(rooms.endpoint.forms).toEqual([]);
    });
  });

  describe('begun', () => {
    it('L3 takes the place of the one that the browser showed', async () => {
      const rooms = roomsFor();
      const before = await signedIn(rooms);
      const talk = conversation(before);
      await rooms.sessions.begin(talk.exchange, OTHER);
      const late = conversation(before);
      expect([await rooms.sessions.peek(late.exchange), late.cookies()]).toEqual([undefined, []]);
      expect(await tombstonesOf(rooms).isReplaced(sessionOf())).toBe(true);
      const after = conversation(keptCookies(talk.cookies()));
      expect(await rooms.sessions.peek(after.exchange)).toMatchObject({ id: OTHER.id });
    });

    it('takes the place of the one that its login began in, though the browser does not show it', async () => {
      const rooms = roomsFor();
      const before = await signedIn(rooms);
      await signedIn(rooms, OTHER, sessionOf().id);
      expect(await rooms.sessions.peek(conversation(before).exchange)).toBeUndefined();
      expect(await tombstonesOf(rooms).isReplaced(sessionOf())).toBe(true);
    });

    it('takes the place of what has replaced that one since', async () => {
      const rooms = roomsFor();
      const [third, id] = [sessionOf({ id: 'dGhpcmQtc2Vzc2lvbi0x' }), sessionOf().id];
      await signedIn(rooms, OTHER, id);
      await signedIn(rooms, third, id);
      expect(await tombstonesOf(rooms).fateOf({ id }, third)).toEqual({ is: 'open', id: third.id });
    });

    it.each([
      [
        'was signed out',
        (tombstones: Tombstones) => tombstones.mark(sessionOf()),
        'login_required: the session was signed out meanwhile',
      ],
      [
        'another end-user has taken over',
        (tombstones: Tombstones) => tombstones.markReplaced(sessionOf(), sessionOf({ id: 'x', subject: 'mallory' })),
        'session_conflict: another end-user has signed in meanwhile; sign out first',
      ],
    ])('L2 is none when the one its login began in %s', async (_, happen, expected) => {
      const rooms = roomsFor();
      await happen(tombstonesOf(rooms));
      const talk = conversation();
      const begun = rooms.sessions.begin(talk.exchange, OTHER, sessionOf().id);
      expect(await outcome(begun.then(() => undefined))).toBe(expected);
      expect(talk.cookies()).toEqual([]);
    });

    it('is none when a logout of all sessions was faster', async () => {
      const rooms = roomsFor();
      await tombstonesOf(rooms).markSubject(sessionOf());
      const talk = conversation();
      expect(await outcome(rooms.sessions.begin(talk.exchange, sessionOf()).then(() => undefined))).toBe(
        'login_required: the session was signed out',
      );
      expect(talk.cookies()).toEqual([]);
    });

    it('can be found by its owner, until it ends', async () => {
      const rooms = roomsFor();
      const { issuer, subject } = sessionOf();
      expect(await rooms.sessions.anyOf({ issuer, subject })).toBeUndefined();
      Object.assign(rooms.store, { mayLackMembers: false });
      expect(await rooms.sessions.anyOf({ issuer, subject })).toBe(false);
      const cookies = await signedIn(rooms);
      expect(await rooms.sessions.anyOf({ issuer, subject })).toBe(true);
      const [entry] = await new SessionIndex(rooms.store).find({ issuer, subject });
      expect([entry?.id, entry?.place === '']).toEqual([sessionOf().id, custody === 'cookie']);
      await rooms.sessions.end(conversation(cookies).exchange, sessionOf());
      expect(await rooms.sessions.anyOf({ issuer, subject })).toBe(false);
    });
  });

  describe('ended', () => {
    it('leaves the browser, and counts nowhere', async () => {
      const rooms = roomsFor();
      const cookies = await signedIn(rooms);
      const talk = conversation(cookies);
      const carried = await rooms.sessions.carriedNewest(talk.exchange);
      expect(await rooms.sessions.end(talk.exchange, carried)).toBe(true);
      expect(isCleared(talk)).toBe(true);
      expect(await rooms.sessions.peek(conversation(cookies).exchange)).toBeUndefined();
      expect(await tombstonesOf(rooms).has(sessionOf())).toBe(true);
    });

    it('is told as a success when there was none', async () => {
      const rooms = roomsFor();
      const talk = conversation();
      expect(await rooms.sessions.end(talk.exchange, undefined)).toBe(true);
      expect(isCleared(talk)).toBe(true);
    });

    it('does not count for the rest of a request that has renewed it', async () => {
      const rooms = roomsFor();
      const cookies = await signedIn(rooms);
      rooms.clock.advance(300);
      const { exchange } = conversation(cookies);
      await rooms.sessions.end(exchange, await rooms.sessions.live(exchange));
      expect(await rooms.sessions.peek(exchange)).toBeUndefined();
    });

    it('is the newest form of what the browser shows, also when it is over', async () => {
      const rooms = roomsFor({ sessionIdleLifetime: 200 });
      const cookies = await signedIn(rooms);
      await rooms.refresh.refresh(sessionOf());
      rooms.clock.seconds = NOW + 250;
      const carried = rooms.sessions.carriedNewest(conversation(cookies).exchange);
      expect(await outcome(carried)).toEqual([1, "refresh-token'"]);
    });

    it('is told to the others when the shared store is back, where it is away', async () => {
      holdTimers();
      const rooms = roomsFor();
      const cookies = await signedIn(rooms);
      rooms.store.goAway();
      const talk = conversation(cookies);
      expect(await rooms.sessions.end(talk.exchange, sessionOf())).toBe(false);
      expect(isCleared(talk)).toBe(true);
      expect(rooms.events).toMatchObject([
        { type: 'coordination.failed', issuer: rooms.provider.issuer, reason: 'the shared store does not answer' },
      ]);
      rooms.store.comeBack();
      await jest.advanceTimersByTimeAsync(200);
      expect(await tombstonesOf(rooms).has(sessionOf())).toBe(true);
    });

    it('with all of its owner is gone everywhere', async () => {
      const rooms = roomsFor();
      const cookies = [await signedIn(rooms), await signedIn(rooms, OTHER)];
      const bob = await signedIn(rooms, sessionOf({ id: 'Ym9i', subject: 'bob' }));
      const { issuer, subject } = sessionOf();
      await rooms.sessions.endAll({ issuer, subject });
      for (const held of cookies) expect(await rooms.sessions.peek(conversation(held).exchange)).toBeUndefined();
      expect(await rooms.sessions.peek(conversation(bob).exchange)).toMatchObject({ subject: 'bob' });
    });

    it('with its session at the provider leaves the others of its owner', async () => {
      const rooms = roomsFor();
      const cookies = await signedIn(rooms, sessionOf({ providerSessionId: 'sid-1' }));
      const others = await signedIn(rooms, { ...OTHER, providerSessionId: 'sid-2' });
      await rooms.sessions.endAll({ issuer: OTHER.issuer, providerSessionId: 'sid-1' });
      expect(await rooms.sessions.peek(conversation(cookies).exchange)).toBeUndefined();
      expect(await rooms.sessions.peek(conversation(others).exchange)).toMatchObject({ id: OTHER.id });
    });
  });

  it('is waited for while it is renewed: what is left to revoke is the newest', async () => {
    const rooms = roomsFor();
    const { answer } = rooms.endpoint;
    rooms.endpoint.answer = async (form) => {
      await new Promise(setImmediate);
      return answer(form);
    };
    const renewal = rooms.refresh.refresh(sessionOf());
    expect(await outcome(rooms.sessions.settled(sessionOf()))).toEqual([1, "refresh-token'"]);
    await renewal;
  });
});

describe('tokens', () => {
  it.each([
    [0, 0, false],
    [1, 0, true],
    [1, 29, true],
    [1, 30, false],
  ])('of generation %d were just renewed after %d seconds: %s', (generation, age, expected) => {
    const { sessions, clock } = roomsWith();
    clock.advance(age);
    expect(sessions.wasJustRenewed(sessionOf({ generation }))).toBe(expected);
  });

  it('that take more than browsers carry are reported, and nothing is written', async () => {
    const rooms = roomsWith();
    const cookies = await signedIn(rooms);
    rooms.endpoint.answer = () => ({
      body: { access_token: 'x'.repeat(13_000), token_type: 'Bearer', expires_in: 300 },
    });
    rooms.clock.advance(300);
    const talk = conversation(cookies);
    expect(await outcome(rooms.sessions.live(talk.exchange))).toMatch(/^session_too_large: the tokens take/);
    expect(talk.cookies()).toEqual([]);
    expect(rooms.events).toContainEqual(
      expect.objectContaining({
        type: 'session.rejected',
        issuer: sessionOf().issuer,
        subject: 'alice',
        session: expect.stringMatching(/^[\w-]{12}$/),
        reason: expect.stringMatching(/^the tokens take \d+ bytes/),
      }),
    );
  });
});

describe('the shared store being away', () => {
  it('leaves a session in cookies as the request brings it', async () => {
    const rooms = roomsWith();
    const cookies = await signedIn(rooms);
    rooms.store.goAway();
    const talk = conversation(cookies);
    expect(await outcome(rooms.sessions.live(talk.exchange))).toEqual([0, 'refresh-token']);
    expect(await outcome(rooms.sessions.carriedNewest(talk.exchange))).toEqual([0, 'refresh-token']);
  });

  it('does not stop a login with custody cookie', async () => {
    const rooms = roomsWith();
    rooms.store.goAway();
    const talk = conversation(await signedIn(rooms, OTHER, sessionOf().id));
    expect(await rooms.sessions.peek(talk.exchange)).toMatchObject({ id: OTHER.id });
  });

  it('clears nothing that may have been replaced only with custody store, and says so', async () => {
    const rooms = roomsWith({ custody: 'store' });
    const cookies = await signedIn(rooms);
    rooms.store.goAway();
    const talk = conversation(cookies);
    for (const method of ['peek', 'live', 'renewed', 'carriedNewest'] as const)
      expect(await outcome(rooms.sessions[method](talk.exchange))).toMatch(/^session_store_unavailable/);
    expect(talk.cookies()).toEqual([]);
  });

  it('ends a session in cookies that is over as far as anybody can tell', async () => {
    const rooms = roomsWith({ sessionIdleLifetime: 100 });
    const cookies = await signedIn(rooms);
    rooms.clock.advance(100);
    rooms.store.goAway();
    const talk = conversation(cookies);
    expect(await outcome(rooms.sessions.live(talk.exchange))).toMatch(/^login_required/);
    expect(isCleared(talk)).toBe(true);
  });

  it('puts off what is kept there, each session for itself, and the tokens of a renewal are not lost', async () => {
    const rooms = roomsWith({ custody: 'store' });
    const cookies = [await signedIn(rooms), await signedIn(rooms, OTHER)];
    rooms.clock.advance(300);
    rooms.store.failing.add('replace');
    for (const held of cookies)
      expect(await outcome(rooms.sessions.live(conversation(held).exchange))).toMatch(/^session_store_unavailable/);
    rooms.store.comeBack();
    await rooms.refresh.drain();
    rooms.clock.advance(100);
    for (const held of cookies)
      expect(await outcome(rooms.sessions.peek(conversation(held).exchange))).toEqual([1, "refresh-token'"]);
  });

  it('puts off the end of a session that cannot be read, which then gives back its newest form', async () => {
    const rooms = roomsWith({ custody: 'store' });
    const cookies = await signedIn(rooms);
    await rooms.refresh.refresh(sessionOf());
    const [entry] = await new SessionIndex(rooms.store).find(sessionOf());
    rooms.store.goAway();
    const talk = conversation(cookies);
    const ended: unknown[] = [];
    rooms.sessions.endLater(talk.exchange, async (session) => {
      ended.push(await outcome(Promise.resolve(session)));
    });
    expect([isCleared(talk), ended]).toEqual([true, []]);
    rooms.store.comeBack();
    await rooms.refresh.drain();
    expect(ended).toEqual([[1, "refresh-token'"]]);
    expect(await rooms.store.get('session', entry?.place ?? '')).toBeUndefined();
    expect(await tombstonesOf(rooms).has(sessionOf())).toBe(true);
    expect(await rooms.sessions.peek(conversation(cookies).exchange)).toBeUndefined();
  });

  it('puts off the end of two sessions, each for itself', async () => {
    const rooms = roomsWith({ custody: 'store' });
    const cookies = [await signedIn(rooms), await signedIn(rooms, OTHER)];
    rooms.store.goAway();
    const ended: string[] = [];
    for (const held of cookies)
      rooms.sessions.endLater(conversation(held).exchange, async ({ id }) => {
        ended.push(id);
      });
    rooms.store.comeBack();
    await rooms.refresh.drain();
    expect(ended).toEqual([sessionOf().id, OTHER.id]);
  });

  it('does not doubt a browser that shows a session which is not there any more', async () => {
    const rooms = roomsWith({ custody: 'store' });
    const cookies = await signedIn(rooms);
    await rooms.sessions.end(conversation(cookies).exchange, sessionOf());
    expect(await rooms.sessions.cameBack(conversation(cookies).exchange)).toBe(true);
  });

  it('has nothing to end afterwards where nothing was kept', async () => {
    const rooms = roomsWith({ custody: 'store' });
    const ended = jest.fn(() => Promise.resolve());
    rooms.sessions.endLater(conversation().exchange, ended);
    await rooms.refresh.drain();
    expect(ended).not.toHaveBeenCalled();
  });
});

describe('attempts to sign in', () => {
  const attempts = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, place) => [`__Host-oidc.txn.${String(place)}`, 'x']));

  it('that are too many are cleared by any request', async () => {
    const { sessions } = roomsWith();
    const few = conversation(attempts(5));
    await sessions.tidy(few.exchange);
    expect(few.cookies()).toEqual([]);
    const many = conversation(attempts(7));
    await sessions.peek(many.exchange);
    expect(many.cookies()).toHaveLength(2);
  });

  it('that are not there cost nothing', () => {
    expect(roomsWith().sessions.tidy(conversation().exchange)).toBeUndefined();
  });
});
