import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { CoordinationUnavailableException } from '../../src/errors/exceptions.js';
import type { OidcModuleOptions } from '../../src/config/options.js';
import type { Session } from '../../src/session/session.js';
import { OPTIONS } from '../config/valid-options.js';
import { failureOf, holdTimers, settle } from '../provider/support.js';
import { roomsWith, type Answer, type Rooms } from '../refresh/support.js';
import { conversation, cookieHeader, keptCookies, NOW, sessionOf, tokensOf } from '../session/support.js';
import { principalOf, verifiedToken } from '../support.js';

const { issuer } = OPTIONS;
const REVOCATION = `${issuer}/revoke`;
const WHO = { issuer: sessionOf().issuer, subject: 'alice' };
const GONE = { type: 'logout', ...WHO, session: expect.stringMatching(/^[\w-]{12}$/) };

type Form = Readonly<Record<string, string>>;

interface Bench extends Rooms {
  /** What was asked of the revocation endpoint. */
  readonly revoked: Form[];
}

/** A provider that revokes, and ends its own session too. */
function bench(
  options: Partial<OidcModuleOptions> = {},
  answer: () => Answer | Promise<Answer> = () => ({ body: {} }),
): Bench {
  const rooms = roomsWith({ useEndSessionEndpoint: true, ...options });
  const revoked: Form[] = [];
  rooms.endpoint.metadata = { revocation_endpoint: REVOCATION, end_session_endpoint: `${issuer}/end` };
  rooms.endpoint.others = {
    [REVOCATION]: (form) => {
      revoked.push(form);
      return answer();
    },
  };
  return { ...rooms, revoked };
}

async function signedIn({ sessions, provider }: Rooms, session = sessionOf()): Promise<string> {
  await provider.metadata.get();
  const { exchange, cookies } = conversation();
  await sessions.begin(exchange, session);
  return cookieHeader(keptCookies(cookies()));
}

const without = (parts: Partial<Record<'accessToken' | 'refreshToken', undefined>>): Session =>
  sessionOf({ tokens: tokensOf(parts) });
const eventsOf = ({ events }: Rooms, ...types: readonly string[]) => events.filter(({ type }) => types.includes(type));

afterEach(() => {
  jest.useRealTimers();
});

describe('a logout', () => {
  it('ends the session here, its grant at the provider, and leads the browser to end the one it has there', async () => {
    const rooms = bench();
    const cookies = await signedIn(rooms);
    const talk = conversation(cookies);
    const { redirect, isComplete } = await rooms.logouts.logout(talk.exchange, 'the-state');
    expect([isComplete, Object.keys(keptCookies(talk.cookies()))]).toEqual([true, []]);
    expect(await rooms.sessions.peek(conversation(cookies).exchange)).toBeUndefined();
    const url = new URL(redirect ?? '');
    expect([url.origin + url.pathname, Object.fromEntries(url.searchParams)]).toEqual([
      `${issuer}/end`,
      {
        post_logout_redirect_uri: 'https://app.example.com',
        state: 'the-state',
        id_token_hint: sessionOf().tokens.idToken.reveal(),
        client_id: OPTIONS.clientId,
      },
    ]);
    expect(rooms.revoked).toMatchObject([{ token: 'refresh-token', token_type_hint: 'refresh_token' }]);
    expect(eventsOf(rooms, 'logout', 'revocation.failed')).toEqual([{ ...GONE, revoked: true }]);
  });

  it('without a session ends nothing, and leads there too', async () => {
    const rooms = bench();
    await rooms.provider.metadata.get();
    const { redirect, isComplete } = await rooms.logouts.logout(conversation().exchange, undefined);
    expect([redirect?.startsWith(`${issuer}/end?`), isComplete]).toEqual([true, true]);
    expect([rooms.revoked, rooms.events]).toEqual([[], []]);
  });

  it('leaves the session at the provider alone where the options say so', async () => {
    const rooms = bench({ useEndSessionEndpoint: false });
    const { exchange } = conversation(await signedIn(rooms));
    expect(await rooms.logouts.logout(exchange, undefined)).toEqual({ redirect: null, isComplete: true });
    expect(rooms.revoked).toHaveLength(1);
  });

  it('lets go of what was exchanged on behalf of the end-user', async () => {
    const rooms = bench();
    const { exchange } = conversation(await signedIn(rooms));
    const verified = verifiedToken({ ...WHO, expiresAt: NOW + 300 });
    const exchanged = () => rooms.onBehalfOf.getToken(principalOf({ ...WHO, verified }), { scope: 'read' });
    const count = () => rooms.endpoint.forms.length;
    await exchanged();
    await exchanged();
    expect(count()).toBe(1);
    await rooms.logouts.logout(exchange, undefined);
    await exchanged();
    expect(count()).toBe(2);
  });

  it('passes on what is out of order here', async () => {
    const rooms = bench({ custody: 'store' });
    const { exchange } = conversation(await signedIn(rooms));
    const broken = new RangeError('out of order');
    rooms.store.get = () => Promise.reject(broken);
    expect(await failureOf(rooms.logouts.logout(exchange, undefined))).toBe(broken);
  });
});

describe('R9 the tokens of a logout', () => {
  it('are revoked by the access token where there is no refresh token', async () => {
    const rooms = bench();
    const { exchange } = conversation(await signedIn(rooms, without({ refreshToken: undefined })));
    await rooms.logouts.logout(exchange, undefined);
    expect(rooms.revoked).toMatchObject([{ token: 'access-token', token_type_hint: 'access_token' }]);
    expect(eventsOf(rooms, 'logout')).toEqual([{ ...GONE, revoked: true }]);
  });

  it('need not be revoked where there are none', async () => {
    const rooms = bench({ reuseTokens: false });
    const session = without({ accessToken: undefined, refreshToken: undefined });
    const { exchange } = conversation(await signedIn(rooms, session));
    await rooms.logouts.logout(exchange, undefined);
    expect([rooms.revoked, eventsOf(rooms, 'logout')]).toEqual([[], [{ ...GONE, revoked: false }]]);
  });

  it('are those of a renewal that is under way', async () => {
    const rooms = bench();
    const cookies = await signedIn(rooms);
    const { answer } = rooms.endpoint;
    let release: () => void = () => undefined;
    const isHeld = new Promise<void>((resolve) => {
      release = resolve;
    });
    rooms.endpoint.answer = async (form) => {
      await isHeld;
      return answer(form);
    };
    const renewal = rooms.refresh.refresh(sessionOf());
    const logout = rooms.logouts.logout(conversation(cookies).exchange, undefined);
    await settle(() => rooms.endpoint.forms.length > 0);
    expect(rooms.revoked).toEqual([]);
    release();
    await Promise.all([renewal, logout]);
    expect(rooms.revoked).toMatchObject([{ token: "refresh-token'" }]);
  });

  it.each([
    ['has no endpoint for it', undefined, []],
    ['does not look that kind of token up', { status: 400, body: { error: 'unsupported_token_type' } }, []],
    [
      'refuses',
      { status: 400, body: { error: 'invalid_request' } },
      ['the OpenID Provider refused with "invalid_request"'],
    ],
    ['is away', { status: 503, body: {} }, ['the OpenID Provider answered 503']],
  ])('are not revoked where the provider %s, and the session is over all the same', async (_, answer, reasons) => {
    const rooms = bench({}, () => answer);
    if (answer === undefined) rooms.endpoint.metadata = {};
    const cookies = await signedIn(rooms);
    await rooms.logouts.logout(conversation(cookies).exchange, undefined);
    expect(await rooms.sessions.peek(conversation(cookies).exchange)).toBeUndefined();
    expect(eventsOf(rooms, 'revocation.failed')).toEqual(
      reasons.map((reason) => ({ type: 'revocation.failed', ...WHO, reason })),
    );
    expect(eventsOf(rooms, 'logout')).toEqual([{ ...GONE, revoked: false }]);
  });

  it('are waited for two seconds, and no timer is left behind', async () => {
    holdTimers();
    let isOver = false;
    const silent = bench({}, () => new Promise(() => undefined));
    const logout = silent.logouts.logout(conversation(await signedIn(silent)).exchange, undefined).then(() => {
      isOver = true;
    });
    await settle(() => silent.revoked.length > 0);
    await jest.advanceTimersByTimeAsync(1999);
    expect(isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await logout;
    expect(eventsOf(silent, 'logout')).toEqual([{ ...GONE, revoked: false }]);
  });

  it('that were revoked leave no timer behind', async () => {
    const rooms = bench();
    const { exchange } = conversation(await signedIn(rooms));
    holdTimers();
    await rooms.sessions.peek(exchange);
    const before = jest.getTimerCount();
    await rooms.logouts.logout(exchange, undefined);
    expect(jest.getTimerCount()).toBe(before);
  });
});

describe('a logout while the shared store is away', () => {
  it('takes a session in cookies out of the browser, revokes, and says that the others do not know yet', async () => {
    const rooms = bench();
    const cookies = await signedIn(rooms);
    rooms.store.goAway();
    const talk = conversation(cookies);
    const { isComplete } = await rooms.logouts.logout(talk.exchange, undefined);
    expect([isComplete, keptCookies(talk.cookies()), rooms.revoked.length]).toEqual([false, {}, 1]);
  });

  it('ends a session that is kept there, and its grant, when the store is back', async () => {
    const rooms = bench({ custody: 'store' });
    const cookies = await signedIn(rooms);
    rooms.store.goAway();
    const talk = conversation(cookies);
    const { redirect, isComplete } = await rooms.logouts.logout(talk.exchange, undefined);
    expect([isComplete, keptCookies(talk.cookies()), rooms.revoked]).toEqual([false, {}, []]);
    expect(new URL(redirect ?? '').searchParams.has('id_token_hint')).toBe(false);
    expect(await failureOf(rooms.sessions.peek(conversation(cookies).exchange))).toBeInstanceOf(
      CoordinationUnavailableException,
    );
    rooms.store.comeBack();
    await rooms.refresh.drain();
    expect(await rooms.sessions.peek(conversation(cookies).exchange)).toBeUndefined();
    expect(rooms.revoked).toMatchObject([{ token: 'refresh-token' }]);
    expect(eventsOf(rooms, 'logout')).toEqual([{ ...GONE, revoked: true }]);
  });
});
