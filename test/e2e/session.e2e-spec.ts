/** The session in the browser: its cookies, their size and secrets, its lifetime, and the routes that show and renew it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Coordinator, type OidcModuleOptions } from 'nestjs-oidc-token-reuse';
import { createTestProvider, TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, SESSION_SECRET, startHarness, type Harness } from '../support/harness.js';
import { enlargeTokens, nameGroups } from '../support/large-tokens.js';
import { authorize, comeBack, redirectOf } from '../support/login.js';
import { parsedAnswer, rawRequest } from '../support/raw-request.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const LIFE = 300;
const COOKIE = 'oidc.session';
const OTHER_SECRET = 'another-session-secret-of-tests-02';
const ATTRIBUTES = 'Path=/; HttpOnly; SameSite=Lax';
const CLEARED = `Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ${ATTRIBUTES}`;
const SEALED = '[\\w-]+\\.\\.[\\w-]+\\.[\\w-]+\\.[\\w-]+';

const UNAUTHORIZED = {
  status: 401,
  challenge: 'Bearer',
  body: { error: 'unauthorized', error_description: 'authentication is required' },
};

describe.each(ADAPTERS)('a session on %s', (adapter) => {
  let provider: TestProvider;
  let harness: Harness;
  const started: Harness[] = [];

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
    harness = await start();
    freezeTime();
  });
  beforeEach(() => {
    provider.requests.reset();
    harness.events.length = 0;
  });
  afterAll(async () => {
    releaseTime();
    for (const instance of started) await instance.close();
    await provider.close();
  });

  async function start(oidc: Partial<OidcModuleOptions> = {}): Promise<Harness> {
    const instance = await startHarness({ adapter, provider, oidc });
    started.push(instance);
    return instance;
  }

  function refreshAt(
    { url }: Harness,
    browser: TestBrowser,
    headers: Record<string, string | null> = {},
  ): Promise<Response> {
    return browser.fetch(`${url}/auth/refresh`, { method: 'POST', headers });
  }

  function profileAt({ url }: Harness, browser: TestBrowser): Promise<Response> {
    return browser.fetch(`${url}/api/subject`);
  }

  async function sessionAt({ url }: Harness, browser: TestBrowser): Promise<Record<string, unknown>> {
    return (await (await browser.fetch(`${url}/auth/session`)).json()) as Record<string, unknown>;
  }

  function asked(): number {
    return provider.requests.count('token', { grant: 'refresh_token' });
  }

  function sessionCookies(browser: TestBrowser): Record<string, string> {
    const cookies = browser.cookies(harness.url).filter(({ name }) => name.startsWith(COOKIE));
    return Object.fromEntries(cookies.map(({ name, value }) => [name, value]));
  }

  /** A browser with exactly these cookies. */
  function browserWith(cookies: Record<string, string>): TestBrowser {
    const browser = new TestBrowser();
    for (const [name, value] of Object.entries(cookies)) browser.jar.store(`${name}=${value}; Path=/`, harness.url);
    return browser;
  }

  describe('its cookies', () => {
    it('S1 have exact attributes on plain http', async () => {
      const browser = new TestBrowser();
      const landed = await harness.signIn(browser, 'alice', '/auth/login?returnTo=/api/public');
      expect(landed.status).toBe(200);
      const response = await refreshAt(harness, browser);
      expect(response.headers.getSetCookie()).toEqual([
        expect.stringMatching(new RegExp(`^${COOKIE}\\.0=${SEALED}; Max-Age=86400; ${ATTRIBUTES}$`)),
        `${COOKIE}.1=; ${CLEARED}`,
        `${COOKIE}.2=; ${CLEARED}`,
      ]);
    });

    it('S1 have exact attributes, __Host- and Secure on https', async () => {
      const publicUrl = 'https://app.example';
      const secure = await start({ publicUrl });
      const begun = await rawRequest(`${secure.url}/auth/login`, ['Sec-Fetch-Mode: navigate']);
      const [transaction = ''] = setCookiesOf(begun);
      expect(transaction).toMatch(
        new RegExp(`^__Host-oidc\\.txn\\.[\\w-]+=${SEALED}; Max-Age=600; ${ATTRIBUTES}; Secure$`),
      );
      const location = /^location: (.+)$/im.exec(begun)?.[1]?.trim() ?? '';
      const redirect = await new TestBrowser().signIn(
        location,
        { login: 'alice', password: 'alice' },
        { stopAt: publicUrl },
      );
      const callback = new URL(redirect.headers.get('location') ?? '');
      const completed = await rawRequest(`${secure.url}${callback.pathname}${callback.search}`, [
        'Sec-Fetch-Mode: navigate',
        `Cookie: ${transaction.split(';')[0] ?? ''}`,
      ]);
      expect(setCookiesOf(completed)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(new RegExp(`^__Host-${COOKIE}\\.0=${SEALED}; Max-Age=86400; ${ATTRIBUTES}; Secure$`)),
          `__Host-${COOKIE}.1=; ${CLEARED}; Secure`,
          `__Host-${COOKIE}.2=; ${CLEARED}; Secure`,
        ]),
      );
      expect(setCookiesOf(completed).every((line) => line.startsWith('__Host-') && line.endsWith('; Secure'))).toBe(
        true,
      );
      const session =
        setCookiesOf(completed)
          .find((line) => line.startsWith(`__Host-${COOKIE}.0=`))
          ?.split(';')[0] ?? '';
      const shadow = session.replace('__Host-', '');
      const [own, forged, spaced] = await Promise.all(
        [session, shadow, `\xa0${session}`].map((cookie) =>
          rawRequest(`${secure.url}/api/subject`, [`Cookie: ${cookie}`]),
        ),
      );
      expect([own, forged, spaced].map((answer) => parsedAnswer(answer ?? '').status)).toEqual([200, 401, 401]);
    });

    it('S1 that came twice are no session, and both stay', async () => {
      const [alice, bob] = [sessionCookies(await harness.signedIn()), sessionCookies(await harness.signedIn('bob'))];
      const [mine, theirs] = [alice, bob].map((cookies) => `${COOKIE}.0=${cookies[`${COOKIE}.0`] ?? ''}`);
      for (const header of [`${mine ?? ''}; ${theirs ?? ''}`, `${theirs ?? ''}; ${mine ?? ''}`]) {
        const answer = await rawRequest(`${harness.url}/api/subject`, [`Cookie: ${header}`]);
        expect({ ...parsedAnswer(answer), cookies: setCookiesOf(answer) }).toEqual({
          status: 401,
          body: UNAUTHORIZED.body,
          cookies: [],
        });
      }
    });

    it('S12 are not there for scripts', async () => {
      const browser = await harness.signedIn();
      expect(browser.documentCookie(harness.url)).toBe('');
    });

    it('L6 open under no other name', async () => {
      const browser = await harness.signedIn();
      const begun = await browser.navigate(`${harness.url}/auth/login`, { follow: false });
      const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state') ?? '';
      const values = Object.fromEntries(browser.cookies(harness.url).map(({ name, value }) => [name, value]));
      const transaction = Object.keys(values).find((name) => name.startsWith('oidc.txn.')) ?? '';
      expect(Object.keys(values).sort()).toEqual(['oidc.completed', `${COOKIE}.0`, transaction].sort());
      for (const value of Object.values(values).filter((one) => one !== values[`${COOKIE}.0`])) {
        expect(await answerOf(await profileAt(harness, browserWith({ [`${COOKIE}.0`]: value })))).toEqual(UNAUTHORIZED);
      }
      for (const value of Object.values(values).filter((one) => one !== values[transaction])) {
        const response = await browserWith({ [transaction]: value }).fetch(
          `${harness.url}/auth/callback?code=x&state=${state}`,
        );
        expect(await response.json()).toMatchObject({ error: 'transaction_missing' });
      }
    });

    it.each([
      ['nothing', ''],
      ['a word', 'garbage'],
      ['dots', '....'],
      ['a header alone', 'eyJhbGciOiJkaXIifQ'],
      ['a header that is no JSON', 'AAAA.AAAA.AAAA.AAAA.AAAA'],
      ['a header without a key', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA'],
      ['an unsigned JWT', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.'],
      ['broken percent-encoding', '%E0%A4%A'],
      ['four thousand digits', '9'.repeat(4000)],
    ])('S2 with %s in them are no session and no failure', async (_, value) => {
      expect(await answerOf(await profileAt(harness, browserWith({ [`${COOKIE}.0`]: value })))).toEqual(UNAUTHORIZED);
      expect(await answerOf(await refreshAt(harness, browserWith({ [`${COOKIE}.0`]: value })))).toMatchObject({
        status: 401,
        body: { error: 'session_missing' },
      });
    });
  });

  describe('S4 its seal', () => {
    it('opens nothing with a character changed, wherever that is', async () => {
      const { [`${COOKIE}.0`]: value = '' } = sessionCookies(await harness.signedIn());
      const places = Array.from({ length: 96 }, (_, index) => Math.floor((index * (value.length - 1)) / 95));
      for (const place of places) {
        const changed = value.slice(0, place) + (value[place] === 'A' ? 'Q' : 'A') + value.slice(place + 1);
        const response = await profileAt(harness, browserWith({ [`${COOKIE}.0`]: changed }));
        expect([place, response.status]).toEqual([place, 401]);
      }
    });

    it('opens nothing whose parts were moved, cut or taken from another', async () => {
      const [one, other] = [await harness.signedIn(), await harness.signedIn('bob')].map((browser) =>
        (sessionCookies(browser)[`${COOKIE}.0`] ?? '').split('.'),
      );
      const [header = '', key = '', iv = '', text = '', tag = ''] = one ?? [];
      const [, , iv2 = '', text2 = '', tag2 = ''] = other ?? [];
      const forged = [
        [header, key, iv, text.slice(0, -1), text.slice(-1) + tag],
        [header, key, iv, text + tag.slice(0, 1), tag.slice(1)],
        [header, key, iv.slice(0, -1), iv.slice(-1) + text, tag],
        [header, key, iv, text.slice(0, -4), tag],
        [header, key, iv, text, tag.slice(0, -4)],
        [header, key, iv, text, ''],
        [header, key, iv, text2, tag],
        [header, key, iv2, text, tag],
        [header, key, iv, text, tag2],
        [header, key, iv, text2, tag2],
        [header, 'AAAA', iv, text, tag],
      ].map((parts) => parts.join('.'));
      for (const [index, value] of forged.entries()) {
        const response = await profileAt(harness, browserWith({ [`${COOKIE}.0`]: value }));
        expect([index, response.status]).toEqual([index, 401]);
      }
    });

    it.each([
      { zip: 'DEF' },
      { enc: 'A128CBC-HS256' },
      { alg: 'PBES2-HS256+A128KW', p2c: 2 ** 31, p2s: 'AAAA' },
      { n: 99_999_999 },
      { n: -1 },
    ])('T9 opens nothing under a header with %j', async (members) => {
      const [header = '', ...rest] = (sessionCookies(await harness.signedIn())[`${COOKIE}.0`] ?? '').split('.');
      const written = JSON.parse(Buffer.from(header, 'base64url').toString()) as object;
      const changed = Buffer.from(JSON.stringify({ ...written, ...members })).toString('base64url');
      const response = await profileAt(harness, browserWith({ [`${COOKIE}.0`]: [changed, ...rest].join('.') }));
      expect(await answerOf(response)).toEqual(UNAUTHORIZED);
    });
  });

  describe('S13 in a store', () => {
    it('is nothing that anybody could read or find who has the store alone', async () => {
      const recording = new RecordingFetch();
      const keeping = await start({ custody: 'store', fetch: recording.fetch });
      const coordinator = keeping.application.get(Coordinator);
      const writes = (['put', 'putIfAbsent', 'replace', 'addMember'] as const).map((name) =>
        jest.spyOn(coordinator, name),
      );
      const browser = await keeping.signedIn();
      advance(LIFE);
      expect((await profileAt(keeping, browser)).status).toBe(200);
      const dump = JSON.stringify(writes.map(({ mock }) => mock.calls));
      const cookie = browser.cookies(keeping.url).find(({ name }) => name === 'oidc.session-key')?.value ?? '';
      const tokens = recording.received.flatMap((body) => body.match(/[\w-]{40,}/g) ?? []);
      expect({ written: dump.length > 2000, cookie: cookie.length, tokens: tokens.length > 10 }).toEqual({
        written: true,
        cookie: 43,
        tokens: true,
      });
      const secrets = [...tokens, cookie, 'user-alice', 'alice@example.test', 'Alice'];
      expect(secrets.filter((secret) => dump.includes(secret))).toEqual([]);
    });
  });

  describe('its size', () => {
    /** The session that the next renewal writes is longer by about this many characters. */
    const growAtRenewal = (length: number): unknown =>
      provider.faults.rewrite({ kind: 'token', grant: 'refresh_token' }, (body) => ({
        ...body,
        scope: 's'.repeat(length),
      }));

    it('with a 2 KB access, a 1.5 KB refresh and a 1.5 KB ID Token leaves the whole Cookie header under 7 KB: 5.8 KB', async () => {
      const sizes = { accessToken: 2048, refreshToken: 1536, idToken: 1536 };
      await enlargeTokens(provider, sizes);
      const browser = await harness.signedIn();
      const header = browser.jar.header(harness.url);
      expect(header.length).toBeLessThan(5.8 * 1024);
      expect(header.length).toBeGreaterThan(5.3 * 1024);
      expect((await profileAt(harness, browser)).status).toBe(200);
    });

    it('S2 loses nothing to a chunk that is left over from a larger one', async () => {
      const browser = await harness.signedIn();
      const cookies = { ...sessionCookies(browser), [`${COOKIE}.1`]: 'left-over', [`${COOKIE}.3`]: 'left-over' };
      const response = await profileAt(harness, browserWith(cookies));
      expect([response.status, response.headers.getSetCookie()]).toEqual([200, []]);
      const renewed = await refreshAt(harness, browserWith(cookies));
      expect(renewed.headers.getSetCookie().slice(1)).toEqual(
        [1, 2, 3].map((index) => `${COOKIE}.${String(index)}=; ${CLEARED}`),
      );
    });

    it.each([0, 1])('S2 without chunk %d is no session, and the rest is cleared', async (missing) => {
      await enlargeTokens(provider, { accessToken: 2048, refreshToken: 1536, idToken: 1536 });
      const { [`${COOKIE}.${String(missing)}`]: _, ...rest } = sessionCookies(await harness.signedIn());
      expect(Object.keys(rest)).toHaveLength(1);
      const browser = browserWith(rest);
      expect(await answerOf(await profileAt(harness, browser))).toEqual(UNAUTHORIZED);
      expect(sessionCookies(browser)).toEqual({});
    });

    it('S2 of three cookies without the one in the middle is no session', async () => {
      const browser = await harness.signedIn();
      growAtRenewal(6000);
      await refreshAt(harness, browser);
      const { [`${COOKIE}.1`]: middle, ...rest } = sessionCookies(browser);
      expect([middle?.length, Object.keys(rest)]).toEqual([3936, [`${COOKIE}.0`, `${COOKIE}.2`]]);
      expect(await answerOf(await profileAt(harness, browserWith(rest)))).toEqual(UNAUTHORIZED);
    });

    it('S2 looks at no cookie whose name is not exactly that of a chunk', async () => {
      const browser = await harness.signedIn();
      const names = ['99999999', '00', '01', '1e0', '0x1', '-1', '+1', '0.0', '', ' ', '1 '].map(
        (end) => `${COOKIE}.${end}`,
      );
      const own = sessionCookies(browser);
      const strange = [...names, `${COOKIE}1`, `x${COOKIE}.1`].map((name) => `${name}=planted`);
      const headers = { cookie: [`${COOKIE}.0=${own[`${COOKIE}.0`] ?? ''}`, ...strange].join('; ') };
      expect((await fetch(`${harness.url}/api/subject`, { headers })).status).toBe(200);
      const renewed = await refreshAt(harness, browser, headers);
      expect([renewed.status, renewed.headers.getSetCookie().slice(1)]).toEqual([
        200,
        // `1 ` is the name `.1` to whoever reads a Cookie header.
        [`${COOKIE}.1=; ${CLEARED}`, `${COOKIE}.2=; ${CLEARED}`],
      ]);
      const alone = await fetch(`${harness.url}/api/subject`, { headers: { cookie: strange.slice(0, -3).join('; ') } });
      expect([alone.status, alone.headers.getSetCookie()]).toEqual([401, []]);
    });

    it('S2 that fills its cookie to the last character is read as it was written', async () => {
      const browser = await harness.signedIn();
      const renewWith = async (scope: number): Promise<number> => {
        growAtRenewal(scope);
        expect((await refreshAt(harness, browser)).status).toBe(200);
        return Object.values(sessionCookies(browser)).join('').length;
      };
      let scope = 100;
      for (let round = 0, length = 0; round < 10 && length !== 3936; round += 1) {
        length = await renewWith(scope);
        scope +=
          Math.trunc(((3936 - length) * 3) / 4) + Math.sign(3936 - length) * (Math.abs(3936 - length) < 2 ? 1 : 0);
      }
      expect(Object.values(sessionCookies(browser)).map(({ length }) => length)).toEqual([3936]);
      expect((await profileAt(harness, browser)).status).toBe(200);
      await renewWith(scope + 20);
      expect(Object.keys(sessionCookies(browser))).toEqual([`${COOKIE}.0`, `${COOKIE}.1`]);
      expect((await profileAt(harness, browser)).status).toBe(200);
    });

    it('N13 leads nobody in circles over a stale cookie, in its place or beside it', async () => {
      const stale = sessionCookies(await harness.signedIn())[`${COOKIE}.0`] ?? '';
      const broken = `${stale.slice(0, -30)}AAAA${stale.slice(-26)}`;
      for (const cookies of [
        { [`${COOKIE}.0`]: broken },
        { [`${COOKIE}.0`]: broken, [`${COOKIE}.1`]: stale, [`${COOKIE}.2`]: broken },
        { [`${COOKIE}.1`]: stale, [`${COOKIE}.3`]: 'left-over' },
      ]) {
        const browser = browserWith(cookies);
        const landed = await harness.signIn(browser, 'alice', '/api/subject');
        expect([landed.status, landed.url]).toEqual([200, `${harness.url}/api/subject`]);
        browser.jar.store(`${COOKIE}.1=${stale}; Path=/`, harness.url);
        expect((await browser.navigate(`${harness.url}/api/subject`, { follow: false })).status).toBe(200);
      }
      const [first] = (await profileAt(harness, browserWith({ [`${COOKIE}.0`]: broken }))).headers.getSetCookie();
      expect(first).toBe(`${COOKIE}.0=; ${CLEARED}`);
    });

    it('S9 leaves no chunk behind at logout', async () => {
      await enlargeTokens(provider, { accessToken: 2048, refreshToken: 1536, idToken: 1536 });
      const browser = await harness.signedIn();
      expect(Object.keys(sessionCookies(browser))).toEqual([`${COOKIE}.0`, `${COOKIE}.1`]);
      await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
      expect(sessionCookies(browser)).toEqual({});
    });

    it('S3 with 200 groups in the ID Token is refused at login with the remedy, and the session before lives on', async () => {
      const browser = await harness.signedIn();
      nameGroups(provider, 200);
      const landed = await harness.signIn(browser);
      expect(landed.url).toBe(`${harness.url}/auth/error?error=session_too_large`);
      expect(harness.events.filter(({ type }) => type === 'login.failed')).toMatchObject([
        {
          code: 'session_too_large',
          reason: expect.stringMatching(
            /^the tokens take \d{5} bytes of cookies, of at most 7400; ask the provider for fewer claims \(groups\), or set OPENID_CUSTODY=store$/,
          ),
        },
      ]);
      expect((await profileAt(harness, browser)).status).toBe(200);
    });

    it('S3 that grows at a renewal is carried while the browser and Node can, and refused with an event beyond', async () => {
      const browser = await harness.signedIn();
      growAtRenewal(6000);
      expect((await refreshAt(harness, browser)).status).toBe(200);
      expect(Object.keys(sessionCookies(browser))).toHaveLength(3);
      expect((await profileAt(harness, browser)).status).toBe(200);
      const before = sessionCookies(browser);
      growAtRenewal(12_000);
      expect(await answerOf(await refreshAt(harness, browser))).toMatchObject({
        status: 502,
        body: { error: 'session_too_large' },
      });
      expect(sessionCookies(browser)).toEqual(before);
      expect(harness.events.filter(({ type }) => type === 'session.rejected')).toMatchObject([
        { subject: 'user-alice', reason: expect.stringContaining('of at most 12000;') },
      ]);
    });
  });

  describe('S7 its answers', () => {
    const matchingCookie: unknown = expect.stringMatching(/Cookie$/);

    it.each([
      ['GET', '/api/cacheable', 'Accept-Encoding, Cookie'],
      ['GET', '/api/optional', 'Cookie'],
      ['GET', '/auth/session', 'Cookie'],
      ['POST', '/auth/refresh', 'Cookie'],
      ['GET', '/auth/login', expect.stringMatching(/^(Accept, )?Cookie$/)],
      ['GET', '/auth/callback?state=x', 'Cookie'],
      ['GET', '/auth/userinfo', 'Cookie'],
      ['POST', '/auth/logout', 'Cookie'],
    ])(
      'to %s %s are never stored, whatever the handler sets, with a session and without',
      async (method, path, vary) => {
        for (const browser of [await harness.signedIn(), new TestBrowser()]) {
          const response = await browser.fetch(harness.url + path, { method });
          expect({ cache: response.headers.get('cache-control'), vary: response.headers.get('vary') }).toEqual({
            cache: 'no-store',
            // A refusal names what it depends on beside the cookie.
            vary: response.status === 401 ? matchingCookie : vary,
          });
        }
      },
    );

    it('leave alone what reads no session', async () => {
      const token = await provider.signAccessToken({ sub: 'user-alice' });
      const bearer = await new TestBrowser().fetch(`${harness.url}/api/cacheable`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect([bearer.status, bearer.headers.get('cache-control'), bearer.headers.get('vary')]).toEqual([
        200,
        'public, max-age=3600',
        'Accept-Encoding',
      ]);
      const open = await (await harness.signedIn()).fetch(`${harness.url}/api/public`);
      expect([open.status, open.headers.get('cache-control')]).toEqual([200, null]);
    });
  });

  describe('S5 its secrets', () => {
    it('are rotated under load without a logout', async () => {
      const [first, second, last] = [
        await start({ sessionSecrets: [SESSION_SECRET, OTHER_SECRET] }),
        await start({ sessionSecrets: [OTHER_SECRET, SESSION_SECRET] }),
        await start({ sessionSecrets: [OTHER_SECRET] }),
      ];
      const browsers = await Promise.all(Array.from({ length: 5 }, () => harness.signedIn()));
      const everywhere = async (instances: readonly Harness[]): Promise<Set<number>> => {
        const requests = browsers.flatMap((browser) =>
          instances.flatMap((instance) => [profileAt(instance, browser), profileAt(instance, browser)]),
        );
        return new Set((await Promise.all(requests)).map(({ status }) => status));
      };
      // Each deployment meets the one before it.
      expect(await everywhere([harness, first])).toEqual(new Set([200]));
      for (const browser of browsers) await refreshAt(second, browser);
      expect(await everywhere([first, second])).toEqual(new Set([200]));
      expect(await everywhere([second, last])).toEqual(new Set([200]));
      expect({ replays: provider.replays, revoked: provider.revokedFamilies }).toEqual({ replays: 0, revoked: 0 });
    });

    it('open attempts to sign in that an older one sealed, and none once it is gone', async () => {
      const next = await start({ sessionSecrets: [OTHER_SECRET, SESSION_SECRET], publicUrl: harness.url });
      const last = await start({ sessionSecrets: [OTHER_SECRET], publicUrl: harness.url });
      const ends = [];
      for (const instance of [next, last]) {
        const browser = new TestBrowser();
        const callback = (await authorize(harness, browser)).replace(harness.url, instance.url);
        ends.push(redirectOf(await comeBack(instance, browser, callback)));
      }
      expect(ends).toEqual([
        { status: 302, location: '/' },
        { status: 302, location: '/auth/error?error=transaction_missing' },
      ]);
    });

    it('that were taken away sign out, and the cookies are left to the instances that know them', async () => {
      const other = await start({ sessionSecrets: [OTHER_SECRET] });
      const browser = await harness.signedIn();
      const before = sessionCookies(browser);
      expect(await answerOf(await profileAt(other, browser))).toEqual(UNAUTHORIZED);
      expect(await sessionAt(other, browser)).toEqual({ authenticated: false });
      expect(sessionCookies(browser)).toEqual(before);
      expect((await profileAt(harness, browser)).status).toBe(200);
      // Long enough after the last sign-in that nobody takes the browser for one that keeps no cookies.
      advance(11);
      expect((await other.signIn(browser)).status).toBe(200);
      expect((await profileAt(other, browser)).status).toBe(200);
    });
  });

  describe('GET /auth/session', () => {
    it('shows who is signed in and for how long, and no token', async () => {
      const browser = await harness.signedIn();
      advance(20);
      const now = Math.floor(Date.now() / 1000);
      const session = await sessionAt(harness, browser);
      expect(session).toEqual({
        authenticated: true,
        claims: {
          sub: 'user-alice',
          name: expect.any(String),
          email: expect.any(String),
          email_verified: true,
          preferred_username: 'alice',
          roles: ['admin'],
          auth_time: now - 20,
          acr: 'urn:test:password',
          amr: ['pwd'],
        },
        now,
        expires_at: now - 20 + LIFE,
        session_expires_at: now - 20 + 86_400,
        last_refresh_at: now - 20,
        custody: 'cookie',
        instance: expect.stringMatching(/^[0-9a-f]{8}$/),
        tokens: {
          access: { issued_at: now - 20, expires_at: now - 20 + LIFE },
          id: { issued_at: now - 20, expires_at: now - 20 + 3600 },
          refresh: { expires_at: null },
        },
      });
    });

    it('says false without a session', async () => {
      expect(await sessionAt(harness, new TestBrowser())).toEqual({ authenticated: false });
    });

    it('prolongs and renews nothing, also when the access token has expired', async () => {
      const browser = await harness.signedIn();
      advance(LIFE + 1);
      const response = await browser.fetch(`${harness.url}/auth/session`);
      const { expires_at: expiresAt, now } = (await response.json()) as {
        readonly expires_at: number;
        readonly now: number;
      };
      expect({ asked: asked(), cookies: response.headers.getSetCookie(), left: expiresAt - now }).toEqual({
        asked: 0,
        cookies: [],
        left: -1,
      });
    });

    it('shows the newest of the chain', async () => {
      const browser = await harness.signedIn();
      const older = sessionCookies(browser);
      advance(20);
      await refreshAt(harness, browser);
      expect((await sessionAt(harness, browserWith(older)))['last_refresh_at']).toBe(Math.floor(Date.now() / 1000));
    });
  });

  describe('POST /auth/refresh', () => {
    it('answers with the new end of the access token, and nothing else', async () => {
      const browser = await harness.signedIn();
      advance(100);
      expect(await answerOf(await refreshAt(harness, browser))).toEqual({
        status: 200,
        challenge: null,
        body: { authenticated: true, expires_at: Math.floor(Date.now() / 1000) + LIFE },
      });
      expect(asked()).toBe(1);
    });

    it.each([{}, { 'sec-fetch-site': 'cross-site' }])(
      'says session_missing without a session, whoever asks: %j',
      async (headers) => {
        expect(await answerOf(await refreshAt(harness, new TestBrowser(), headers))).toEqual({
          status: 401,
          challenge: 'Bearer',
          body: { error: 'session_missing', error_description: 'there is no session; sign in first' },
        });
      },
    );

    it.each([
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-site': '', origin: null },
      { 'sec-fetch-site': null, origin: 'https://evil.example' },
      { 'sec-fetch-site': null, origin: 'null' },
      { 'sec-fetch-site': null, origin: null },
    ])('S6 refuses %j without asking the provider', async (headers) => {
      const browser = await harness.signedIn();
      provider.requests.reset();
      expect(await answerOf(await refreshAt(harness, browser, headers))).toMatchObject({
        status: 403,
        body: { error: 'csrf' },
      });
      expect(asked()).toBe(0);
    });

    it('S6 takes our own Origin where the browser sends no Sec-Fetch-Site', async () => {
      const browser = await harness.signedIn();
      expect((await refreshAt(harness, browser, { 'sec-fetch-site': null, origin: harness.url })).status).toBe(200);
    });

    it('is no GET', async () => {
      const browser = await harness.signedIn();
      expect((await browser.fetch(`${harness.url}/auth/refresh`)).status).toBe(404);
    });

    it('shows the access token only where that is configured', async () => {
      const exposing = await start({ exposeAccessToken: true });
      const response = await refreshAt(exposing, await exposing.signedIn());
      const body = (await response.json()) as { readonly access_token: string };
      expect(body).toEqual({
        authenticated: true,
        expires_at: expect.any(Number),
        access_token: expect.stringMatching(/^eyJ/),
        token_type: 'Bearer',
      });
      const bearer = await new TestBrowser().fetch(`${exposing.url}/api/subject`, {
        headers: { authorization: `Bearer ${body.access_token}` },
      });
      expect(await bearer.json()).toEqual({ subject: 'user-alice' });
    });

    it('shows the ID Token where that is what bearers present', async () => {
      const exposing = await start({ exposeAccessToken: true, reusedToken: 'id_token' });
      const response = await refreshAt(exposing, await exposing.signedIn());
      const body = (await response.json()) as { readonly access_token: string };
      const bearer = await new TestBrowser().fetch(`${exposing.url}/api/subject`, {
        headers: { authorization: `Bearer ${body.access_token}` },
      });
      expect(await bearer.json()).toEqual({ subject: 'user-alice' });
    });

    it('answers from the session while its tokens are younger than reuseMaxSessionAge', async () => {
      const reusing = await start({ reuseMaxSessionAge: 60_000 });
      const browser = await reusing.signedIn();
      provider.requests.reset();
      advance(59);
      const young = await refreshAt(reusing, browser);
      expect([young.status, young.headers.getSetCookie(), asked()]).toEqual([200, [], 0]);
      advance(1);
      expect([(await refreshAt(reusing, browser)).status, asked()]).toEqual([200, 1]);
    });

    it('asks the provider for an expired token however young it is', async () => {
      const reusing = await start({ reuseMaxSessionAge: 600_000 });
      const browser = await reusing.signedIn();
      provider.requests.reset();
      advance(LIFE);
      expect([(await refreshAt(reusing, browser)).status, asked()]).toEqual([200, 1]);
    });

    it('answers from the session where nothing can renew it, until the access token expires', async () => {
      const plain = await start({ scope: 'openid profile' });
      const browser = await plain.signedIn();
      const now = Math.floor(Date.now() / 1000);
      provider.requests.reset();
      expect(await answerOf(await refreshAt(plain, browser))).toMatchObject({
        status: 200,
        body: { expires_at: now + LIFE },
      });
      expect(await sessionAt(plain, browser)).toMatchObject({
        session_expires_at: now + LIFE,
        tokens: { access: { expires_at: now + LIFE } },
      });
      expect((await sessionAt(plain, browser))['tokens']).not.toHaveProperty('refresh');
      const late = browserWith(sessionCookies(browser));
      advance(LIFE);
      expect(await answerOf(await refreshAt(plain, late))).toMatchObject({
        status: 401,
        body: { error: 'login_required' },
      });
      expect([asked(), sessionCookies(late)]).toEqual([0, {}]);
    });

    it('refuses by policy with 403, and the session stays', async () => {
      const strict = await start();
      const browser = await strict.signedIn();
      const demanding = await start({ requiredRoles: ['owner'] });
      expect(await answerOf(await refreshAt(demanding, browser))).toMatchObject({
        status: 403,
        body: { error: 'role_required' },
      });
      expect((await profileAt(strict, browser)).status).toBe(200);
    });
  });

  describe('an identity without tokens', () => {
    let identity: Harness;

    beforeAll(async () => {
      identity = await start({ reuseTokens: false, sessionIdleLifetime: 1000, sessionAbsoluteLifetime: 2500 });
    });

    it('keeps no token of the provider but the ID Token, and is prolonged without asking it', async () => {
      const browser = await identity.signedIn();
      provider.requests.reset();
      const { tokens, session_expires_at: end, now } = await sessionAt(identity, browser);
      expect([tokens, Number(end) - Number(now)]).toEqual([
        { id: { issued_at: expect.any(Number), expires_at: expect.any(Number) } },
        1000,
      ]);
      advance(900);
      expect(await answerOf(await refreshAt(identity, browser))).toMatchObject({
        status: 200,
        body: { authenticated: true, expires_at: Math.floor(Date.now() / 1000) + 1000 },
      });
      advance(900);
      expect((await profileAt(identity, browser)).status).toBe(200);
      expect((await refreshAt(identity, browser)).status).toBe(200);
      advance(699);
      expect((await profileAt(identity, browser)).status).toBe(200);
      advance(2);
      expect(provider.requests.list()).toEqual([]);
      expect((await profileAt(identity, browser)).status).toBe(401);
    });

    it('says login_required when the session has ended', async () => {
      const browser = await identity.signedIn();
      const cookies = sessionCookies(browser);
      advance(1000);
      expect(await answerOf(await refreshAt(identity, browserWith(cookies)))).toMatchObject({
        status: 401,
        body: { error: 'login_required' },
      });
    });
  });

  describe('S10 its lifetime', () => {
    it('ends after the idle limit, also for a browser that keeps the cookies', async () => {
      const idle = await start({ sessionIdleLifetime: 1000 });
      const browser = await idle.signedIn();
      advance(900);
      expect((await profileAt(idle, browser)).status).toBe(200);
      const cookies = sessionCookies(browser);
      advance(999);
      expect((await sessionAt(idle, browser))['authenticated']).toBe(true);
      advance(1);
      provider.requests.reset();
      expect(sessionCookies(browser)).toEqual({});
      const keeper = browserWith(cookies);
      expect(await sessionAt(idle, keeper)).toEqual({ authenticated: false });
      expect(await answerOf(await profileAt(idle, keeper))).toMatchObject({
        status: 401,
        body: { error: 'login_required' },
      });
      expect([sessionCookies(keeper), asked()]).toEqual([{}, 0]);
    });

    it('ends after the absolute limit however often it is renewed', async () => {
      const absolute = await start({ sessionAbsoluteLifetime: 1000 });
      const browser = await absolute.signedIn();
      for (let round = 0; round < 3; round += 1) {
        advance(LIFE);
        expect((await refreshAt(absolute, browser)).status).toBe(200);
      }
      const cookies = sessionCookies(browser);
      const { expires_at: accessEnd, session_expires_at: end, now } = await sessionAt(absolute, browser);
      expect([Number(accessEnd) - Number(now), Number(end) - Number(now)]).toEqual([100, 100]);
      advance(100);
      expect(await answerOf(await refreshAt(absolute, browserWith(cookies)))).toMatchObject({
        status: 401,
        body: { error: 'login_required' },
      });
    });

    it('ends when the refresh token does, as far as the provider says it', async () => {
      provider.faults.rewrite({ kind: 'token', grant: 'authorization_code' }, (body) => ({
        ...body,
        refresh_expires_in: 500,
      }));
      const browser = await harness.signedIn();
      const now = Math.floor(Date.now() / 1000);
      expect(await sessionAt(harness, browser)).toMatchObject({
        session_expires_at: now + 500,
        tokens: { refresh: { expires_at: now + 500 } },
      });
    });

    it('ends when the ID Token says so', async () => {
      const end = Math.floor(Date.now() / 1000) + 120;
      provider.faults.idToken(
        (claims, header) => ({ claims: { ...claims, session_expiry: end }, header, sign: 'provider' }),
        { grant: 'authorization_code' },
      );
      const browser = await harness.signedIn();
      expect(await sessionAt(harness, browser)).toMatchObject({ session_expires_at: end, expires_at: end });
    });
  });
});

function setCookiesOf(answer: string): string[] {
  return [...answer.matchAll(/^set-cookie: (.+?)\r?$/gim)].map(([, line]) => line ?? '');
}
