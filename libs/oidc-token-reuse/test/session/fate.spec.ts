import { describe, expect, it } from '@jest/globals';
import { MemoryCoordinator } from '../../src/coordination/memory.coordinator.js';
import { newSessionId, type Session } from '../../src/session/session.js';
import { Tombstones } from '../../src/session/tombstones.js';
import { sessionOf, TestClock } from './support.js';

function bench() {
  const clock = new TestClock();
  const tombstones = new Tombstones(new MemoryCoordinator(clock), { sessionAbsoluteLifetime: 1000 }, clock);
  const session = (subject = 'alice'): Session => sessionOf({ id: newSessionId(), subject });
  return { clock, tombstones, session };
}

describe('the fate of a session that a login began in', () => {
  it('is open while nothing happens', async () => {
    const { tombstones, session } = bench();
    const one = session();
    expect(await tombstones.fateOf(one, one)).toEqual({ is: 'open', id: one.id });
  });

  it('O4 is signed out after a logout', async () => {
    const { tombstones, session } = bench();
    const one = session();
    await tombstones.mark(one);
    expect(await tombstones.fateOf(one, one)).toEqual({ is: 'signed-out' });
  });

  it('L2 is that of the session in its place after another login of the same end-user', async () => {
    const { tombstones, session } = bench();
    const [one, two, three] = [session(), session(), session()];
    await tombstones.markReplaced(one, two);
    await tombstones.markReplaced(two, three);
    expect(await tombstones.fateOf(one, one)).toEqual({ is: 'open', id: three.id });
  });

  it('O4 is signed out after a logout of the session in its place', async () => {
    const { tombstones, session } = bench();
    const [one, two] = [session(), session()];
    await tombstones.markReplaced(one, two);
    await tombstones.mark(two);
    expect(await tombstones.fateOf(one, one)).toEqual({ is: 'signed-out' });
  });

  it('L2 is taken over when another end-user signed in in its place', async () => {
    const { tombstones, session } = bench();
    const one = session();
    await tombstones.markReplaced(one, session('bob'));
    expect(await tombstones.fateOf(one, one)).toEqual({ is: 'taken-over' });
  });

  it('O4 stays signed out when a login comes too late', async () => {
    const { tombstones, session } = bench();
    const one = session();
    await tombstones.mark(one);
    await tombstones.markReplaced(one, session());
    expect(await tombstones.fateOf(one, one)).toEqual({ is: 'signed-out' });
  });

  it('ends after a hundred links', async () => {
    const { tombstones, session } = bench();
    const one = session();
    await tombstones.markReplaced(one, one);
    expect(await tombstones.fateOf(one, one)).toEqual({ is: 'signed-out' });
  });

  it('S3 counts what was replaced as signed out, and tells it apart', async () => {
    const { tombstones, session } = bench();
    const [replaced, signedOut, open] = [session(), session(), session()];
    await tombstones.markReplaced(replaced, open);
    await tombstones.mark(signedOut);
    const sessions = [replaced, signedOut, open];
    expect(await Promise.all(sessions.map((each) => tombstones.has(each)))).toEqual([true, true, false]);
    expect(await Promise.all(sessions.map((each) => tombstones.isReplaced(each)))).toEqual([true, false, false]);
  });
});
