import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { resolveOptions } from '../../src/config/resolve-options.js';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { OpenedSessions } from '../../src/session/opened-sessions.js';
import type { Session } from '../../src/session/session.js';
import { OPTIONS } from '../config/valid-options.js';
import { NOW, sessionOf, TestClock, tokensOf } from './support.js';

describe('OpenedSessions', () => {
  let clock: TestClock;
  let opened: OpenedSessions;
  const setUp = (options: Partial<OidcModuleOptions> = {}): void => {
    opened = new OpenedSessions(resolveOptions({ ...OPTIONS, ...options }), clock);
  };
  const keep = (name: string, session: Session = sessionOf()): Session => opened.keep(name, `sealed-${name}`, session);
  const find = (name: string): Session | undefined => opened.find(name, `sealed-${name}`);

  beforeEach(() => {
    clock = new TestClock();
    setUp();
  });
  afterEach(() => {
    opened.close();
  });

  it('finds a session by its sealed form, to the last character', () => {
    const session = keep('a');
    expect(find('a')).toBe(session);
    expect(opened.find('a', 'sealed-b')).toBeUndefined();
    expect(opened.find('b', 'sealed-a')).toBeUndefined();
  });

  it('gives a session that no request can change for another', () => {
    const session = keep('a');
    for (const part of [session, session.tokens, session.claims])
      expect(() => Object.assign(part, { subject: 'mallory' })).toThrow(TypeError);
  });

  it('counts the minute from when the session was opened', () => {
    clock.advance(1000);
    const session = keep('a', sessionOf({ tokens: tokensOf({ expiresAt: NOW + 2000 }) }));
    clock.advance(59);
    expect(find('a')).toBe(session);
  });

  it('keeps a session for a minute, and not beyond the end of it or of its access token', () => {
    const ends: [Session, number][] = [
      [sessionOf(), 60],
      [sessionOf({ tokens: tokensOf({ expiresAt: NOW + 7 }) }), 7],
      [sessionOf({ startedAt: (NOW - 604_800 + 9) * 1000 }), 9],
    ];
    for (const [session, seconds] of ends) {
      clock = new TestClock();
      setUp();
      keep('a', session);
      clock.advance(seconds - 0.001);
      expect(find('a')).toBe(session);
      clock.advance(0.001);
      expect([find('a'), opened.size]).toEqual([undefined, 0]);
    }
  });

  it('keeps no session that is over already', () => {
    keep('a', sessionOf({ tokens: tokensOf({ expiresAt: NOW }) }));
    expect(opened.size).toBe(0);
  });

  it('forgets every form of a session that has ended, and no other session', () => {
    const other = keep('other', sessionOf({ id: 'other' }));
    keep('a', sessionOf({ id: 'ended' }));
    keep('b', sessionOf({ id: 'ended', generation: 1 }));
    expect(opened.forget({ id: 'ended' }).map(({ generation }) => generation)).toEqual([1, 0]);
    expect([find('a'), find('b'), find('other')]).toEqual([undefined, undefined, other]);
  });

  it('keeps as many sessions as the options say', () => {
    setUp({ maxOpenedSessions: 2 });
    for (const name of ['a', 'b', 'c']) keep(name);
    expect(['a', 'b', 'c'].map((name) => find(name) !== undefined)).toEqual([false, true, true]);
  });

  it('keeps as many sessions as fit into the bytes that the options say', () => {
    setUp({ maxOpenedSessionBytes: 10_000 });
    const sealed = 'x'.repeat(1000);
    for (const name of ['a', 'b', 'c']) opened.keep(name, sealed, sessionOf());
    expect(opened.size).toBe(2);
  });

  it('keeps nothing once it is closed', () => {
    keep('a');
    opened.close();
    expect(opened.size).toBe(0);
  });

  it.each([{ maxOpenedSessions: 0 }, { maxOpenedSessionBytes: 0 }, { maxOpenedSessionBytes: 1000 }])(
    'keeps nothing with %j',
    (options) => {
      setUp(options);
      keep('a');
      expect(opened.size).toBe(0);
    },
  );
});
