/** Nobody is signed out by accident: renewal in one process, against a provider that revokes everything at the first replay. */
import { request as httpRequest } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { OidcEvent } from 'nestjs-oidc-token-reuse';
import {
  basicCredentials,
  type JarSnapshot,
  type TestBrowser,
  type TestProvider,
} from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';
import { until } from '../support/until.js';

const REFRESH = { kind: 'token', grant: 'refresh_token' } as const;
/** Seconds that an access token of the provider lives. */
const LIFE = 300;
const GRACE = 60;

const LOGIN_REQUIRED = { status: 401, error: 'login_required' };
const UNAVAILABLE = { status: 503, error: 'provider_unavailable' };

interface Outcome {
  readonly status: number;
  readonly error?: string;
}

async function outcomeOf(response: Response): Promise<Outcome> {
  const { error } = (await response.json()) as { readonly error?: string };
  return { status: response.status, ...(error === undefined ? {} : { error }) };
}

/** Names of cookies that a response sets to something, and of those that it clears. */
function cookiesIn(response: Response): { readonly set: readonly string[]; readonly cleared: readonly string[] } {
  const lines = response.headers.getSetCookie();
  const names = (wanted: boolean): string[] =>
    lines.filter((line) => line.includes('=; Max-Age=0;') === wanted).map((line) => line.split('=')[0] ?? '');
  return { set: names(false), cleared: names(true) };
}

describe.each(ADAPTERS)('renewal on %s', (adapter) => {
  let harness: Harness;
  let provider: TestProvider;
  let recording: RecordingFetch;
  let browser: TestBrowser;

  beforeAll(async () => {
    recording = new RecordingFetch();
    harness = await startHarness({ adapter, oidc: { fetch: recording.fetch, successorGrace: GRACE } });
    ({ provider } = harness);
    freezeTime();
  });
  beforeEach(async () => {
    browser = await harness.signedIn();
    reset();
  });
  afterEach(() => {
    provider.faults.clear();
    provider.mode = 'strict';
    // The circuit breaker forgets.
    advance(60);
  });
  afterAll(async () => {
    releaseTime();
    await harness.close();
  });

  function reset(): void {
    provider.requests.reset();
    harness.events.length = 0;
  }

  function api(by: TestBrowser = browser): Promise<Response> {
    return by.fetch(`${harness.url}/api/subject`);
  }

  function askForRefresh(by: TestBrowser = browser): Promise<Response> {
    return by.fetch(`${harness.url}/auth/refresh`, { method: 'POST' });
  }

  function withCookies(snapshot: JarSnapshot): TestBrowser {
    const other = harness.browser();
    other.jar.restore(snapshot);
    return other;
  }

  function asked(): number {
    return provider.requests.count('token', { grant: 'refresh_token' });
  }

  function replays(): object {
    return { replays: provider.replays, revoked: provider.revokedFamilies };
  }

  function eventsOf(type: OidcEvent['type']): readonly OidcEvent[] {
    return harness.events.filter((event) => event.type === type);
  }

  /** The refresh token that the provider gave last. */
  function latestRefreshToken(): string {
    const bodies = recording.received.filter((body) => body.includes('"refresh_token"'));
    return (JSON.parse(bodies.at(-1) ?? '{}') as { readonly refresh_token: string }).refresh_token;
  }

  const NOT_REPLAYED = { replays: 0, revoked: 0 };

  describe('many requests', () => {
    it('R1 100 at once with an expired access token make one token request, and all are served', async () => {
      advance(LIFE);
      const responses = await Promise.all(Array.from({ length: 100 }, () => api()));
      expect(responses.map(({ status }) => status)).toEqual(Array(100).fill(200));
      expect({ asked: asked(), ...replays() }).toEqual({ asked: 1, ...NOT_REPLAYED });
      advance(LIFE);
      expect(await outcomeOf(await api())).toEqual({ status: 200 });
      expect({ asked: asked(), ...replays() }).toEqual({ asked: 2, ...NOT_REPLAYED });
    });

    it('R1 50 POST /auth/refresh and 50 API requests at once make one token request', async () => {
      advance(LIFE);
      const responses = await Promise.all(
        Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? api() : askForRefresh())),
      );
      expect({ statuses: new Set(responses.map(({ status }) => status)), asked: asked() }).toEqual({
        statuses: new Set([200]),
        asked: 1,
      });
    });

    it('R2 of two end-users at once get each their own', async () => {
      const bob = await harness.signedIn('bob');
      advance(LIFE);
      const people = [browser, bob];
      const responses = await Promise.all(Array.from({ length: 40 }, (_, index) => api(people[index % 2])));
      const subjects = await Promise.all(responses.map((response) => response.json()));
      expect(subjects).toEqual(
        Array.from({ length: 40 }, (_, index) => ({ subject: index % 2 === 0 ? 'user-alice' : 'user-bob' })),
      );
      expect(asked()).toBe(2);
    });

    it('whose browser has gone leave their renewal to the others', async () => {
      advance(LIFE);
      const hold = provider.faults.hold(REFRESH, 'after');
      const gone = httpRequest(`${harness.url}/api/subject`, {
        agent: false,
        headers: { cookie: browser.jar.header(harness.url) },
      });
      const failed = new Promise((resolve) => gone.once('error', resolve));
      gone.end();
      await hold.arrived;
      gone.destroy();
      await failed;
      hold.release();
      expect(await outcomeOf(await api())).toEqual({ status: 200 });
      expect({ asked: asked(), ...replays() }).toEqual({ asked: 1, ...NOT_REPLAYED });
    });

    it('in the last stretch of the access token are served with it, and it is renewed behind one of them', async () => {
      const older = browser.jar.snapshot();
      advance(LIFE - 1);
      const responses = await Promise.all(Array.from({ length: 20 }, () => api()));
      expect(responses.map(({ status }) => status)).toEqual(Array(20).fill(200));
      await until(() => eventsOf('refresh.succeeded').length === 1);
      advance(LIFE - 60);
      expect(cookiesIn(await api(withCookies(older))).set).toContain('oidc.session.0');
      expect({ asked: asked(), ...replays() }).toEqual({ asked: 1, ...NOT_REPLAYED });
    });
  });

  describe('an older cookie', () => {
    it('that a late response put back, five rotations in a row, loses nothing', async () => {
      for (let rotation = 1; rotation <= 5; rotation += 1) {
        advance(LIFE);
        const older = browser.jar.snapshot();
        expect(await outcomeOf(await api())).toEqual({ status: 200 });
        browser.jar.restore(older);
        const healing = await api();
        expect({ status: healing.status, cookies: cookiesIn(healing).set }).toEqual({
          status: 200,
          cookies: expect.arrayContaining(['oidc.session.0']),
        });
        expect(asked()).toBe(rotation);
      }
      expect(replays()).toEqual(NOT_REPLAYED);
    });

    it('that is five rotations old gets the newest of its chain, and heals', async () => {
      const oldest = browser.jar.snapshot();
      for (let rotation = 0; rotation < 5; rotation += 1) expect((await askForRefresh()).status).toBe(200);
      advance(GRACE - 1);
      const late = withCookies(oldest);
      expect(cookiesIn(await api(late)).set).toContain('oidc.session.0');
      expect(cookiesIn(await api(late)).set).toEqual([]);
      advance(LIFE);
      expect(await outcomeOf(await api(late))).toEqual({ status: 200 });
      expect(await outcomeOf(await api(browser))).toEqual({ status: 200 });
      expect({ asked: asked(), ...replays() }).toEqual({ asked: 6, ...NOT_REPLAYED });
    });

    it('after the grace is told to sign in, the provider is not asked, and the session of the others lives', async () => {
      const oldest = browser.jar.snapshot();
      advance(LIFE);
      expect((await api()).status).toBe(200);
      advance(GRACE);
      const late = withCookies(oldest);
      const response = await api(late);
      expect({
        ...(await outcomeOf(response)),
        challenge: response.headers.get('www-authenticate'),
        ...cookiesIn(response),
      }).toEqual({
        ...LOGIN_REQUIRED,
        challenge: 'Bearer',
        set: [],
        cleared: expect.arrayContaining(['oidc.session.0', 'oidc.session.1']),
      });
      expect(late.cookies(harness.url).filter(({ name }) => name.startsWith('oidc.session'))).toEqual([]);
      expect(await outcomeOf(await askForRefresh(withCookies(oldest)))).toEqual(LOGIN_REQUIRED);
      expect(eventsOf('refresh.replay_detected')).toHaveLength(2);
      expect(await outcomeOf(await api())).toEqual({ status: 200 });
      advance(LIFE);
      expect(await outcomeOf(await api())).toEqual({ status: 200 });
      expect({ asked: asked(), ...replays() }).toEqual({ asked: 2, ...NOT_REPLAYED });
    });

    it('after the grace leads a page load to the login', async () => {
      const oldest = browser.jar.snapshot();
      advance(LIFE);
      await api();
      advance(GRACE);
      const response = await withCookies(oldest).navigate(`${harness.url}/api/subject`, { follow: false });
      expect([response.status, response.headers.get('location')]).toEqual([
        302,
        '/auth/login?returnTo=%2Fapi%2Fsubject',
      ]);
    });
  });

  describe('a logout', () => {
    it.each(['before', 'after'] as const)(
      'S8 while the provider is asked (held %s) wins: the session does not come back, and the rotated token is revoked',
      async (stage) => {
        const before = browser.jar.snapshot();
        advance(LIFE);
        const hold = provider.faults.hold(REFRESH, stage);
        const inFlight = api();
        await hold.arrived;
        const logout = browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
        // What asks for tokens would wait for the renewal that is held.
        await until(async () => {
          const view = await withCookies(before).fetch(`${harness.url}/auth/session`);
          return ((await view.json()) as { authenticated: boolean }).authenticated === false;
        });
        hold.release();
        const response = await inFlight;
        expect({ ...(await outcomeOf(response)), set: cookiesIn(response).set }).toEqual({
          ...LOGIN_REQUIRED,
          set: [],
        });
        expect((await logout).status).toBe(200);
        await until(() => eventsOf('logout').length === 1);
        expect(eventsOf('logout')).toMatchObject([{ subject: 'user-alice', revoked: true }]);
        expect(asked()).toBe(1);
        expect(await refreshAtProvider(latestRefreshToken())).toBe('invalid_grant');
        for (const jar of [browser.jar.snapshot(), before]) {
          const session = await withCookies(jar).fetch(`${harness.url}/auth/session`);
          expect(await session.json()).toEqual({ authenticated: false });
          expect((await api(withCookies(jar))).status).toBe(401);
        }
        expect(asked()).toBe(0);
      },
    );

    it('S8 before an older cookie comes back counts for that too', async () => {
      const oldest = browser.jar.snapshot();
      await askForRefresh();
      const newer = browser.jar.snapshot();
      await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
      for (const jar of [oldest, newer]) {
        expect(await outcomeOf(await api(withCookies(jar)))).toEqual(LOGIN_REQUIRED);
        expect(await outcomeOf(await askForRefresh(withCookies(jar)))).toEqual(LOGIN_REQUIRED);
      }
      expect(asked()).toBe(1);
    });

    it.each(['cookie', 'store'] as const)(
      'R6 shows no script the refresh token, also where it gives it the access token: custody %s',
      async (custody) => {
        const oidc = { custody, exposeAccessToken: true, fetch: recording.fetch };
        const exposing = await startHarness({ adapter, provider, oidc });
        const page = await exposing.signedIn();
        advance(LIFE);
        let shown = page.documentCookie(exposing.url);
        for (const request of ['POST /auth/refresh', 'GET /auth/session', 'GET /auth/userinfo', 'POST /auth/logout']) {
          const [method = '', path = ''] = request.split(' ');
          const response = await page.fetch(exposing.url + path, { method });
          expect([request, response.status]).toEqual([request, 200]);
          // Browsers keep `Set-Cookie` from scripts.
          response.headers.delete('set-cookie');
          shown += JSON.stringify([...response.headers]) + (await response.text());
        }
        await exposing.close();
        const given = recording.received
          .map((body) => /"refresh_token":"([^"]+)"/.exec(body)?.[1] ?? '')
          .filter(Boolean);
        expect([given.length > 2, shown.includes('"access_token":"')]).toEqual([true, true]);
        expect(given.filter((token) => shown.includes(token))).toEqual([]);
      },
    );

    it('R6 revokes the newest refresh token, also of a request that carries an older one', async () => {
      const oldest = browser.jar.snapshot();
      await askForRefresh();
      await withCookies(oldest).fetch(`${harness.url}/auth/logout`, { method: 'POST' });
      expect(await refreshAtProvider(latestRefreshToken())).toBe('invalid_grant');
      expect(await outcomeOf(await api())).toEqual(LOGIN_REQUIRED);
    });

    /** What the provider says to a refresh token: its error, or `ok`. */
    async function refreshAtProvider(refreshToken: string): Promise<string> {
      const response = await fetch(`${provider.issuer}/token`, {
        method: 'POST',
        headers: { authorization: basicCredentials(provider.client.clientId, provider.client.clientSecret) },
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }),
      });
      provider.requests.reset();
      return ((await response.json()) as { readonly error?: string }).error ?? 'ok';
    }
  });

  describe('a provider that fails', () => {
    const faults: readonly (readonly [name: string, fail: () => unknown, retryAfter: string])[] = [
      ['503', () => provider.faults.status(REFRESH, 503), '5'],
      ['503 with Retry-After', () => provider.faults.status(REFRESH, 503, { retryAfter: 9 }), '9'],
      ['500', () => provider.faults.status(REFRESH, 500), '5'],
      ['429 with Retry-After', () => provider.faults.status(REFRESH, 429, { retryAfter: 7 }), '7'],
      ['an HTML page', () => provider.faults.html(REFRESH), '5'],
      ['a redirect', () => provider.faults.redirect(REFRESH, 'http://127.0.0.1:1/'), '5'],
      ['half a JSON document', () => provider.faults.truncate(REFRESH), '5'],
      ['ten megabytes', () => provider.faults.oversize(REFRESH), '5'],
      ['another content type', () => provider.faults.contentType(REFRESH, 'text/plain'), '5'],
      ['no access token', () => provider.faults.omit(REFRESH, 'access_token'), '5'],
      ['nothing: the connection is closed before', () => provider.faults.drop(REFRESH), '5'],
      ['nothing: the connection is closed after', () => provider.faults.dropResponse(REFRESH), '5'],
      ['invalid_client', () => provider.faults.status(REFRESH, 401, { body: { error: 'invalid_client' } }), '30'],
      ['an error nobody knows', () => provider.faults.status(REFRESH, 400, { body: { error: 'EWILD!' } }), '30'],
    ];

    it.each(faults)(
      'with %s is answered with 503, the session is kept, and it works when the provider is back',
      async (_, fail, retryAfter) => {
        provider.mode = { lenient: 60 };
        advance(LIFE);
        for (const request of [api, askForRefresh]) {
          fail();
          const response = await request();
          expect({
            ...(await outcomeOf(response)),
            retryAfter: response.headers.get('retry-after'),
            cookies: response.headers.getSetCookie(),
          }).toEqual({ ...UNAVAILABLE, retryAfter, cookies: [] });
        }
        expect(eventsOf('refresh.unavailable')).toHaveLength(2);
        expect(await outcomeOf(await api())).toEqual({ status: 200 });
      },
    );

    it('behind a request in the last stretch does not disturb it', async () => {
      provider.faults.status(REFRESH, 503);
      advance(LIFE - 1);
      expect((await api()).status).toBe(200);
      await until(() => eventsOf('refresh.unavailable').length === 1);
      advance(1);
      expect((await api()).status).toBe(200);
    });
  });

  describe('a session that the provider ended', () => {
    it('is over once, told once, and the provider is not asked again', async () => {
      await revokeAtProvider();
      advance(LIFE);
      const before = browser.jar.snapshot();
      const responses = await Promise.all(Array.from({ length: 10 }, () => api(withCookies(before))));
      expect(await Promise.all(responses.map(outcomeOf))).toEqual(Array(10).fill(LOGIN_REQUIRED));
      expect(await outcomeOf(await askForRefresh())).toEqual(LOGIN_REQUIRED);
      expect(browser.cookies(harness.url).filter(({ name }) => name.startsWith('oidc.session'))).toEqual([]);
      expect({ asked: asked(), ended: eventsOf('session.ended') }).toMatchObject({
        asked: 1,
        ended: [{ subject: 'user-alice', reason: 'the provider refused the refresh token' }],
      });
    });

    async function revokeAtProvider(): Promise<void> {
      const response = await fetch(`${provider.issuer}/token/revocation`, {
        method: 'POST',
        headers: { authorization: basicCredentials(provider.client.clientId, provider.client.clientSecret) },
        body: new URLSearchParams({ token: latestRefreshToken() }),
      });
      expect(response.status).toBe(200);
    }

    it('by asking for the end-user leads to the login', async () => {
      advance(LIFE);
      const before = browser.jar.snapshot();
      provider.faults.status({ ...REFRESH, times: 2 }, 400, {
        body: { error: 'interaction_required', claims: '{"access_token":{}}' },
      });
      const response = await api();
      expect({ ...(await outcomeOf(response)), set: cookiesIn(response).set }).toEqual({ ...LOGIN_REQUIRED, set: [] });
      const page = await withCookies(before).navigate(`${harness.url}/api/subject`, { follow: false });
      expect([page.status, page.headers.get('location')]).toEqual([302, '/auth/login?returnTo=%2Fapi%2Fsubject']);
      expect(eventsOf('session.ended')).toMatchObject(
        Array(2).fill({ reason: 'the OpenID Provider asks for the end-user' }),
      );
    });
  });

  describe('what the provider leaves out', () => {
    async function sessionNow(): Promise<{
      readonly claims: object;
      readonly now: number;
      readonly tokens: {
        readonly access: { readonly expires_at: number };
        readonly id: object;
        readonly refresh?: object;
      };
    }> {
      return (await (await browser.fetch(`${harness.url}/auth/session`)).json()) as Awaited<
        ReturnType<typeof sessionNow>
      >;
    }

    it('stays as it was: the ID Token and the refresh token', async () => {
      provider.mode = { lenient: 86_400 };
      const before = await sessionNow();
      for (let round = 0; round < 3; round += 1) {
        provider.faults.omit(REFRESH, 'id_token', 'refresh_token');
        advance(LIFE);
        expect((await api()).status).toBe(200);
      }
      const after = await sessionNow();
      expect({ claims: after.claims, id: after.tokens.id, refresh: after.tokens.refresh }).toEqual({
        claims: before.claims,
        id: before.tokens.id,
        refresh: { expires_at: null },
      });
      expect(eventsOf('refresh.succeeded')).toMatchObject(Array(3).fill({ rotated: false }));
      expect(eventsOf('refresh.taken_over')).toEqual([]);
      const logout = await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
      expect(((await logout.json()) as { readonly redirect: string }).redirect).toContain('id_token_hint=');
    });

    it.each([undefined, null, 0, -300, '', 'soon', '300', 299.5])(
      'of expires_in, here %j, is read from the access token',
      async (value) => {
        provider.faults.expiresIn(value, REFRESH);
        advance(LIFE);
        expect((await askForRefresh()).status).toBe(200);
        const { now, tokens } = await sessionNow();
        expect(tokens.access.expires_at - now).toBe(value === 299.5 ? 299 : LIFE);
      },
    );
  });

  describe('clocks', () => {
    it('that run apart by more than is tolerated keep the session, with the ID Token of before', async () => {
      advance(LIFE);
      provider.faults.clockSkew(400);
      await api();
      provider.faults.clockSkew(0);
      expect(eventsOf('refresh.identity_changed')).toEqual([]);
      advance(LIFE + 400);
      expect(await outcomeOf(await api())).toEqual({ status: 200 });
    });

    it.each([7200, -7200])('set by %d seconds keep the session: its tokens are renewed once', async (seconds) => {
      jest.setSystemTime(Date.now() + seconds * 1000);
      const responses = [await api(), await api()];
      expect([responses.map(({ status }) => status), asked()]).toEqual([[200, 200], 1]);
      jest.setSystemTime(Date.now() - seconds * 1000);
    });
  });
});

describe.each(ADAPTERS)('renewal on %s at a lenient provider', (adapter) => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await startHarness({
      adapter,
      oidc: { replayWindow: 60 },
      providerOptions: { audience: API_AUDIENCE, mode: { lenient: 60 } },
    });
    freezeTime();
  });
  afterAll(async () => {
    releaseTime();
    await harness.close();
  });

  it('R1 100 requests at once are served although the answer is lost once after the rotation', async () => {
    const browser = await harness.signedIn();
    const { provider } = harness;
    advance(LIFE);
    provider.requests.reset();
    const lost = provider.faults.dropResponse(REFRESH);
    const responses = await Promise.all(Array.from({ length: 100 }, () => browser.fetch(`${harness.url}/api/subject`)));
    expect(responses.map(({ status }) => status)).toEqual(Array(100).fill(200));
    expect({ lost: lost.applied, asked: provider.requests.count('token'), revoked: provider.revokedFamilies }).toEqual({
      lost: 1,
      asked: 2,
      revoked: 0,
    });
    expect(harness.events.filter(({ type }) => type === 'refresh.lost_response')).toMatchObject([{ replayed: true }]);
    advance(LIFE);
    expect((await browser.fetch(`${harness.url}/api/subject`)).status).toBe(200);
  });

  it('survives the death of the process that was asking', async () => {
    const browser = await harness.signedIn();
    const { provider } = harness;
    const successor = await startHarness({ adapter, provider, oidc: { replayWindow: 60 } });
    advance(LIFE);
    const hold = provider.faults.hold(REFRESH, 'after');
    const dying = browser.fetch(`${harness.url}/api/subject`);
    await hold.arrived;
    const response = await browser.fetch(`${successor.url}/api/subject`);
    expect([response.status, provider.revokedFamilies]).toEqual([200, 0]);
    hold.release();
    await dying;
    await successor.close();
  });
});

describe.each(ADAPTERS)('the end of the process on %s', (adapter) => {
  afterEach(releaseTime);

  it('waits for a renewal that is under way, and its request is answered', async () => {
    const harness = await startHarness({ adapter });
    const browser = await harness.signedIn();
    freezeTime();
    advance(LIFE);
    const hold = harness.provider.faults.hold(REFRESH, 'after');
    const inFlight = browser.fetch(`${harness.url}/api/subject`);
    await hold.arrived;
    let isClosed = false;
    const closed = harness.application.close().then(() => (isClosed = true));
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(isClosed).toBe(false);
    hold.release();
    const response = await inFlight;
    expect({ status: response.status, set: cookiesIn(response).set }).toEqual({
      status: 200,
      set: expect.arrayContaining(['oidc.session.0']),
    });
    await closed;
    await harness.provider.close();
  });
});
