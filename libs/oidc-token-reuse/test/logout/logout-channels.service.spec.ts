import { describe, expect, it } from '@jest/globals';
import {
  CoordinationUnavailableException,
  InvalidRequestException,
  ProviderUnavailableException,
} from '../../src/errors/exceptions.js';
import { OidcException } from '../../src/errors/oidc.exception.js';
import { LogoutChannelsService } from '../../src/logout/logout-channels.service.js';
import { OidcEvents } from '../../src/observability/events.js';
import { Tombstones } from '../../src/session/tombstones.js';
import { TRANSACTION_LIFETIME } from '../../src/session/transaction.js';
import {
  InvalidLogoutTokenError,
  type LogoutToken,
  type LogoutTokenVerifier,
} from '../../src/verification/logout-token.verifier.js';
import { OPTIONS } from '../config/valid-options.js';
import { failureOf, Recorder } from '../provider/support.js';
import { roomsWith } from '../refresh/support.js';
import { NOW, sessionOf } from '../session/support.js';

const { issuer } = OPTIONS;
const TOKEN: LogoutToken = { issuer, providerSessionId: 'sid-1', subject: 'alice', jti: 'jti-1', expiresAt: NOW + 120 };

/** The channels with a verifier that says what a test wants. */
function bench(answer: () => LogoutToken = () => TOKEN) {
  const { provider, clock, store, sessions } = roomsWith({ clockTolerance: 30 });
  const recorder = new Recorder();
  const logoutTokens: Pick<LogoutTokenVerifier, 'verify'> = { verify: async () => answer() };
  const tombstones = new Tombstones(store, provider.options, clock);
  const channels = new LogoutChannelsService({
    provider,
    logoutTokens: logoutTokens as LogoutTokenVerifier, // its one method is all that is asked of it
    sessions,
    tombstones,
    coordinator: store,
    clock,
    events: new OidcEvents(recorder),
  });
  const hasEnded = (subject: string, providerSessionId?: string): Promise<boolean> =>
    tombstones.has(sessionOf({ issuer, subject, providerSessionId }));
  const lifetime = provider.options.sessionAbsoluteLifetime;
  return { channels, clock, store, recorder, lifetime, hasEnded };
}

describe('back-channel logout', () => {
  it('ends the one session that the token names, and says so', async () => {
    const { channels, recorder, hasEnded } = bench();
    await channels.backChannel('token');
    expect([await hasEnded('alice', 'sid-1'), await hasEnded('alice', 'sid-2'), await hasEnded('alice')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(recorder.events).toEqual([{ type: 'logout.received', issuer, channel: 'back', subject: 'alice' }]);
  });

  it('names no subject that the token does not name', async () => {
    const { channels, recorder } = bench(() => ({ ...TOKEN, subject: undefined }));
    await channels.backChannel('token');
    expect(recorder.events).toStrictEqual([{ type: 'logout.received', issuer, channel: 'back' }]);
  });

  it('ends all sessions of the subject when the token names no session', async () => {
    const { channels, hasEnded } = bench(() => ({ ...TOKEN, providerSessionId: undefined }));
    await channels.backChannel('token');
    expect([await hasEnded('alice', 'sid-2'), await hasEnded('alice'), await hasEnded('bob')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('O1 lets each token count once, for as long as it is valid', async () => {
    const { channels, clock, recorder } = bench();
    await channels.backChannel('token');
    clock.advance(149);
    const failure = await failureOf(channels.backChannel('token'));
    expect([failure, (failure as Error).message]).toEqual([
      expect.any(InvalidRequestException),
      'the logout token was used before',
    ]);
    expect(recorder.events).toHaveLength(1);
    clock.advance(1);
    await channels.backChannel('token');
  });

  it.each(['acquire', 'get', 'put'] as const)(
    'takes a token again that could not be carried out, since "%s" failed',
    async (method) => {
      const { channels, store, recorder, hasEnded } = bench();
      store.failing.add(method);
      expect(await failureOf(channels.backChannel('token'))).toBeInstanceOf(CoordinationUnavailableException);
      store.failing.clear();
      expect([await hasEnded('alice', 'sid-1'), recorder.events]).toEqual([false, []]);
      await channels.backChannel('token');
      expect(await hasEnded('alice', 'sid-1')).toBe(true);
      expect(await failureOf(channels.backChannel('token'))).toBeInstanceOf(InvalidRequestException);
    },
  );

  it('says that it cannot be decided when the lease was lost meanwhile, and takes the token again', async () => {
    const { channels, store, recorder } = bench();
    const lost = { publish: () => Promise.resolve(false), release: () => Promise.resolve() };
    const acquire = store.acquire.bind(store);
    store.acquire = () => Promise.resolve(lost);
    expect(await failureOf(channels.backChannel('token'))).toBeInstanceOf(CoordinationUnavailableException);
    store.acquire = () => Promise.resolve(undefined);
    expect(await failureOf(channels.backChannel('token'))).toBeInstanceOf(CoordinationUnavailableException);
    store.acquire = acquire;
    await channels.backChannel('token');
    expect(recorder.reasons('logout.received')).toHaveLength(1);
  });

  it('O1 remembers one that is about to expire for a second', async () => {
    const { channels } = bench(() => ({ ...TOKEN, expiresAt: NOW - 30 }));
    await channels.backChannel('token');
    expect(await failureOf(channels.backChannel('token'))).toBeInstanceOf(InvalidRequestException);
  });

  it('O2 tells tokens of two issuers apart that have one jti', async () => {
    let other = issuer;
    const { channels, recorder } = bench(() => ({ ...TOKEN, issuer: other }));
    await channels.backChannel('token');
    other = 'https://other.example.com';
    await channels.backChannel('token');
    expect(recorder.reasons('logout.received')).toHaveLength(2);
  });

  it('refuses a token that is not acceptable, and says why to the log alone', async () => {
    const { channels, recorder, hasEnded } = bench(() => {
      throw new InvalidLogoutTokenError('unexpected "aud" claim value');
    });
    const failure = await failureOf(channels.backChannel('token'));
    expect(failure).toBeInstanceOf(InvalidRequestException);
    expect(failure).toMatchObject({
      message: 'the logout token is not acceptable',
      cause: { name: 'InvalidLogoutTokenError' },
    });
    expect(recorder.events).toEqual([{ type: 'token.rejected', issuer, reason: 'unexpected "aud" claim value' }]);
    expect(await hasEnded('alice', 'sid-1')).toBe(false);
  });

  it('passes on that it cannot be decided now', async () => {
    const { channels, recorder } = bench(() => {
      throw new ProviderUnavailableException('away');
    });
    expect(await failureOf(channels.backChannel('token'))).toBeInstanceOf(ProviderUnavailableException);
    expect(recorder.events).toEqual([]);
  });
});

describe('front-channel logout', () => {
  it('ends the one session that it names, and says so', async () => {
    const { channels, recorder, hasEnded } = bench();
    await channels.frontChannel(issuer, 'sid-1');
    expect([await hasEnded('alice', 'sid-1'), await hasEnded('alice', 'sid-2')]).toEqual([true, false]);
    expect(recorder.events).toEqual([{ type: 'logout.received', issuer, channel: 'front' }]);
  });

  it.each([undefined, '', 'https://other.example.com'])('O3 refuses the issuer %s', async (other) => {
    const { channels, hasEnded } = bench();
    const failure = await failureOf(channels.frontChannel(other, 'sid-1'));
    expect([failure, (failure as Error).message]).toEqual([
      expect.any(InvalidRequestException),
      "parameter 'iss' is not the issuer",
    ]);
    expect(await hasEnded('alice', 'sid-1')).toBe(false);
  });

  it.each([undefined, '', 'x'.repeat(257)])('O3 refuses the session %s', async (sid) => {
    const failure = await failureOf(bench().channels.frontChannel(issuer, sid));
    expect([failure, (failure as Error).message]).toEqual([
      expect.any(InvalidRequestException),
      "parameter 'sid' is missing or too long",
    ]);
  });

  it('accepts a session named by 256 characters', async () => {
    const { channels, hasEnded } = bench();
    await channels.frontChannel(issuer, 'x'.repeat(256));
    expect(await hasEnded('alice', 'x'.repeat(256))).toBe(true);
  });

  it('O3 remembers a session that nobody can know of as long as its cookies could live', async () => {
    const { channels, clock, lifetime, hasEnded } = bench();
    await channels.frontChannel(issuer, 'pushed-out');
    clock.advance(lifetime - 1);
    expect(await hasEnded('alice', 'pushed-out')).toBe(true);
    clock.advance(1);
    expect(await hasEnded('alice', 'pushed-out')).toBe(false);
  });

  it('O3 remembers a session that is not there as long as a login may take', async () => {
    const { channels, clock, store, hasEnded } = bench();
    Object.assign(store, { mayLackMembers: false });
    await channels.frontChannel(issuer, 'not-there');
    clock.advance(TRANSACTION_LIFETIME - 1);
    expect(await hasEnded('alice', 'not-there')).toBe(true);
    clock.advance(1);
    expect(await hasEnded('alice', 'not-there')).toBe(false);
  });

  it('O3 takes a hundred in ten seconds, and no more of them', async () => {
    const { channels, clock, hasEnded } = bench();
    for (let index = 0; index < 100; index += 1) await channels.frontChannel(issuer, `sid-${String(index)}`);
    const failure = await failureOf(channels.frontChannel(issuer, 'sid-100'));
    if (!(failure instanceof OidcException)) throw failure;
    const { code, message, headers } = failure;
    expect({ code, status: failure.getStatus(), message, headers }).toEqual({
      code: 'too_many_requests',
      status: 429,
      message: 'too many sessions are being ended through browsers',
      headers: { 'Retry-After': '10' },
    });
    expect(await hasEnded('alice', 'sid-100')).toBe(false);
    clock.advance(10);
    await channels.frontChannel(issuer, 'sid-100');
    expect(await hasEnded('alice', 'sid-100')).toBe(true);
  });
});
