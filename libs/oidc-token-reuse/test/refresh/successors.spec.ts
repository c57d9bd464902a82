import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MemoryCoordinator } from '../../src/coordination/memory.coordinator.js';
import { linkOf, Successors } from '../../src/refresh/successors.js';
import type { Session } from '../../src/session/session.js';
import { revealed, sessionOf, TestClock, tokensOf } from '../session/support.js';

const GRACE = 60;

function generation(number: number, refreshToken = `refresh-${String(number)}`): Session {
  return sessionOf({ generation: number, tokens: tokensOf({ refreshToken }) });
}

function setUp(): {
  clock: TestClock;
  coordinator: MemoryCoordinator;
  successors: Successors;
  replace: (spent: Session, by: Session, grace?: number) => Promise<void>;
} {
  const clock = new TestClock();
  const coordinator = new MemoryCoordinator(clock);
  const successors = new Successors(coordinator, { sessionAbsoluteLifetime: 604_800 });
  const replace = async (spent: Session, by: Session, grace = GRACE): Promise<void> => {
    for (const record of await successors.recordsOf(spent, by, grace))
      await coordinator.put(record.space, record.key, record);
  };
  return { clock, coordinator, successors, replace };
}

describe('a chain of token sets', () => {
  it('leads from each of its links to the newest', async () => {
    const { successors, replace } = setUp();
    const chain = [0, 1, 2, 3, 4, 5].map((number) => generation(number));
    for (const [index, spent] of chain.slice(0, -1).entries()) await replace(spent, chain[index + 1] ?? spent);
    const found = await Promise.all(chain.map((session) => successors.newest(session)));
    expect(found.map((session) => session.generation)).toEqual([5, 5, 5, 5, 5, 5]);
    expect(revealed(found[0])).toEqual(revealed(chain[5]));
  });

  it('is followed for the grace, and remembers for the life of the session what was spent', async () => {
    const { clock, successors, replace } = setUp();
    await replace(generation(0), generation(1));
    clock.advance(GRACE - 1);
    expect((await successors.newest(generation(0))).generation).toBe(1);
    clock.advance(1);
    expect((await successors.newest(generation(0))).generation).toBe(0);
    clock.advance(604_800 - GRACE - 1);
    expect(await successors.spentBy(generation(0))).toBe('rotation');
    clock.advance(1);
    expect(await successors.spentBy(generation(0))).toBeUndefined();
  });

  it('has no links without a grace, and still remembers', async () => {
    const { successors, replace } = setUp();
    await replace(generation(0), generation(1), 0);
    expect([(await successors.newest(generation(0))).generation, await successors.spentBy(generation(0))]).toEqual([
      0,
      'rotation',
    ]);
  });

  it('is known at once to have gone on, or not, where what is shared is at hand, and nowhere else', async () => {
    const { coordinator, successors, replace } = setUp();
    expect(successors.isKnownNewest(generation(0))).toBe(true);
    await replace(generation(0), generation(1));
    expect([0, 1].map((number) => successors.isKnownNewest(generation(number)))).toEqual([false, true]);
    coordinator.atOnce = () => undefined;
    expect([0, 1].map((number) => successors.isKnownNewest(generation(number)))).toEqual([false, false]);
  });

  it('is not written down without a grace', async () => {
    const records = await setUp().successors.recordsOf(generation(0), generation(1), 0);
    expect(records.map(({ space }) => space)).toEqual(['spent']);
  });

  it('goes on where the provider does not rotate, and nothing is spent', async () => {
    const { successors, replace } = setUp();
    await replace(generation(0, 'the same'), generation(1, 'the same'));
    await replace(generation(1, 'the same'), generation(2, 'the same'));
    expect((await successors.newest(generation(0, 'the same'))).generation).toBe(2);
    expect(await successors.spentBy(generation(0, 'the same'))).toBeUndefined();
  });

  it('ends after 300 links, whatever the records say', async () => {
    const { successors, replace } = setUp();
    const [one, other] = [generation(0), generation(1)];
    await replace(one, other);
    await replace(other, one);
    expect((await successors.newest(one)).generation).toBe(0);
  });

  it('is none for a session that has no refresh token', async () => {
    const { coordinator, successors } = setUp();
    const session = sessionOf({ tokens: tokensOf({ refreshToken: undefined }) });
    expect(await successors.recordsOf(session, generation(1), GRACE)).toEqual([]);
    expect(await successors.newest(session)).toBe(session);
    await coordinator.put('successor', linkOf(session), { value: 'made up', ttl: GRACE });
    expect(await successors.newest(session)).toBe(session);
  });

  it('S13 opens for nobody without the refresh token that was replaced, and shows no token', async () => {
    const { coordinator, successors, replace } = setUp();
    await replace(generation(0), generation(1));
    const sealed = await coordinator.get('successor', linkOf(generation(0)));
    expect(sealed).not.toMatch(/refresh/);
    await coordinator.put('successor', linkOf(generation(0, 'stolen')), { value: sealed ?? '', ttl: GRACE });
    expect((await successors.newest(generation(0, 'stolen'))).generation).toBe(0);
  });
});

describe('a refresh token', () => {
  it('that the provider refused is told from one that was rotated', async () => {
    const { successors } = setUp();
    await successors.markRefused(generation(0));
    expect([await successors.spentBy(generation(0)), await successors.spentBy(generation(1))]).toEqual([
      'refusal',
      undefined,
    ]);
  });

  it('that was sent once is known until somebody says what came of it', async () => {
    const { clock, successors } = setUp();
    const begin = (): Promise<unknown> => successors.beginAttempt(generation(0));
    expect([await begin(), await begin()]).toEqual(['none', 'unknown']);
    await successors.endAttempt(generation(0));
    expect(await begin()).toBe('none');
    await successors.loseAttempt(generation(0));
    expect(await begin()).toBe('lost');
    clock.advance(600);
    expect(await begin()).toBe('none');
  });
});

describe('R2 the name of a token set', () => {
  const text = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('', 'a', 'a:b', '","', 'null'));
  const identity = fc.record({
    issuer: text,
    tenant: fc.option(
      text.filter((tenant) => tenant !== ''),
      { nil: undefined },
    ),
    subject: text,
    id: text,
    generation: fc.nat({ max: 3 }),
    refreshToken: text,
  });
  const linkFrom = ({ refreshToken, ...parts }: { refreshToken: string } & Partial<Session>): string =>
    linkOf(sessionOf({ ...parts, tokens: tokensOf({ refreshToken }) }));

  it('is the same for the same, and another for everything else', () => {
    fc.assert(
      fc.property(identity, identity, (one, other) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        expect(linkFrom(one) === linkFrom(other)).toBe(isSame);
      }),
      { numRuns: 2000 },
    );
  });

  it('differs as soon as one thing differs', () => {
    const base = { issuer: 'i', tenant: 't', subject: 's', id: 'x', generation: 1, refreshToken: 'r' };
    const others = [
      { issuer: 'j' },
      { tenant: 'u' },
      { tenant: undefined },
      { subject: 'o' },
      { id: 'y' },
      { generation: 2 },
      { refreshToken: 'q' },
    ];
    const links = [base, ...others.map((other) => ({ ...base, ...other }))].map(linkFrom);
    expect(new Set(links).size).toBe(links.length);
  });

  it('shows no token', () => {
    expect(linkOf(generation(0, 'a-very-secret-token'))).toMatch(/^c2Vzc2lvbi1vZi1hbGlj:[\w-]{43}$/);
  });
});
