import { describe, expect, it } from '@jest/globals';
import { MemoryCoordinator } from '../../src/coordination/memory.coordinator.js';
import type { Session } from '../../src/session/session.js';
import { sessionDigest, Tombstones } from '../../src/session/tombstones.js';
import { sessionOf, TestClock } from './support.js';

const ISSUER = 'https://provider.example';
const LIFETIME = 1000;

function bench() {
  const clock = new TestClock();
  const coordinator = new MemoryCoordinator(clock);
  const tombstones = new Tombstones(coordinator, { sessionAbsoluteLifetime: LIFETIME }, clock);
  return { clock, coordinator, tombstones };
}

function sessionWith(id: string, parts: Partial<Session> = {}): Session {
  return sessionOf({ id, ...parts });
}

describe('Tombstones', () => {
  it('O2 ends the sessions of one session at the provider, and of no other and no other issuer', async () => {
    const { tombstones } = bench();
    await tombstones.markProviderSession({ issuer: ISSUER, providerSessionId: 'sid-1' });
    const sessions = [
      sessionWith('a', { providerSessionId: 'sid-1' }),
      sessionWith('b', { providerSessionId: 'sid-2' }),
      sessionWith('c', { providerSessionId: 'sid-1', issuer: 'https://other.example' }),
      sessionWith('d'),
    ];
    expect(await Promise.all(sessions.map((each) => tombstones.has(each)))).toEqual([true, false, false, false]);
  });

  it('O3 takes the word of a browser for the one session that it names', async () => {
    const { tombstones } = bench();
    await tombstones.markProviderSessionUnverified({ issuer: ISSUER, providerSessionId: 'sid-1' });
    expect(await tombstones.has(sessionWith('a', { providerSessionId: 'sid-1' }))).toBe(true);
    expect(await tombstones.has(sessionWith('b', { providerSessionId: 'sid-2' }))).toBe(false);
  });

  it('tells of a bearer token whose session at the provider has ended', async () => {
    const { tombstones } = bench();
    const [one, two, open] = ['sid-1', 'sid-2', 'sid-3'].map((providerSessionId) => ({
      issuer: ISSUER,
      providerSessionId,
    }));
    if (one === undefined || two === undefined || open === undefined) throw new Error('there are three');
    await tombstones.markProviderSession(one);
    await tombstones.markProviderSessionUnverified(two);
    const ended = [one, two, open].map((each) => tombstones.hasArrivedFor(each));
    expect(await Promise.all(ended)).toEqual([true, true, false]);
  });

  describe('known at once', () => {
    const AT_PROVIDER = { issuer: ISSUER, providerSessionId: 'sid-1' };
    const session = sessionWith('a', { providerSessionId: 'sid-1' });

    it.each<[string, (tombstones: Tombstones) => Promise<void>, boolean]>([
      ['by itself', (tombstones) => tombstones.mark(session), true],
      ['in favour of another', (tombstones) => tombstones.markReplaced(session, sessionWith('b')), true],
      ['with all of its subject', (tombstones) => tombstones.markSubject(session), true],
      ['with its session at the provider', (tombstones) => tombstones.markProviderSession(AT_PROVIDER), false],
      ['by the word of a browser', (tombstones) => tombstones.markProviderSessionUnverified(AT_PROVIDER), false],
    ])('is a session that has ended %s, and no other', async (_, end, isOpenAtProvider) => {
      const { tombstones } = bench();
      const others = [
        sessionWith('x', { subject: 'bob' }),
        sessionWith('y', { subject: 'bob', providerSessionId: 's' }),
      ];
      const known = () => [session, ...others].map((each) => tombstones.isKnownOpen(each));
      expect([known(), tombstones.isKnownOpenFor(AT_PROVIDER)]).toEqual([[true, true, true], true]);
      await end(tombstones);
      expect([known(), tombstones.isKnownOpenFor(AT_PROVIDER)]).toEqual([[false, true, true], isOpenAtProvider]);
      expect(await tombstones.hasArrived(session)).toBe(true);
      expect(await Promise.all(others.map((each) => tombstones.hasArrived(each)))).toEqual([false, false]);
    });

    it.each(['all', 'tombstone', 'unverified-tombstone'])('is nothing where the word of %s may be missing', (lost) => {
      const { coordinator, tombstones } = bench();
      const atOnce = coordinator.atOnce.bind(coordinator);
      coordinator.atOnce = (space, key) => (lost === 'all' || lost === space ? undefined : atOnce(space, key));
      expect([tombstones.isKnownOpen(session), tombstones.isKnownOpenFor(AT_PROVIDER)]).toEqual([false, false]);
    });
  });

  it('O2 does not take the name of a session at the provider for a subject, nor the reverse', async () => {
    const { tombstones } = bench();
    await tombstones.markProviderSession({ issuer: ISSUER, providerSessionId: 'alice' });
    expect(await tombstones.has(sessionWith('a', { subject: 'alice' }))).toBe(false);
    const other = bench().tombstones;
    await other.markSubject({ issuer: ISSUER, subject: 'sid-1' });
    expect(await other.hasArrivedFor({ issuer: ISSUER, providerSessionId: 'sid-1' })).toBe(false);
  });

  it('ends all of a subject that began before, to the millisecond, and nothing that began after', async () => {
    const { tombstones, clock } = bench();
    const now = clock.millis();
    await tombstones.markSubject({ issuer: ISSUER, subject: 'alice' });
    const began = [now - 1, now, now + 1].map((startedAt, index) => sessionWith(`s${String(index)}`, { startedAt }));
    expect(await Promise.all(began.map((each) => tombstones.has(each)))).toEqual([true, true, false]);
    expect(await tombstones.has(sessionWith('bob', { subject: 'bob', startedAt: now - 1 }))).toBe(false);
    const foreign = sessionWith('x', { issuer: 'https://other.example', startedAt: now - 1 });
    expect(await tombstones.has(foreign)).toBe(false);
  });

  it('follows ninety-nine links to the newest session, and no further', async () => {
    const { tombstones } = bench();
    const sessions = Array.from({ length: 101 }, (_, index) => sessionWith(`link-${String(index)}`));
    for (const [index, session] of sessions.entries()) {
      const next = sessions[index + 1];
      if (next !== undefined) await tombstones.markReplaced(session, next);
    }
    const [first, second] = sessions;
    if (first === undefined || second === undefined) throw new Error('there are a hundred and one');
    expect(await tombstones.fateOf(second, second)).toEqual({ is: 'open', id: 'link-100' });
    expect(await tombstones.fateOf(first, first)).toEqual({ is: 'signed-out' });
  });

  it('forgets when no cookie of the session can live any longer', async () => {
    const { tombstones, clock } = bench();
    const [one, two] = [sessionWith('one'), sessionWith('two')];
    await tombstones.mark(one);
    await tombstones.markReplaced(two, one);
    clock.advance(LIFETIME - 1);
    expect([await tombstones.has(one), await tombstones.isReplaced(two)]).toEqual([true, true]);
    clock.advance(1);
    expect([await tombstones.has(one), await tombstones.isReplaced(two)]).toEqual([false, false]);
  });

  it('S12 names a session for events by a digest that is always the same and is no key', () => {
    expect(sessionDigest(sessionWith('an-id'))).toBe('B1cj3NMrRMUi');
    expect(sessionDigest(sessionWith('another-id'))).not.toBe(sessionDigest(sessionWith('an-id')));
  });
});
