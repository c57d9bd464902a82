import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Lease } from '../../src/coordination/coordinator.js';
import { CoordinationUnavailableException, LoginRequiredException } from '../../src/errors/exceptions.js';
import { Successors } from '../../src/refresh/successors.js';
import type { Session } from '../../src/session/session.js';
import { failureOf, holdTimers, settle } from '../provider/support.js';
import { jwtOf, sessionOf, tokensOf } from '../session/support.js';
import { roomsWith, type Rooms } from './support.js';

const GRACE = 60;
const WINNER = sessionOf({ generation: 1, tokens: tokensOf({ refreshToken: 'the winner' }) });

/** What another process has in common with these rooms. */
function successorsOf({ store }: Rooms): Successors {
  return new Successors(store, { sessionAbsoluteLifetime: 600 });
}

async function publishWinner(rooms: Rooms): Promise<void> {
  for (const record of await successorsOf(rooms).recordsOf(sessionOf(), WINNER, GRACE))
    await rooms.store.put(record.space, record.key, record);
}

/** From now on a lease that is granted publishes like this. */
function leaseThat(rooms: Rooms, publish: Lease['publish']): void {
  rooms.store.acquire = () => Promise.resolve({ publish, release: () => Promise.resolve() });
}

const tokenOf = ({ tokens }: Session): string | undefined => tokens.refreshToken?.reveal();
const types = ({ events }: Rooms): readonly string[] => events.map(({ type }) => type);

afterEach(() => {
  jest.useRealTimers();
});

describe('R1 a holder that is gone without a word', () => {
  it('is waited for where the provider is strict: its result may come late', async () => {
    holdTimers();
    const rooms = roomsWith();
    await successorsOf(rooms).beginAttempt(sessionOf());
    const renewal = rooms.refresh.refresh(sessionOf());
    await jest.advanceTimersByTimeAsync(4900);
    expect(rooms.endpoint.forms).toEqual([]);
    await publishWinner(rooms);
    await jest.advanceTimersByTimeAsync(100);
    expect([tokenOf(await renewal), rooms.endpoint.forms, types(rooms)]).toEqual([
      'the winner',
      [],
      ['refresh.adopted'],
    ]);
  });

  it('is waited for five seconds, and then its refresh token is sent once more', async () => {
    holdTimers();
    const rooms = roomsWith();
    await successorsOf(rooms).beginAttempt(sessionOf());
    const renewal = rooms.refresh.refresh(sessionOf());
    await jest.advanceTimersByTimeAsync(5000);
    await settle(() => rooms.endpoint.forms.length > 0);
    expect(tokenOf(await renewal)).toBe("refresh-token'");
    expect(types(rooms)).toEqual(['refresh.taken_over', 'refresh.succeeded']);
  });

  it('is not waited for where the provider gives tokens again', async () => {
    holdTimers();
    const rooms = roomsWith({ replayWindow: 60 });
    await successorsOf(rooms).beginAttempt(sessionOf());
    expect(tokenOf(await rooms.refresh.refresh(sessionOf()))).toBe("refresh-token'");
    expect(types(rooms)).toEqual(['refresh.taken_over', 'refresh.succeeded']);
  });
});

describe('R1 a lease that was lost', () => {
  it('gives way to the result of whoever has taken over', async () => {
    const rooms = roomsWith();
    leaseThat(rooms, async () => {
      await publishWinner(rooms);
      return false;
    });
    expect(tokenOf(await rooms.refresh.refresh(sessionOf()))).toBe('the winner');
    expect(await successorsOf(rooms).newest(sessionOf())).toMatchObject({ generation: 1 });
  });

  it('does not lose the result where nobody has', async () => {
    const rooms = roomsWith();
    leaseThat(rooms, () => Promise.resolve(false));
    expect(tokenOf(await rooms.refresh.refresh(sessionOf()))).toBe("refresh-token'");
    expect(tokenOf(await successorsOf(rooms).newest(sessionOf()))).toBe("refresh-token'");
  });

  it('is one of this session alone', async () => {
    const rooms = roomsWith();
    const acquire = jest.spyOn(rooms.store, 'acquire');
    await rooms.refresh.refresh(sessionOf());
    expect(acquire.mock.calls.map(([key]) => key)).toEqual([`${sessionOf().id}:refresh`]);
  });

  it('that nobody gives up says when to try again', async () => {
    const rooms = roomsWith();
    rooms.store.acquire = () => Promise.resolve(undefined);
    expect(await failureOf(rooms.refresh.refresh(sessionOf()))).toMatchObject({ retryAfter: 1 });
  });
});

describe('the shared store being away', () => {
  it('lets a provider that takes a token twice be asked, and late comers find what came of it', async () => {
    const rooms = roomsWith({ replayWindow: 60 });
    rooms.store.failing.add('acquire');
    await rooms.refresh.refresh(sessionOf());
    expect(tokenOf(await successorsOf(rooms).newest(sessionOf()))).toBe("refresh-token'");
  });

  it('sends no refresh token that the session does not have', async () => {
    const rooms = roomsWith({ replayWindow: 60 });
    rooms.store.failing.add('acquire');
    const session = sessionOf({ tokens: tokensOf({ refreshToken: undefined }) });
    expect(await failureOf(rooms.refresh.refresh(session))).toBeInstanceOf(CoordinationUnavailableException);
    expect(rooms.endpoint.forms).toEqual([]);
  });

  it('is the one reason to ask without a lease: a refusal is not answered by asking again', async () => {
    const rooms = roomsWith({ replayWindow: 60 });
    rooms.endpoint.answer = () => ({ status: 400, body: { error: 'invalid_grant' } });
    expect(await failureOf(rooms.refresh.refresh(sessionOf()))).toBeInstanceOf(LoginRequiredException);
    expect(rooms.endpoint.forms).toHaveLength(1);
  });

  it('puts off telling the others, each session for itself, and says so', async () => {
    holdTimers();
    const rooms = roomsWith();
    const sessions = ['one', 'other'].map((id) => sessionOf({ id }));
    let isAway = true;
    leaseThat(rooms, () => (isAway ? Promise.reject(new CoordinationUnavailableException()) : Promise.resolve(false)));
    expect(await Promise.all(sessions.map((session) => rooms.refresh.refresh(session)))).toMatchObject([
      { id: 'one', generation: 1 },
      { id: 'other', generation: 1 },
    ]);
    expect(rooms.events).toContainEqual(
      expect.objectContaining({ type: 'refresh.not_published', reason: 'the shared store does not answer' }),
    );
    isAway = false;
    await jest.advanceTimersByTimeAsync(200);
    const newest = await Promise.all(sessions.map((session) => successorsOf(rooms).newest(session)));
    expect(newest.map(({ generation }) => generation)).toEqual([1, 1]);
  });

  it('does not matter to a holder whose lease publishes', async () => {
    const rooms = roomsWith();
    const { answer } = rooms.endpoint;
    rooms.endpoint.answer = (form) => {
      rooms.store.failing.add('put');
      return answer(form);
    };
    await rooms.refresh.refresh(sessionOf());
    expect(types(rooms)).toEqual(['refresh.succeeded']);
    expect(await successorsOf(rooms).newest(sessionOf())).toMatchObject({ generation: 1 });
  });
});

describe('an attempt', () => {
  it('stays known once the refresh token was rotated, and is over where it was not', async () => {
    const rooms = roomsWith();
    await rooms.refresh.refresh(sessionOf());
    expect(rooms.events).toMatchObject([{ type: 'refresh.succeeded', rotated: true }]);
    expect(await successorsOf(rooms).beginAttempt(sessionOf())).toBe('unknown');
    rooms.endpoint.answer = () => ({ body: { access_token: 'a', token_type: 'Bearer' } });
    const session = sessionOf({ id: 'other' });
    await rooms.refresh.refresh(session);
    expect(await successorsOf(rooms).beginAttempt(session)).toBe('none');
  });

  it('that ends in a refusal is over', async () => {
    const rooms = roomsWith();
    rooms.endpoint.answer = () => ({ status: 400, body: { error: 'invalid_scope' } });
    await failureOf(rooms.refresh.refresh(sessionOf()));
    expect(await successorsOf(rooms).beginAttempt(sessionOf())).toBe('none');
  });
});

describe('a failure', () => {
  it('of this application at the provider keeps its cause, and says when to try again', async () => {
    const rooms = roomsWith();
    rooms.endpoint.answer = () => ({ status: 400, body: { error: 'invalid_scope' } });
    expect(await failureOf(rooms.refresh.refresh(sessionOf()))).toMatchObject({
      retryAfter: 30,
      cause: { error: 'invalid_scope' },
    });
  });

  it.each([
    ['a refusal', { status: 400, body: { error: 'invalid_grant' } }, 'the provider refused the refresh token'],
    [
      'another identity',
      { body: { access_token: 'a', token_type: 'Bearer', id_token: jwtOf({ sub: 'mallory' }) } },
      'the provider answered with another identity',
    ],
  ])('by %s ends the session, and says why', async (_, answer, reason) => {
    const rooms = roomsWith();
    rooms.endpoint.answer = () => answer;
    await failureOf(rooms.refresh.refresh(sessionOf()));
    expect(rooms.events).toContainEqual(expect.objectContaining({ type: 'session.ended', subject: 'alice', reason }));
  });

  it.each(['publish', 'delete'] as const)('of our own in %s is not taken for a store that is away', async (method) => {
    const rooms = roomsWith();
    const broken = new RangeError('out of order');
    if (method === 'publish') leaseThat(rooms, () => Promise.reject(broken));
    else rooms.store.delete = () => Promise.reject(broken);
    rooms.endpoint.answer = () => ({
      body: { access_token: 'a', token_type: 'Bearer', ...(method === 'publish' ? { refresh_token: 'next' } : {}) },
    });
    expect(await failureOf(rooms.refresh.refresh(sessionOf()))).toBe(broken);
  });
});
