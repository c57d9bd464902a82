import { beforeEach, describe, expect, it } from '@jest/globals';
import type { OidcModuleOptions } from '../../src/config/options.js';
import type { Session } from '../../src/session/session.js';
import { Tombstones } from '../../src/session/tombstones.js';
import { conversation, keptCookies, NOW, sessionOf, tokensOf, type Conversation } from '../session/support.js';
import { roomsWith, type Rooms } from './support.js';

const OTHER = 'https://other.example';
const SID = 'sid-1';

describe.each(['cookie', 'store'] as const)('a session at hand, custody %s', (custody) => {
  let rooms: Rooms;
  let cookies: Record<string, string>;

  /** Begins a session and has it opened once, as its first request does. */
  async function begin(session: Session, options: Partial<OidcModuleOptions> = {}): Promise<void> {
    rooms = roomsWith({ custody, ...options });
    const { exchange, cookies: lines } = conversation();
    await rooms.sessions.begin(exchange, session);
    cookies = keptCookies(lines());
    await rooms.sessions.peek(request().exchange);
  }
  const request = (more: Record<string, string> = {}): Conversation => conversation({ ...cookies, ...more });
  const known = (): Session | undefined => rooms.sessions.known(request().exchange);
  const tombstones = (): Tombstones =>
    new Tombstones(rooms.coordinator, { sessionAbsoluteLifetime: 86_400 }, rooms.clock);

  const session = sessionOf({ providerSessionId: SID, tokens: tokensOf({ expiresAt: NOW + 3600 }) });
  beforeEach(() => begin(session));

  it('is the one that the request carries, and the response is never stored', () => {
    const { exchange, response } = request();
    expect(rooms.sessions.known(exchange)).toMatchObject({ id: session.id, generation: 0 });
    response.writeHead(200);
    expect([response.getHeader('cache-control'), response.getHeader('vary')]).toEqual(['no-store', 'Cookie']);
  });

  it('is none without a cookie, nor a minute after it was opened, until it is opened again', async () => {
    expect(rooms.sessions.known(conversation().exchange)).toBeUndefined();
    rooms.clock.advance(60);
    expect(known()).toBeUndefined();
    await rooms.sessions.peek(request().exchange);
    expect(known()).toBeDefined();
  });

  it.each<[string, () => Promise<void>]>([
    ['itself', () => tombstones().mark(session)],
    [
      'with its session at the provider',
      () => tombstones().markProviderSession({ ...session, providerSessionId: SID }),
    ],
    [
      'by a browser that says so of its session at the provider',
      () => tombstones().markProviderSessionUnverified({ ...session, providerSessionId: SID }),
    ],
    ['with all of its subject', () => tombstones().markSubject(session)],
    ['in favour of another', () => tombstones().markReplaced(session, sessionOf({ id: 'another' }))],
  ])('is none that was signed out %s', async (_how, mark) => {
    expect(known()).toBeDefined();
    await mark();
    expect(known()).toBeUndefined();
  });

  it('is the same when somebody else was signed out', async () => {
    const others = [{ subject: 'bob' }, { issuer: OTHER }].map((parts) => ({ ...session, ...parts }));
    for (const other of others) await tombstones().markSubject(other);
    await tombstones().mark({ id: 'another' });
    for (const other of [
      { issuer: OTHER, providerSessionId: SID },
      { ...session, providerSessionId: 'sid-2' },
    ]) {
      await tombstones().markProviderSession(other);
      await tombstones().markProviderSessionUnverified(other);
    }
    expect(known()).toBeDefined();
  });

  it('is none that was renewed', async () => {
    const old = request();
    await rooms.sessions.renewed(request().exchange);
    expect(rooms.sessions.known(old.exchange)).toBeUndefined();
  });

  it('is none of a response that has written a session already', async () => {
    const { exchange } = request();
    await rooms.sessions.renewed(exchange);
    expect(rooms.sessions.known(exchange)).toBeUndefined();
  });

  it('is none whose access token is to be renewed soon', async () => {
    rooms.clock.advance(3540);
    await rooms.sessions.peek(request().exchange);
    expect(known()).toBeDefined();
    rooms.clock.advance(50);
    expect(known()).toBeUndefined();
  });

  it('is none that is over, though its access token is not', async () => {
    await begin(session, { sessionAbsoluteLifetime: 1800, sessionIdleLifetime: 1800 });
    rooms.clock.advance(1799);
    await rooms.sessions.peek(request().exchange);
    expect(known()).toBeDefined();
    rooms.clock.advance(1);
    expect(known()).toBeUndefined();
  });

  it('is none while too many attempts to sign in are to be cleared', () => {
    const name = Object.keys(cookies).find((each) => each.includes('oidc.session')) ?? '';
    const { exchange } = request({ [name.replace(/session.*/, 'txn.0')]: 'an attempt' });
    expect(rooms.sessions.known(exchange)).toBeUndefined();
  });

  it('is none where no tokens are kept', async () => {
    await begin(session, { reuseTokens: false });
    expect(known()).toBeUndefined();
  });

  it('is none while only others can tell', () => {
    rooms.coordinator.atOnce = () => undefined;
    expect(known()).toBeUndefined();
  });
});
