import { describe, expect, it } from '@jest/globals';
import { MemoryCoordinator } from '../../src/coordination/memory.coordinator.js';
import { SessionIndex } from '../../src/session/session-index.js';
import { sessionOf, TestClock } from './support.js';

const ISSUER = 'https://provider.example';
const ALICE = { issuer: ISSUER, subject: 'alice' };
const SID = { issuer: ISSUER, providerSessionId: 'sid-1' };

/** The names of the sets that the index writes. */
class NamingCoordinator extends MemoryCoordinator {
  readonly names = new Set<string>();

  override addMember(key: string, member: string, ttl: number): Promise<void> {
    this.names.add(key);
    return super.addMember(key, member, ttl);
  }
}

function bench() {
  const clock = new TestClock();
  const coordinator = new NamingCoordinator(clock);
  return { clock, coordinator, index: new SessionIndex(coordinator) };
}

describe('SessionIndex', () => {
  it('finds the sessions of a subject, with their places', async () => {
    const { index } = bench();
    await index.add(sessionOf({ id: 'one' }), { place: 'a', ttl: 60 });
    await index.add(sessionOf({ id: 'two', providerSessionId: 'sid-1' }), { place: '', ttl: 60 });
    await index.add(sessionOf({ id: 'three', subject: 'bob' }), { place: 'c', ttl: 60 });
    expect(await index.find(ALICE)).toEqual([
      { id: 'one', place: 'a' },
      { id: 'two', place: '' },
    ]);
    expect(await index.find(SID)).toEqual([{ id: 'two', place: '' }]);
  });

  it('knows that a session is there, and that none is where it lacks none', async () => {
    const { coordinator, index } = bench();
    await index.add(sessionOf(), { place: 'a', ttl: 60 });
    expect([await index.hasAny(ALICE), await index.hasAny(SID)]).toEqual([true, undefined]);
    Object.assign(coordinator, { mayLackMembers: false });
    expect([await index.hasAny(ALICE), await index.hasAny(SID)]).toEqual([true, false]);
  });

  it('O2 keeps issuers apart, and subjects from sessions at the provider', async () => {
    const { index } = bench();
    await index.add(sessionOf({ id: 'one', subject: 'sid-1', providerSessionId: 'alice' }), { place: 'a', ttl: 60 });
    await index.add(sessionOf({ id: 'two', issuer: 'https://other.example', providerSessionId: 'sid-1' }), {
      place: 'b',
      ttl: 60,
    });
    expect([await index.find(ALICE), await index.find(SID)]).toEqual([[], []]);
  });

  it('takes out what is removed, wherever it was entered', async () => {
    const { index } = bench();
    const session = sessionOf({ id: 'one', providerSessionId: 'sid-1' });
    await index.add(session, { place: 'a', ttl: 60 });
    await index.remove(session, 'another place');
    expect([(await index.find(ALICE)).length, (await index.find(SID)).length]).toEqual([1, 1]);
    await index.remove(session, 'a');
    expect([await index.find(ALICE), await index.find(SID)]).toEqual([[], []]);
  });

  it('forgets a session when its time is over', async () => {
    const { index, clock } = bench();
    await index.add(sessionOf(), { place: 'a', ttl: 60 });
    clock.advance(61);
    expect(await index.find(ALICE)).toEqual([]);
  });

  it('S13 names its sets by digests', async () => {
    const { index, coordinator } = bench();
    await index.add(sessionOf({ providerSessionId: 'sid-1' }), { place: 'a', ttl: 60 });
    expect([...coordinator.names]).toEqual([
      expect.stringMatching(/^[\w-]{43}$/),
      expect.stringMatching(/^[\w-]{43}$/),
    ]);
  });

  it('enters a session that the provider gave no name in one set only', async () => {
    const { index, coordinator } = bench();
    await index.add(sessionOf({ providerSessionId: undefined }), { place: 'a', ttl: 60 });
    expect(coordinator.names.size).toBe(1);
  });
});
