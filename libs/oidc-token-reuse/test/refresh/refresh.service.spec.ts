import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OidcException } from '../../src/errors/oidc.exception.js';
import { LostResponseException } from '../../src/provider/provider-fetch.js';
import type { Session } from '../../src/session/session.js';
import { jwtOf, NOW, sessionOf, tokensOf } from '../session/support.js';
import { principalOf } from '../support.js';
import { roomsWith, TokenEndpoint, type Rooms } from './support.js';

const WITH_REFRESH = (refreshToken: string): Pick<Session, 'tokens'> => ({ tokens: tokensOf({ refreshToken }) });

/** What comes of a renewal: the new refresh token, or the failure's code and text. */
async function outcome(renewal: Promise<Session>): Promise<unknown> {
  try {
    return (await renewal).tokens.refreshToken?.reveal();
  } catch (error) {
    return error instanceof OidcException ? `${error.code}: ${error.message}` : error;
  }
}

function typesOf({ events }: Rooms): readonly string[] {
  return events.map(({ type }) => type);
}

describe('an access token', () => {
  const { refresh, clock } = roomsWith({ clockTolerance: 30 });

  it.each([
    [0, false],
    [299, false],
    [300, true],
    [-30, false],
    [-31, true],
  ])('is expired %d seconds after it came: %s', (age, expired) => {
    clock.seconds = NOW + age;
    expect(refresh.isExpired(sessionOf())).toBe(expired);
    clock.seconds = NOW;
  });

  it('never expires where there is none', () => {
    clock.seconds = NOW + 90_000;
    expect(refresh.isExpired(sessionOf({ tokens: tokensOf({ accessToken: undefined }) }))).toBe(false);
    clock.seconds = NOW;
  });

  it.each([
    ['a life of five minutes', { expiresAt: NOW + 300 }, 30],
    ['a life of an hour', { expiresAt: NOW + 3600 }, 30],
    ['a life of 100 seconds', { expiresAt: NOW + 100 }, 10],
  ])('with %s is in its last stretch for at most %d seconds and half of that at least', (_, parts, stretch) => {
    const tokens = tokensOf(parts);
    const starts = Array.from({ length: 50 }, (__, id) => {
      const session = sessionOf({ id: String(id), tokens });
      const isNear = (left: number): boolean => {
        clock.seconds = tokens.expiresAt - left;
        return refresh.isInLastStretch(session);
      };
      return Array.from({ length: 60 }, (___, left) => left).filter(isNear).length - 1;
    });
    expect(Math.max(...starts)).toBeLessThanOrEqual(stretch);
    expect(Math.min(...starts)).toBeGreaterThanOrEqual(stretch / 2 - 1);
    expect(new Set(starts).size).toBeGreaterThan(3);
    clock.seconds = NOW;
  });

  it.each([
    ['lives under a minute', { expiresAt: NOW + 59 }],
    ['cannot be renewed', { refreshToken: undefined }],
    ['is not there', { accessToken: undefined }],
  ])('that %s has no last stretch', (_, parts) => {
    const tokens = tokensOf(parts);
    clock.seconds = tokens.expiresAt - 1;
    expect(refresh.isInLastStretch(sessionOf({ tokens }))).toBe(false);
    clock.seconds = NOW;
  });

  it('that lives a minute has a last stretch', () => {
    clock.seconds = NOW + 59;
    expect(refresh.isInLastStretch(sessionOf({ tokens: tokensOf({ expiresAt: NOW + 60 }) }))).toBe(true);
    clock.seconds = NOW;
  });
});

describe('R1 a renewal', () => {
  it('is one for all who ask with the same token set, also for those who come when it is over', async () => {
    const rooms = roomsWith();
    const waiting = Array.from({ length: 100 }, () => outcome(rooms.refresh.refresh(sessionOf())));
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["refresh-token'"]));
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe("refresh-token'");
    expect(rooms.endpoint.seen).toEqual(['refresh-token']);
    expect(typesOf(rooms)).toEqual(['refresh.succeeded', 'refresh.adopted']);
  });

  it.each([
    ['is strict', 0],
    ['takes a token twice', 60],
  ])('is one in two processes that coordinate, where the provider %s', async (_how, replayWindow) => {
    const one = roomsWith({ replayWindow });
    const other = roomsWith({ replayWindow }, one);
    const outcomes = await Promise.all(
      [one, other, one, other].map(({ refresh }) => outcome(refresh.refresh(sessionOf()))),
    );
    expect([outcomes, one.endpoint.seen]).toEqual([Array(4).fill("refresh-token'"), ['refresh-token']]);
  });

  it('fails for all who wait when it fails, and is tried again by the next', async () => {
    const rooms = roomsWith();
    const { answer } = rooms.endpoint;
    rooms.endpoint.answer = () => ({ status: 503, body: {} });
    const waiting = Array.from({ length: 10 }, () => outcome(rooms.refresh.refresh(sessionOf())));
    expect(new Set(await Promise.all(waiting))).toEqual(
      new Set(['provider_unavailable: the OpenID Provider answered 503']),
    );
    expect(rooms.endpoint.forms).toHaveLength(1);
    rooms.endpoint.answer = answer;
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe("refresh-token'");
  });

  it('R2 is never shared by two identities', async () => {
    const text = fc.constantFrom('a', 'b', 'a:b', '');
    const identity = fc.record({
      issuer: text,
      tenant: fc.option(text, { nil: undefined }),
      subject: text,
      id: text,
      generation: fc.nat({ max: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(identity, {
          minLength: 2,
          maxLength: 6,
          selector: (parts) =>
            JSON.stringify([parts.issuer, parts.tenant ?? '', parts.subject, parts.id, parts.generation]),
        }),
        async (identities) => {
          const endpoint = new TokenEndpoint();
          endpoint.answer = () => ({
            body: { access_token: `access ${String(endpoint.forms.length)}`, token_type: 'Bearer' },
          });
          const { refresh } = roomsWith({}, { endpoint });
          const renewed = await Promise.all(identities.map((parts) => refresh.refresh(sessionOf(parts))));
          expect(
            renewed.map(({ issuer, tenant, subject, id, generation }) => ({
              issuer,
              tenant,
              subject,
              id,
              generation: generation - 1,
            })),
          ).toEqual(identities);
          expect(new Set(renewed.map(({ tokens }) => tokens.accessToken?.reveal())).size).toBe(identities.length);
        },
      ),
      { numRuns: 30 },
    );
  });

  it.each([
    ['who wants to know the end', ({ refresh }: Rooms) => refresh.settled(sessionOf())],
    ['the end of the process', ({ refresh }: Rooms) => refresh.drain()],
  ])('is waited for by %s', async (_, waitFor) => {
    const rooms = roomsWith();
    const order: string[] = [];
    rooms.endpoint.answer = async () => {
      await new Promise(setImmediate);
      order.push('answered');
      return undefined;
    };
    const renewal = outcome(rooms.refresh.refresh(sessionOf()));
    await waitFor(rooms);
    order.push('waited');
    await renewal;
    expect(order).toEqual(['answered', 'waited']);
  });
});

describe('a refresh token', () => {
  it('known to be spent is never sent', async () => {
    const rooms = roomsWith({ successorGrace: 60 });
    await rooms.refresh.refresh(sessionOf());
    rooms.clock.advance(61);
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe(
      'login_required: the session was renewed elsewhere; sign in again',
    );
    expect([rooms.endpoint.seen, typesOf(rooms)]).toEqual([
      ['refresh-token'],
      ['refresh.succeeded', 'refresh.replay_detected'],
    ]);
  });

  it('that was refused is not sent again, and the end is told once', async () => {
    const rooms = roomsWith();
    rooms.endpoint.answer = () => ({ status: 400, body: { error: 'invalid_grant' } });
    const ended = 'login_required: the session has ended; sign in again';
    const first = [outcome(rooms.refresh.refresh(sessionOf())), outcome(rooms.refresh.refresh(sessionOf()))];
    expect([...(await Promise.all(first)), await outcome(rooms.refresh.refresh(sessionOf()))]).toEqual([
      ended,
      ended,
      ended,
    ]);
    expect([rooms.endpoint.seen.length, typesOf(rooms)]).toEqual([1, ['session.ended']]);
  });

  it('that was refused after somebody else had renewed the session gives their result', async () => {
    const rooms = roomsWith();
    const winner = sessionOf({ generation: 1, ...WITH_REFRESH('the winner') });
    rooms.endpoint.answer = async () => {
      const { Successors } = await import('../../src/refresh/successors.js');
      const successors = new Successors(rooms.store, { sessionAbsoluteLifetime: 60 });
      for (const record of await successors.recordsOf(sessionOf(), winner, 60))
        await rooms.store.put(record.space, record.key, record);
      return { status: 400, body: { error: 'invalid_grant' } };
    };
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe('the winner');
    expect(typesOf(rooms)).toEqual(['refresh.adopted']);
  });

  it('is needed', async () => {
    const rooms = roomsWith();
    const session = sessionOf({ tokens: tokensOf({ refreshToken: undefined }) });
    expect(await outcome(rooms.refresh.refresh(session))).toBe('login_required: the session has ended; sign in again');
    expect(rooms.events).toMatchObject([{ type: 'session.ended', reason: 'nothing can renew it' }]);
  });

  it('of a provider that does not rotate serves again and again, and nobody speaks of a takeover', async () => {
    const rooms = roomsWith();
    rooms.endpoint.answer = () => ({ body: { access_token: 'a', token_type: 'Bearer', expires_in: 300 } });
    let session = sessionOf();
    for (let round = 0; round < 3; round += 1) session = await rooms.refresh.refresh(session);
    expect([session.generation, session.tokens.refreshToken?.reveal(), rooms.endpoint.forms.length]).toEqual([
      3,
      'refresh-token',
      3,
    ]);
    expect(rooms.events).toMatchObject(Array(3).fill({ type: 'refresh.succeeded', rotated: false }));
  });
});

describe('a lost answer', () => {
  it('is asked for once more within the replay window, with the same token', async () => {
    const rooms = roomsWith({ replayWindow: 60 });
    const { answer } = rooms.endpoint;
    rooms.endpoint.answer = (form) => (rooms.endpoint.forms.length === 1 ? undefined : answer(form));
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe("refresh-token'");
    expect(rooms.endpoint.seen).toEqual(['refresh-token', 'refresh-token']);
    expect(rooms.events).toMatchObject([
      { type: 'provider.down' },
      { type: 'refresh.lost_response', replayed: true },
      { type: 'provider.up' },
      { type: 'refresh.succeeded' },
    ]);
  });

  it('is not asked for again by itself where the provider is strict; the next request does, and says so', async () => {
    const rooms = roomsWith({ replayWindow: 0 });
    const { answer } = rooms.endpoint;
    rooms.endpoint.answer = () => undefined;
    await expect(rooms.refresh.refresh(sessionOf())).rejects.toThrow(LostResponseException);
    expect(rooms.endpoint.forms).toHaveLength(1);
    rooms.endpoint.answer = answer;
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe("refresh-token'");
    expect(typesOf(rooms)).toEqual([
      'provider.down',
      'refresh.lost_response',
      'refresh.unavailable',
      'refresh.taken_over',
      'provider.up',
      'refresh.succeeded',
    ]);
  });

  it('that took longer than the replay window is not asked for again', async () => {
    const rooms = roomsWith({ replayWindow: 2 });
    rooms.endpoint.answer = () => {
      rooms.clock.advance(2);
      return undefined;
    };
    await expect(rooms.refresh.refresh(sessionOf())).rejects.toThrow(LostResponseException);
    expect(rooms.events).toContainEqual(expect.objectContaining({ type: 'refresh.lost_response', replayed: false }));
  });
});

describe('a provider that is not known yet', () => {
  it.each([
    ['answers 500', () => new Response(null, { status: 500 })],
    ['answers with a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    [
      'does not answer',
      (): Response => {
        throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } });
      },
    ],
  ])('and %s has lost no answer: it was sent no refresh token', async (_what, discovery) => {
    const rooms = roomsWith({ replayWindow: 60 });
    rooms.endpoint.discovery = discovery;
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toMatch(/^provider_unavailable: /);
    expect(typesOf(rooms).filter((type) => type.startsWith('refresh.'))).toEqual(['refresh.unavailable']);
    rooms.provider.close();
  });
});

describe('a refusal', () => {
  it.each(['interaction_required', 'login_required', 'consent_required', 'account_selection_required'])(
    'with %s asks for the end-user',
    async (error) => {
      const rooms = roomsWith();
      rooms.endpoint.answer = () => ({ status: 400, body: { error } });
      expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe(
        'login_required: the session has ended; sign in again',
      );
      expect(rooms.events).toMatchObject([
        { type: 'session.ended', reason: 'the OpenID Provider asks for the end-user' },
      ]);
    },
  );

  it.each([
    'invalid_client',
    'unauthorized_client',
    'invalid_scope',
    'invalid_request',
    'temporarily_unavailable',
    'Odd Code!',
  ])('with %s keeps the session', async (error) => {
    const rooms = roomsWith();
    const { answer } = rooms.endpoint;
    rooms.endpoint.answer = () => ({ status: 400, body: { error } });
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe(
      'provider_unavailable: the OpenID Provider refuses this application; its log names the reason',
    );
    const reason = error === 'Odd Code!' ? 'unknown_error' : error;
    const aboutClient = error === 'invalid_client' ? [{ type: 'client.credential_refused' }] : [];
    expect(rooms.events).toMatchObject([...aboutClient, { type: 'refresh.unavailable', reason }]);
    rooms.endpoint.answer = answer;
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe("refresh-token'");
  });
});

describe('what is shared', () => {
  it('being away keeps the session where the provider is strict, and asks it nothing', async () => {
    const rooms = roomsWith();
    rooms.store.failing.add('acquire');
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe(
      'session_store_unavailable: the shared store does not answer',
    );
    expect(rooms.endpoint.forms).toEqual([]);
  });

  it('being away does not stop a provider that takes a token twice', async () => {
    const rooms = roomsWith({ replayWindow: 60 });
    rooms.store.failing.add('acquire').add('get').add('put').add('delete');
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe("refresh-token'");
  });

  it('going away meanwhile does not cost the new tokens', async () => {
    const rooms = roomsWith();
    const { answer } = rooms.endpoint;
    rooms.endpoint.answer = (form) => {
      rooms.store.failing.add('get').add('put').add('delete');
      return answer(form);
    };
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe("refresh-token'");
  });

  it('going away meanwhile does not hide why the renewal failed', async () => {
    const rooms = roomsWith();
    rooms.endpoint.answer = () => {
      rooms.store.failing.add('delete');
      return { status: 400, body: { error: 'invalid_client' } };
    };
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toMatch(
      /^provider_unavailable: the OpenID Provider refuses this application/,
    );
  });

  it('is waited for no longer than a leader takes', async () => {
    const rooms = roomsWith({ tokenRequestTimeout: 1000 });
    const waits: number[] = [];
    rooms.store.acquire = async (_key, { wait }) => {
      waits.push(wait);
      return undefined;
    };
    expect(await outcome(rooms.refresh.refresh(sessionOf()))).toBe(
      'provider_unavailable: another instance is still renewing this session',
    );
    expect(waits).toEqual([42_000]);
  });
});

describe('R5 another identity', () => {
  const accepted = tokensOf({ idToken: jwtOf({ iss: 'https://id.example.com', sub: 'alice' }) });

  it.each([
    ['iss', { iss: 'https://other.example', sub: 'alice' }],
    ['sub', { iss: 'https://provider.example', sub: 'mallory' }],
    ['sub', { iss: 'https://provider.example' }],
  ])('by %s ends the session also while the keys cannot be had', async (claim, claims) => {
    const rooms = roomsWith();
    rooms.endpoint.answer = () => ({ body: { access_token: 'a', token_type: 'Bearer', id_token: jwtOf(claims) } });
    expect(await outcome(rooms.refresh.refresh(sessionOf({ tokens: accepted })))).toBe(
      'login_required: the session has ended; sign in again',
    );
    expect(rooms.events).toContainEqual(expect.objectContaining({ type: 'refresh.identity_changed', claim }));
    expect(await outcome(rooms.refresh.refresh(sessionOf({ tokens: accepted })))).toBe(
      'login_required: the session was signed out',
    );
  });

  it('is not made of an ID Token that cannot be verified now: the one before stays', async () => {
    const rooms = roomsWith();
    const before = sessionOf({ tenant: 'tenant', tokens: accepted, claims: { nonce: 'n', name: 'Alice' } });
    const idToken = jwtOf({ iss: before.issuer, sub: 'alice', tid: 'tenant', nonce: 'n', name: 'Forged' });
    rooms.endpoint.answer = () => ({ body: { access_token: 'a', token_type: 'Bearer', id_token: idToken } });
    const renewed = await rooms.refresh.refresh(before);
    expect([renewed.tokens.idToken.reveal(), renewed.claims['name']]).toEqual([accepted.idToken.reveal(), undefined]);
  });

  it.each([
    ['tid', { tid: 'other', nonce: 'n' }],
    ['nonce', { tid: 'tenant', nonce: 'm' }],
  ])('is seen by %s', async (claim, claims) => {
    const rooms = roomsWith();
    const before = sessionOf({ tenant: 'tenant', claims: { nonce: 'n' } });
    const idToken = jwtOf({ iss: before.issuer, sub: 'alice', ...claims });
    rooms.endpoint.answer = () => ({ body: { access_token: 'a', token_type: 'Bearer', id_token: idToken } });
    await outcome(rooms.refresh.refresh(before));
    expect(rooms.events).toContainEqual(expect.objectContaining({ type: 'refresh.identity_changed', claim }));
  });

  it.each([
    [{ nonce: 'n' }, {}],
    [{}, { nonce: 'n' }],
  ])('is not seen in a nonce of which one side is missing: %j, %j', async (claims, after) => {
    const rooms = roomsWith();
    const before = sessionOf({ claims });
    const idToken = jwtOf({ iss: before.issuer, sub: 'alice', ...after });
    rooms.endpoint.answer = () => ({ body: { access_token: 'a', token_type: 'Bearer', id_token: idToken } });
    expect((await rooms.refresh.refresh(before)).generation).toBe(1);
  });
});

describe('a renewed session', () => {
  it('keeps what the provider leaves out', async () => {
    const rooms = roomsWith();
    const before = sessionOf({ tokens: tokensOf({ refreshExpiresAt: NOW + 1000, scope: 'openid email' }) });
    rooms.endpoint.answer = () => ({ body: { access_token: 'new', token_type: 'Bearer' } });
    rooms.clock.advance(10);
    const { tokens, renewedAt, generation, id } = await rooms.refresh.refresh(before);
    expect({ tokens, renewedAt, generation, id }).toEqual({
      id: before.id,
      generation: 1,
      renewedAt: NOW + 10,
      tokens: { ...before.tokens, accessToken: tokens.accessToken, issuedAt: NOW + 10, expiresAt: NOW + 3610 },
    });
    expect(tokens.refreshToken?.reveal()).toBe('refresh-token');
  });

  it('does not keep the life of a refresh token that was replaced', async () => {
    const rooms = roomsWith();
    const before = sessionOf({ tokens: tokensOf({ refreshExpiresAt: NOW + 1000 }) });
    expect((await rooms.refresh.refresh(before)).tokens.refreshExpiresAt).toBeUndefined();
  });

  it('was asked for with the parameters of the options', async () => {
    const rooms = roomsWith({
      preset: 'entra',
      issuer: OPTIONS_ISSUER,
      refreshAudience: 'api',
      resource: 'https://api.example',
      scope: 'openid x',
    });
    await rooms.refresh.refresh(sessionOf());
    expect(rooms.endpoint.forms).toEqual([
      {
        grant_type: 'refresh_token',
        client_id: 'client-1',
        refresh_token: 'refresh-token',
        scope: 'openid x',
        audience: 'api',
        resource: 'https://api.example',
      },
    ]);
  });
});

const OPTIONS_ISSUER = 'https://id.example.com';

describe('a source of tokens', () => {
  it('gives the token that can be used now, and renews behind the browser for as long as the session may be idle', async () => {
    const rooms = roomsWith({ sessionIdleLifetime: 5000 });
    const session = sessionOf();
    expect((await rooms.refresh.alive(session)).tokens.accessToken?.reveal()).toBe('access-token');
    rooms.clock.advance(300);
    expect((await rooms.refresh.alive(session)).tokens.accessToken?.reveal()).toBe('access by refresh-token');
    rooms.clock.advance(290);
    expect((await rooms.refresh.newest(session)).generation).toBe(1);
    expect(rooms.endpoint.forms).toHaveLength(1);
  });

  it('has nothing for a session that was signed out or is over', async () => {
    const rooms = roomsWith({ sessionIdleLifetime: 5000 });
    rooms.clock.advance(5000);
    expect(await outcome(rooms.refresh.alive(sessionOf()))).toBe('login_required: the session is over');
    rooms.clock.seconds = NOW;
    await rooms.store.put('tombstone', sessionOf().id, { value: '1', ttl: 60 });
    expect(await outcome(rooms.refresh.alive(sessionOf()))).toBe('login_required: the session was signed out');
  });

  it('is that of a principal with a session, and renews it when it is asked and not before', async () => {
    const rooms = roomsWith();
    const principal = principalOf({ session: sessionOf() });
    const source = rooms.refresh.tokenSource(principal);
    const tokens = async (): Promise<unknown> => (await source?.getAccessToken())?.reveal();
    expect([await tokens(), rooms.endpoint.forms]).toEqual(['access-token', []]);
    rooms.clock.advance(300);
    expect([await tokens(), await tokens()]).toEqual(['access by refresh-token', 'access by refresh-token']);
    rooms.clock.advance(300);
    expect([await tokens(), rooms.endpoint.seen]).toEqual([
      "access by refresh-token'",
      ['refresh-token', "refresh-token'"],
    ]);
  });

  it('does not exist for a bearer, and has nothing where no tokens are kept', async () => {
    const rooms = roomsWith();
    expect(rooms.refresh.tokenSource(principalOf({ kind: 'bearer' }))).toBeUndefined();
    const session = sessionOf({ tokens: tokensOf({ accessToken: undefined }) });
    const source = rooms.refresh.tokenSource(principalOf({ session }));
    await expect(source?.getAccessToken()).rejects.toMatchObject({ code: 'token_reuse_disabled' });
  });
});
