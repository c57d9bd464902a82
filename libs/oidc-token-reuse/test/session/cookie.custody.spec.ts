import { describe, expect, it } from '@jest/globals';
import { resolveOptions } from '../../src/config/resolve-options.js';
import { OidcException } from '../../src/errors/oidc.exception.js';
import { CookieWriter } from '../../src/http/cookie-writer.js';
import { CookieCustody, purposeOf } from '../../src/session/cookie.custody.js';
import { OpenedSessions } from '../../src/session/opened-sessions.js';
import { Sealer } from '../../src/session/sealer.js';
import { encodeSession } from '../../src/session/session-codec.js';
import type { Session } from '../../src/session/session.js';
import { OPTIONS } from '../config/valid-options.js';
import { conversation, keptCookies, NOW, revealed, sessionOf, TestClock, tokensOf } from './support.js';

const [SECRET, OTHER] = ['the-first-secret-of-thirty-two-ch', 'another-secret-of-thirty-two-char'];
const CHUNK = 3936;
const NAME = '__Host-oidc.session';
const ATTRIBUTES = 'Path=/; HttpOnly; SameSite=Lax; Secure';
const CLEARED = `Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ${ATTRIBUTES}`;

function custodyWith(
  secrets: readonly string[] = [SECRET],
  publicUrl = 'https://app.example',
  purpose = 'session',
): CookieCustody {
  const options = resolveOptions({ ...OPTIONS, publicUrl });
  const cookies = new CookieWriter({ publicUrl: () => publicUrl, crossSite: false });
  const clock = new TestClock();
  const opened = new OpenedSessions(options, clock);
  return new CookieCustody({ options, sealer: new Sealer(secrets, purpose), cookies, clock, opened });
}

/** A session with a refresh token of this length, which takes a third more when it is sealed. */
function sessionOfLength(length: number, generation = 0): Session {
  return sessionOf({ generation, tokens: tokensOf({ refreshToken: '+'.repeat(length) }) });
}

async function written(
  session: Session,
  custody = custodyWith(),
  held: Record<string, string> = {},
): Promise<readonly string[]> {
  const { exchange, cookies } = conversation(held);
  await custody.write(exchange, session);
  return cookies();
}

async function cookiesOf(session: Session, custody = custodyWith()): Promise<Record<string, string>> {
  return keptCookies(await written(session, custody));
}

/** What comes of reading these cookies: the session, and the names cleared. */
async function reading(cookies: Record<string, string> | string, custody = custodyWith()): Promise<unknown> {
  const { exchange, cookies: lines } = conversation(cookies);
  const session = await custody.read(exchange);
  return { session: revealed(session), cleared: lines().map((line) => line.split('=')[0]) };
}

const NOTHING = { session: undefined, cleared: [] };

describe('custody cookie', () => {
  it('S1 writes __Host- cookies for as long as the session lives, and clears the two indices behind them', async () => {
    expect(await written(sessionOf())).toEqual([
      expect.stringMatching(
        new RegExp(`^${NAME}\\.0=[\\w-]+\\.\\.[\\w-]+\\.[\\w-]+\\.[\\w-]+; Max-Age=86400; ${ATTRIBUTES}$`),
      ),
      `${NAME}.1=; ${CLEARED}`,
      `${NAME}.2=; ${CLEARED}`,
    ]);
  });

  it('S1 leaves prefix and Secure out on plain http', async () => {
    const lines = await written(sessionOf(), custodyWith([SECRET], 'http://localhost:3000'));
    expect(lines[0]).toMatch(/^oidc\.session\.0=[\w.-]+; Max-Age=86400; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  it('reads what it wrote, and clears nothing', async () => {
    const session = sessionOf({ tenant: 't', generation: 3 });
    expect(await reading(await cookiesOf(session))).toEqual({ session: revealed(session), cleared: [] });
  });

  it('gives every request with the same cookies the same session, until it is released', async () => {
    const custody = custodyWith();
    const cookies = await cookiesOf(sessionOf(), custody);
    const read = (): Promise<Session | undefined> => custody.read(conversation(cookies).exchange);
    const session = await read();
    expect(await read()).toBe(session);
    expect(await custody.recall(conversation(cookies).exchange)).toBe(session);
    expect(custody.release(sessionOf({ id: 'other' }))).toEqual([]);
    expect(custody.release(sessionOf())).toEqual([session]);
    expect(custody.release(sessionOf())).toEqual([]);
    expect(await read()).not.toBe(session);
  });

  it.each([0, 7000])(
    'has what it opened at hand, of several browsers (with %d characters of refresh token)',
    async (length) => {
      const custody = custodyWith();
      const browsers = [sessionOfLength(length, 1), { ...sessionOfLength(length, 1), id: 'other' }];
      const held = await Promise.all(browsers.map((session) => cookiesOf(session, custody)));
      const known = (): readonly unknown[] => held.map((cookies) => custody.known(conversation(cookies).exchange)?.id);
      expect(known()).toEqual([undefined, undefined]);
      for (const cookies of held) await custody.read(conversation(cookies).exchange);
      expect(known()).toEqual(browsers.map(({ id }) => id));
      expect(custody.known(conversation({}).exchange)).toBeUndefined();
    },
  );

  it('seals for one provider and one client', () => {
    const purposes = [
      ['https://op.example', 'web'],
      ['https://op.example', 'web2'],
      ['https://op.example2', 'web'],
    ].map(([issuer = '', clientId = '']) => purposeOf({ issuer, clientId }));
    expect(new Set(purposes).size).toBe(3);
  });

  it('finds nothing where there is nothing', async () => {
    expect(await reading({})).toEqual(NOTHING);
    expect(await reading({ 'oidc.session.0': 'x', [`X${NAME}.0`]: 'x' })).toEqual(NOTHING);
  });

  it('S10 writes a session that is over as one to forget', async () => {
    const lines = await written(sessionOf({ renewedAt: NOW - 90_000 }));
    expect(lines[0]).toMatch(/; Max-Age=0; /);
  });

  it('says that a request carries something', () => {
    const held = [`${NAME}.0`, `${NAME}.9999`, 'oidc.session.0', NAME].map((name) =>
      custodyWith().isPresent(conversation({ [name]: 'x' }).exchange),
    );
    expect(held).toEqual([true, true, false, false]);
  });

  it('keeps its cookies nowhere else', async () => {
    expect(custodyWith().place(conversation().exchange)).toBe('');
    await expect(custodyWith().remove('')).resolves.toBeUndefined();
  });
});

describe('S2 chunks of a session', () => {
  it('hold any length, also an exact multiple of a chunk', async () => {
    const lengths: number[] = [];
    for (let length = 5500; length < 5700; length += 1) {
      const session = sessionOfLength(length, 1);
      const cookies = await cookiesOf(session);
      const total = Object.values(cookies).join('').length;
      expect(Object.keys(cookies)).toHaveLength(Math.ceil(total / CHUNK));
      expect(await reading(cookies)).toEqual({ session: revealed(session), cleared: [] });
      lengths.push(total);
    }
    expect(lengths).toContain(2 * CHUNK);
  });

  it.each([0, 1, 2])('without chunk %d are no session and are cleared', async (missing) => {
    const cookies = await cookiesOf(sessionOfLength(7000, 1));
    expect(Object.keys(cookies)).toHaveLength(3);
    const left = Object.fromEntries(Object.entries(cookies).filter(([name]) => name !== `${NAME}.${String(missing)}`));
    expect(await reading(left)).toEqual({
      session: undefined,
      cleared: [...new Set([`${NAME}.0`, `${NAME}.1`, ...Object.keys(left)])],
    });
  });

  it('in another order are no session', async () => {
    const { [`${NAME}.0`]: first = '', [`${NAME}.1`]: second = '' } = await cookiesOf(sessionOfLength(4000));
    expect(await reading({ [`${NAME}.0`]: second, [`${NAME}.1`]: first })).toEqual(NOTHING);
  });

  it('of two sessions do not make one', async () => {
    const [one, other] = [await cookiesOf(sessionOfLength(4000)), await cookiesOf(sessionOfLength(4000))];
    expect(await reading({ ...one, [`${NAME}.1`]: other[`${NAME}.1`] ?? '' })).toMatchObject({ session: undefined });
  });

  it.each([1, 2, 3, 17, 9999])(
    'with a left over chunk %d are the session still, and the next write clears it',
    async (index) => {
      const session = sessionOf();
      const cookies = { ...(await cookiesOf(session)), [`${NAME}.${String(index)}`]: 'left-over' };
      expect(await reading(cookies)).toEqual({ session: revealed(session), cleared: [] });
      const lines = await written(session, custodyWith(), cookies);
      expect(Object.keys(keptCookies(lines))).toEqual([`${NAME}.0`]);
      expect(lines).toContain(`${NAME}.${String(index)}=; ${CLEARED}`);
    },
  );

  it('are at most sixteen to clear at a time', async () => {
    const held = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`${NAME}.${String(index)}`, 'x']));
    expect(await written(sessionOf(), custodyWith(), held)).toHaveLength(16);
  });

  it("with an index of eight digits are nobody's", async () => {
    expect(await reading({ [`${NAME}.99999999`]: 'x' })).toEqual(NOTHING);
  });

  it('that claim another count do not open', async () => {
    const cookies = await cookiesOf(sessionOfLength(4000));
    const [header = '', ...rest] = (cookies[`${NAME}.0`] ?? '').split('.');
    const forged = Buffer.from(Buffer.from(header, 'base64url').toString().replace('"n":2', '"n":1')).toString(
      'base64url',
    );
    expect(forged).not.toBe(header);
    expect(await reading({ ...cookies, [`${NAME}.0`]: [forged, ...rest].join('.') })).toMatchObject({
      session: undefined,
    });
  });
});

describe('S1 session cookies of two origins', () => {
  it('are no session, and neither is cleared', async () => {
    const [mine, theirs] = [await cookiesOf(sessionOf()), await cookiesOf(sessionOf({ subject: 'mallory' }))];
    const both = `${NAME}.0=${theirs[`${NAME}.0`] ?? ''}; ${NAME}.0=${mine[`${NAME}.0`] ?? ''}`;
    expect(await reading(both)).toEqual(NOTHING);
  });

  it('are no session, and neither is cleared, when a later chunk came twice', async () => {
    const cookies = await cookiesOf(sessionOfLength(4000));
    const header = Object.entries(cookies)
      .map((pair) => pair.join('='))
      .join('; ');
    expect(await reading(`${header}; ${NAME}.1=theirs`)).toEqual(NOTHING);
  });
});

describe('S5 session cookies and secrets', () => {
  it('open with any of the secrets, and are written with the first', async () => {
    const session = sessionOf();
    const [old, fresh] = [await cookiesOf(session), await cookiesOf(session, custodyWith([OTHER, SECRET]))];
    const both = custodyWith([OTHER, SECRET]);
    expect(await reading(old, both)).toEqual({ session: revealed(session), cleared: [] });
    expect(await reading(fresh, both)).toEqual({ session: revealed(session), cleared: [] });
    expect(await reading(fresh)).toEqual(NOTHING);
  });

  it.each([
    ['another provider', { issuer: 'https://other.example', clientId: 'web' }],
    ['another client', { issuer: 'https://provider.example', clientId: 'api' }],
  ])('S4 of %s do not open', async (_, other) => {
    const custodyFor = (owner: Parameters<typeof purposeOf>[0]): CookieCustody =>
      custodyWith([SECRET], 'https://app.example', purposeOf(owner));
    const cookies = await cookiesOf(sessionOf(), custodyFor({ issuer: 'https://provider.example', clientId: 'web' }));
    expect(await reading(cookies, custodyFor(other))).toMatchObject({ session: undefined });
  });

  it('of an unknown secret are no session, and left to the instance that knows it', async () => {
    const cookies = await cookiesOf(sessionOfLength(4000), custodyWith([OTHER]));
    expect(await reading(cookies)).toEqual(NOTHING);
  });

  it('of a known secret that were changed are cleared', async () => {
    const { [`${NAME}.0`]: value = '' } = await cookiesOf(sessionOf());
    expect(await reading({ [`${NAME}.0`]: `${value.slice(0, -9)}AAAAAAAAA` })).toEqual({
      session: undefined,
      cleared: [`${NAME}.0`, `${NAME}.1`],
    });
  });

  it('of a later format are no session, and left to the instance that knows it', async () => {
    const later = encodeSession(sessionOf());
    later[0] = 2;
    const sealed = await new Sealer([SECRET], 'session').seal(later, { n: 1 });
    expect(await reading({ [`${NAME}.0`]: sealed })).toEqual(NOTHING);
  });
});

describe('S3 the size of session cookies', () => {
  async function refusal(session: Session): Promise<unknown> {
    return written(session).catch((error: unknown) =>
      error instanceof OidcException ? { code: error.code, status: error.getStatus(), message: error.message } : error,
    );
  }

  it('is refused at login above 7400 bytes, with the remedy', async () => {
    expect(await refusal(sessionOfLength(6000))).toEqual({
      code: 'session_too_large',
      status: 502,
      message: expect.stringMatching(
        /^the tokens take \d{4} bytes of cookies, of at most 7400; ask the provider for fewer claims \(groups\), or set OPENID_CUSTODY=store$/,
      ),
    });
  });

  it('is what a browser sends of it, to the byte', async () => {
    const sizes: number[] = [];
    const refused: string[] = [];
    for (let length = 5200; length < 5450; length += 1) {
      const cookies = await cookiesOf(sessionOfLength(length)).catch((error: unknown) => {
        refused.push((error as Error).message);
        return {};
      });
      const sent = Object.entries(cookies).map(([name, value]) => `${name}=${value}; `);
      sizes.push(sent.join('').length);
    }
    expect([Math.max(...sizes), refused[0]]).toEqual([7400, expect.stringMatching(/take 740[1-3] bytes/)]);
  });

  it('is carried above that for a renewed session, whose tokens have rotated', async () => {
    const session = sessionOfLength(6000, 1);
    expect(await reading(await cookiesOf(session))).toEqual({ session: revealed(session), cleared: [] });
  });

  it('is refused above 12000 bytes, where Node refuses the request', async () => {
    expect(await refusal(sessionOfLength(9_000, 1))).toMatchObject({
      code: 'session_too_large',
      message: expect.stringContaining('of at most 12000;'),
    });
  });

  it('is refused for tokens of any length, not stumbled over', async () => {
    expect(await refusal(sessionOfLength(300_000))).toMatchObject({ code: 'session_too_large' });
  });

  it('leaves the response as it was when it is refused', async () => {
    const { exchange, cookies } = conversation();
    await expect(custodyWith().write(exchange, sessionOfLength(6000))).rejects.toThrow(OidcException);
    expect(cookies()).toEqual([]);
  });
});

describe('S9 clearing a session', () => {
  it('clears every chunk that the browser holds with the attributes it was set with', () => {
    const { exchange, cookies } = conversation({
      [`${NAME}.0`]: 'a',
      [`${NAME}.1`]: 'b',
      [`${NAME}.2`]: 'c',
      [`${NAME}.7`]: 'd',
    });
    custodyWith().clear(exchange);
    expect(cookies()).toEqual([0, 1, 2, 7].map((index) => `${NAME}.${String(index)}=; ${CLEARED}`));
  });

  it('clears the first two also when the browser shows none', () => {
    const { exchange, cookies } = conversation();
    custodyWith().clear(exchange);
    expect(cookies()).toEqual([0, 1].map((index) => `${NAME}.${String(index)}=; ${CLEARED}`));
  });

  it('S7 makes the response uncacheable', () => {
    const { exchange, response } = conversation();
    custodyWith().clear(exchange);
    response.writeHead(200);
    expect([response.getHeader('cache-control'), response.getHeader('vary')]).toEqual(['no-store', 'Cookie']);
  });
});
