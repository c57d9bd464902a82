import { describe, expect, it } from '@jest/globals';
import { resolveOptions } from '../../src/config/resolve-options.js';
import type { StoredRecord } from '../../src/coordination/coordinator.js';
import { MemoryCoordinator } from '../../src/coordination/memory.coordinator.js';
import { LoginRequiredException } from '../../src/errors/exceptions.js';
import { CookieWriter } from '../../src/http/cookie-writer.js';
import { OpenedSessions } from '../../src/session/opened-sessions.js';
import type { Session } from '../../src/session/session.js';
import { StoreCustody } from '../../src/session/store.custody.js';
import { OPTIONS } from '../config/valid-options.js';
import { conversation, keptCookies, NOW, revealed, sessionOf, TestClock, tokensOf } from './support.js';

const NAME = '__Host-oidc.session-key';
const CLEARED = `${NAME}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax; Secure`;

/** What is stored, with its key. */
class OpenCoordinator extends MemoryCoordinator {
  readonly records = new Map<string, StoredRecord>();

  override put(...[space, key, record]: Parameters<MemoryCoordinator['put']>): Promise<void> {
    this.records.set(key, record);
    return super.put(space, key, record);
  }

  override replace(...[space, key, record]: Parameters<MemoryCoordinator['replace']>): Promise<boolean> {
    this.records.set(key, record);
    return super.replace(space, key, record);
  }
}

function bench() {
  const options = resolveOptions({
    ...OPTIONS,
    custody: 'store',
    sessionAbsoluteLifetime: 1000,
    sessionIdleLifetime: 500,
  });
  const clock = new TestClock();
  const coordinator = new OpenCoordinator(clock);
  const cookies = new CookieWriter({ publicUrl: options.publicUrl, crossSite: false });
  const opened = new OpenedSessions(options, clock);
  return { clock, coordinator, custody: new StoreCustody({ options, coordinator, cookies, clock, opened }) };
}

type Bench = ReturnType<typeof bench>;

async function begun({ custody }: Bench, session = sessionOf()): Promise<Record<string, string>> {
  const { exchange, cookies } = conversation();
  await custody.write(exchange, session);
  return keptCookies(cookies());
}

describe('custody store', () => {
  it('gives the browser a random key of 256 bits for as long as any session may last, and nothing else', async () => {
    const under = bench();
    const { exchange, cookies } = conversation();
    await under.custody.write(exchange, sessionOf());
    expect(cookies()).toEqual([
      expect.stringMatching(new RegExp(`^${NAME}=[\\w-]{43}; Max-Age=1000; Path=/; HttpOnly; SameSite=Lax; Secure$`)),
    ]);
    expect((await begun(under))[NAME]).not.toBe((await begun(under))[NAME]);
  });

  it('S13 stores what only the key opens, under a name that says nothing about it', async () => {
    const under = bench();
    const { [NAME]: key = '' } = await begun(under);
    const [[place, record] = ['', { value: '', ttl: 0 }]] = [...under.coordinator.records];
    expect({ place, record }).toEqual({
      place: expect.stringMatching(/^[\w-]{43}$/),
      record: { value: expect.stringMatching(/^eyJ[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/), ttl: 500 },
    });
    expect([place, record.value].some((text) => text.includes(key))).toBe(false);
  });

  it('L3 leaves alone the cookie of a session that a login replaced, since the browser has another by then', async () => {
    const under = bench();
    const carried = await begun(under);
    const { exchange } = conversation(carried);
    await under.custody.supersede(under.custody.place(exchange));
    const late = conversation(carried);
    expect([await under.custody.read(late.exchange), late.cookies()]).toEqual([undefined, []]);
    await expect(under.custody.write(late.exchange, sessionOf({ generation: 1 }))).rejects.toThrow(
      LoginRequiredException,
    );
    under.clock.advance(600);
    const later = conversation(carried);
    expect([await under.custody.read(later.exchange), later.cookies()]).toEqual([undefined, [CLEARED]]);
  });

  it('R4 does not open a record that was moved to the place of another key', async () => {
    const under = bench();
    const [mine, yours] = [await begun(under), await begun(under, sessionOf({ subject: 'bob' }))];
    const [[, first] = [], [place] = []] = [...under.coordinator.records];
    if (first === undefined || place === undefined) throw new Error('there are two records');
    await under.coordinator.put('session', place, first);
    const { exchange, cookies } = conversation(yours);
    expect([await under.custody.read(exchange), cookies()]).toEqual([undefined, [CLEARED]]);
    expect(revealed(await under.custody.read(conversation(mine).exchange))).toEqual(revealed(sessionOf()));
  });

  it('reads what was written, and changes no cookie', async () => {
    const under = bench();
    const { exchange, cookies } = conversation(await begun(under));
    expect(revealed(await under.custody.read(exchange))).toEqual(revealed(sessionOf()));
    expect([cookies(), under.custody.isPresent(exchange)]).toEqual([[], true]);
  });

  it('has at hand what was opened, until it is released or another token set is in its place', async () => {
    const under = bench();
    const cookies = await begun(under);
    const known = (): Session | undefined => under.custody.known(conversation(cookies).exchange);
    const read = (): Promise<Session | undefined> => under.custody.read(conversation(cookies).exchange);
    expect(known()).toBeUndefined();
    const session = await read();
    expect(session).toBeDefined();
    expect([known(), await read(), await under.custody.recall(conversation(cookies).exchange)]).toEqual([
      session,
      session,
      session,
    ]);
    expect(known()).toBe(session);
    expect(await read()).toBe(session);
    expect(under.custody.release(sessionOf({ id: 'other' }))).toEqual([]);
    expect(under.custody.release(sessionOf())).toEqual([session]);
    expect(known()).toBeUndefined();
    await read();
    await under.custody.write(conversation(cookies).exchange, sessionOf({ generation: 1 }));
    expect(known()).toBeUndefined();
    await under.custody.remove(under.custody.place(conversation(cookies).exchange));
    expect(known()).toBeUndefined();
  });

  it('has nothing at hand and recalls nothing for a browser without a key', async () => {
    const { custody, coordinator } = bench();
    const asked: string[] = [];
    coordinator.get = (_, place) => Promise.resolve(void asked.push(place));
    coordinator.atOnce = (_, place) => void asked.push(place);
    for (const held of [{}, { [NAME]: 'short' }]) {
      expect(custody.known(conversation(held).exchange)).toBeUndefined();
      expect(await custody.recall(conversation(held).exchange)).toBeUndefined();
    }
    expect(asked).toEqual([]);
  });

  it('has no session without a key, and clears nothing', async () => {
    const { custody } = bench();
    const { exchange, cookies } = conversation();
    expect([await custody.read(exchange), custody.isPresent(exchange), custody.place(exchange), cookies()]).toEqual([
      undefined,
      false,
      '',
      [],
    ]);
  });

  it.each(['short', 'x'.repeat(42), 'x'.repeat(44), `${'x'.repeat(42)}=`, `x${'x'.repeat(43)}`, `${'x'.repeat(43)}y`])(
    'looks for no session under %j, which is no key',
    async (key) => {
      const { custody, coordinator } = bench();
      const asked: string[] = [];
      coordinator.get = (_, place) => Promise.resolve(void asked.push(place));
      const { exchange, cookies } = conversation({ [NAME]: key });
      expect([await custody.read(exchange), custody.place(exchange), cookies(), asked]).toEqual([
        undefined,
        '',
        [],
        [],
      ]);
    },
  );

  it('clears a key that leads nowhere', async () => {
    const { exchange, cookies } = conversation({ [NAME]: 'x'.repeat(43) });
    expect([await bench().custody.read(exchange), cookies()]).toEqual([undefined, [CLEARED]]);
  });

  it('forgets a session when it ends, and keeps it while its access token lives', async () => {
    const under = bench();
    const cookies = await begun(under);
    under.clock.advance(499);
    expect(await under.custody.read(conversation(cookies).exchange)).toBeDefined();
    under.clock.advance(1);
    expect(await under.custody.read(conversation(cookies).exchange)).toBeUndefined();
    const long = bench();
    const kept = await begun(long, sessionOf({ tokens: tokensOf({ expiresAt: NOW + 700 }) }));
    long.clock.advance(699);
    expect(await long.custody.read(conversation(kept).exchange)).toBeDefined();
  });

  it('stores a session that has ended for one second', async () => {
    const under = bench();
    await begun(under, sessionOf({ renewedAt: NOW - 5000, tokens: tokensOf({ expiresAt: NOW - 5000 }) }));
    expect([...under.coordinator.records.values()].map(({ ttl }) => ttl)).toEqual([1]);
  });

  it('puts a renewed session in the place of the older one, under the key that the browser has', async () => {
    const under = bench();
    const cookies = await begun(under);
    const next = conversation(cookies);
    await under.custody.write(next.exchange, sessionOf({ generation: 1 }));
    expect(next.cookies()).toEqual([]);
    expect(await under.custody.read(conversation(cookies).exchange)).toMatchObject({ generation: 1 });
    expect(under.coordinator.records.size).toBe(1);
  });

  it('renews a session that began on the same response', async () => {
    const under = bench();
    const { exchange, cookies } = conversation();
    await under.custody.write(exchange, sessionOf());
    await under.custody.write(exchange, sessionOf({ generation: 1 }));
    const read = await under.custody.read(conversation(keptCookies(cookies())).exchange);
    expect([read?.generation, under.custody.place(exchange)]).toEqual([1, [...under.coordinator.records.keys()][0]]);
  });

  it('never puts an older token set in the place of a newer one', async () => {
    const under = bench();
    const cookies = await begun(under);
    await under.custody.write(conversation(cookies).exchange, sessionOf({ generation: 2 }));
    await under.custody.write(conversation(cookies).exchange, sessionOf({ generation: 1 }));
    expect(await under.custody.read(conversation(cookies).exchange)).toMatchObject({ generation: 2 });
  });

  it('S8 brings nothing back that was removed', async () => {
    const under = bench();
    const cookies = await begun(under);
    await under.custody.remove(under.custody.place(conversation(cookies).exchange));
    const late = under.custody.write(conversation(cookies).exchange, sessionOf({ generation: 1 }));
    await expect(late).rejects.toThrow(
      new LoginRequiredException('session_missing', 'the session is no longer there; sign in again'),
    );
    expect(await under.custody.read(conversation(cookies).exchange)).toBeUndefined();
  });

  it('renews nothing for a browser that has no key', async () => {
    const late = bench().custody.write(conversation().exchange, sessionOf({ generation: 1 }));
    await expect(late).rejects.toMatchObject({ code: 'session_missing' });
  });

  it('clears the key', () => {
    const { exchange, cookies } = conversation({ [NAME]: 'x'.repeat(43) });
    bench().custody.clear(exchange);
    expect(cookies()).toEqual([CLEARED]);
  });

  it.each(['read', 'write', 'clear'] as const)('S7 makes the response uncacheable when it is to %s', async (way) => {
    const under = bench();
    const { exchange, response } = conversation(way === 'write' ? {} : { [NAME]: 'x'.repeat(43) });
    await under.custody[way](exchange, sessionOf());
    response.writeHead(200);
    expect([response.getHeader('cache-control'), response.getHeader('vary')]).toEqual(['no-store', 'Cookie']);
  });
});
