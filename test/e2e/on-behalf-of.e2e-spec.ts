/** Tokens for downstream APIs, on behalf of the end-user: exchanged once, cached for as long as they may be, and for nobody else. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import { Controller, Get } from '@nestjs/common';
import { createCache, type Cache } from 'cache-manager';
import { Keyv } from 'keyv';
import { OnBehalfOf } from 'nestjs-oidc-token-reuse';
import { createTestProvider, type TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness, type HarnessOptions } from '../support/harness.js';
import { startListener } from '../support/listener.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
const UNAVAILABLE = 'provider_unavailable';

describe.each(ADAPTERS)('on behalf of the end-user on %s', (adapter) => {
  let provider: TestProvider;
  let shared: Harness;
  const running: Harness[] = [];

  /** The application that all tests share, or one of its own for a test with other options. */
  const start = async (options?: HarnessOptions): Promise<Harness> => {
    if (options === undefined) return shared;
    const harness = await startHarness({ adapter, provider, ...options });
    running.push(harness);
    return harness;
  };
  const downstream = async (browser: TestBrowser, { url }: Harness) =>
    answerOf(await browser.fetch(`${url}/api/downstream`));
  const tokenFor = async (browser: TestBrowser, harness: Harness) => {
    const { status, body } = await downstream(browser, harness);
    expect(status).toBe(200);
    return (body as { token: string }).token;
  };
  const asBearer = async ({ url }: Harness, token: string, path = '/api/downstream') =>
    answerOf(await fetch(url + path, { headers: { authorization: `Bearer ${token}` } }));
  const exchanges = () => provider.requests.count('token', { grant: 'token-exchange' });
  const subjectOf = (token: string) =>
    (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string }).sub;

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
    shared = await startHarness({ adapter, provider });
  });
  beforeEach(() => {
    shared.events.length = 0;
    provider.lifetimes.accessToken = 3600;
  });
  afterEach(async () => {
    releaseTime();
    provider.faults.clear();
    for (const harness of running.splice(0)) await harness.close();
    provider.requests.reset();
  });
  afterAll(async () => {
    await shared.close();
    await provider.close();
  });

  describe('the exchange', () => {
    it.each([
      [
        'token-exchange',
        (assertion: string) => ({
          grant_type: EXCHANGE,
          subject_token: assertion,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          scope: 'user.read',
        }),
      ],
      [
        'entra',
        (assertion: string) => ({
          grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
          assertion,
          requested_token_use: 'on_behalf_of',
          scope: 'user.read',
        }),
      ],
    ] as const)('is made in the form %s, and its token opens the downstream API', async (onBehalfOfFlavour, form) => {
      const recording = new RecordingFetch();
      const harness = await start({ oidc: { onBehalfOfFlavour, fetch: recording.fetch } });
      const browser = await harness.signedIn();
      const { token: assertion } = (await (await browser.fetch(`${harness.url}/api/token`)).json()) as {
        token: string;
      };
      const token = await tokenFor(browser, harness);
      expect(recording.forms(form('').grant_type.slice(-12))).toEqual([form(assertion)]);
      const graph = `${provider.issuer}/graph/me`;
      const me = await fetch(graph, { headers: { authorization: `Bearer ${token}` } });
      expect(await me.json()).toMatchObject({ id: 'user-alice' });
      const own = await fetch(graph, { headers: { authorization: `Bearer ${assertion}` } });
      expect(own.status).toBe(401);
      expect(harness.events.at(-1)).toEqual({
        type: 'on_behalf_of.succeeded',
        issuer: provider.issuer,
        subject: 'user-alice',
        scope: 'user.read',
      });
    });

    it('S11 sends no cookie to the provider, and the assertion to its token endpoint only', async () => {
      const recording = new RecordingFetch();
      const harness = await start({ oidc: { fetch: recording.fetch } });
      const { access_token: assertion } = await provider.login();
      await asBearer(harness, assertion);
      expect(recording.sent.filter(({ headers }) => headers.has('cookie'))).toEqual([]);
      const carrying = recording.sent.filter(({ form, headers }) =>
        [...Object.values(form), ...headers.values()].some((value) => value.includes(assertion)),
      );
      expect(carrying.map(({ url }) => url)).toEqual([`${provider.issuer}/token`]);
    });

    it('S11 follows no redirect with the assertion', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      const listener = await startListener();
      for (const status of [302, 307]) {
        provider.faults.redirect({ kind: 'token', grant: 'token-exchange', times: 2 }, listener.url, status);
        expect(await downstream(browser, harness)).toMatchObject({ status: 503, body: { error: UNAVAILABLE } });
      }
      expect(listener.requests()).toBe(0);
      await listener.close();
    });

    it('is made for a bearer as for a session', async () => {
      const harness = await start();
      const { access_token: token } = await provider.login({ login: 'bob' });
      const { body } = await asBearer(harness, token);
      expect(subjectOf((body as { token: string }).token)).toBe('user-bob');
    });
  });

  describe('the cache', () => {
    it('keeps a token until 30 s before its end', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      freezeTime();
      const first = await tokenFor(browser, harness);
      advance(269);
      expect(await tokenFor(browser, harness)).toBe(first);
      expect(exchanges()).toBe(1);
      advance(1);
      expect(await tokenFor(browser, harness)).not.toBe(first);
      expect(exchanges()).toBe(2);
    });

    it('keeps it for each end-user and each assertion apart', async () => {
      const harness = await start();
      const [alice, bob, aliceElsewhere] = await Promise.all([
        harness.signedIn('alice'),
        harness.signedIn('bob'),
        harness.signedIn('alice'),
      ]);
      const tokens = [
        await tokenFor(alice, harness),
        await tokenFor(bob, harness),
        await tokenFor(aliceElsewhere, harness),
      ];
      expect(tokens.map(subjectOf)).toEqual(['user-alice', 'user-bob', 'user-alice']);
      expect([new Set(tokens).size, exchanges()]).toEqual([3, 3]);
    });

    it('R3 keeps it for each scope apart, and never gives the token of a larger scope', async () => {
      @Controller('of')
      class Scopes {
        @Get('both')
        both(@OnBehalfOf('User.Read Mail.Read') token: string): object {
          return { token };
        }

        @Get('both-again')
        again(@OnBehalfOf('Mail.Read User.Read Mail.Read') token: string): object {
          return { token };
        }

        @Get('one')
        one(@OnBehalfOf('User.Read') token: string): object {
          return { token };
        }

        @Get('other')
        other(@OnBehalfOf('Mail.Read') token: string): object {
          return { token };
        }
      }
      const harness = await start({ controllers: [Scopes] });
      const browser = harness.browser();
      await harness.signIn(browser, 'alice', '/auth/login?returnTo=/of/both');
      expect(exchanges()).toBe(1);
      const scopes = [];
      for (const path of ['both', 'both-again', 'one', 'other']) {
        const { token } = (await (await browser.fetch(`${harness.url}/of/${path}`)).json()) as {
          readonly token: string;
        };
        const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
        scopes.push(
          String((JSON.parse(claims) as { readonly scope: string }).scope)
            .split(' ')
            .sort()
            .join(' '),
        );
      }
      expect({ scopes, asked: exchanges() }).toEqual({
        scopes: ['Mail.Read User.Read', 'Mail.Read User.Read', 'User.Read', 'Mail.Read'],
        asked: 3,
      });
    });

    it.each([
      ['missing', undefined],
      ['zero', 0],
      ['negative', -5],
      ['a word', 'soon'],
    ])("goes by the token's own end when expires_in is %s", async (_how, value) => {
      const harness = await start();
      const browser = await harness.signedIn();
      freezeTime();
      provider.faults.expiresIn(value);
      const first = await tokenFor(browser, harness);
      advance(269);
      expect(await tokenFor(browser, harness)).toBe(first);
      advance(1);
      expect(await tokenFor(browser, harness)).not.toBe(first);
    });

    it('uses a token once that does not say how long it lives', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      const target = { kind: 'token', grant: 'token-exchange', times: 2 } as const;
      provider.faults.rewrite(target, (body) => ({ ...body, access_token: 'opaque', expires_in: undefined }));
      expect([await tokenFor(browser, harness), await tokenFor(browser, harness), exchanges()]).toEqual([
        'opaque',
        'opaque',
        2,
      ]);
    });

    it('R1 makes one exchange for a hundred requests at the same time', async () => {
      const harness = await start({ imports: [CacheModule.register({ isGlobal: true })] });
      const browser = await harness.signedIn();
      const hold = provider.faults.hold({ kind: 'token', grant: 'token-exchange' });
      const requests = Array.from({ length: 100 }, () => tokenFor(browser, harness));
      await hold.arrived;
      hold.release();
      expect(new Set(await Promise.all(requests)).size).toBe(1);
      expect(exchanges()).toBe(1);
    });
  });

  describe('the shared cache', () => {
    /** Two instances of the application, each with its own memory, and one cache for both. */
    const startTwo = async () => {
      const entries = new Map<string, unknown>();
      const imports = () => [CacheModule.register({ isGlobal: true, stores: [new Keyv({ store: entries })] })];
      return { entries, one: await start({ imports: imports() }), other: await start({ imports: imports() }) };
    };
    const exchangedKeys = (entries: Map<string, unknown>) =>
      [...entries.keys()].filter((key) => /:[\w-]{43}$/.test(key));

    it('spares the other instance the exchange', async () => {
      const { one, other } = await startTwo();
      const browser = await one.signedIn();
      const token = await tokenFor(browser, one);
      expect(await tokenFor(browser, other)).toBe(token);
      expect(exchanges()).toBe(1);
    });

    it('S13 holds nothing readable', async () => {
      const { entries, one } = await startTwo();
      const token = await tokenFor(await one.signedIn(), one);
      expect(exchangedKeys(entries)).toHaveLength(1);
      expect(JSON.stringify([...entries])).not.toContain(token.split('.')[2]);
    });

    it("R4 does not give an entry to another end-user when it is moved under that end-user's key", async () => {
      const { entries, one, other } = await startTwo();
      await tokenFor(await one.signedIn('alice'), one);
      const [ofAlice = ''] = exchangedKeys(entries);
      const bob = await one.signedIn('bob');
      await tokenFor(bob, one);
      const [ofBob = ''] = exchangedKeys(entries).filter((key) => key !== ofAlice);
      entries.set(ofBob, entries.get(ofAlice));
      expect(subjectOf(await tokenFor(bob, other))).toBe('user-bob');
      expect(exchanges()).toBe(3);
    });

    it.each([
      ['fails', 'the cache store failed < Error', () => Promise.reject(new Error('redis://user:secret@host is down'))],
      [
        'does not answer',
        'the cache store failed < no answer within 250 ms',
        () => new Promise<never>(() => undefined),
      ],
    ])('is done without when it %s', async (_how, reason, operate) => {
      const broken: Cache = { ...createCache(), get: operate, set: operate, del: operate };
      const harness = await start({
        imports: [CacheModule.register({ isGlobal: true })],
        override: (builder) => builder.overrideProvider(CACHE_MANAGER).useValue(broken),
      });
      const browser = await harness.signedIn();
      const first = await tokenFor(browser, harness);
      expect(await tokenFor(browser, harness)).toBe(first);
      const response = await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
      expect(response.status).toBe(200);
      const reasons = harness.events.flatMap((event) => (event.type === 'cache.failed' ? [event.reason] : []));
      expect(new Set(reasons)).toEqual(new Set([reason]));
    });
  });

  describe('a failure', () => {
    const failed = (code: string, reason: string) => ({
      type: 'on_behalf_of.failed',
      issuer: provider.issuer,
      subject: 'user-alice',
      scope: 'user.read',
      code,
      reason,
    });
    const TARGET = { kind: 'token', grant: 'token-exchange' } as const;

    it.each([
      ['an error of the server', () => provider.faults.status(TARGET, 500)],
      ['a connection that was cut', () => provider.faults.drop(TARGET)],
      ['a lost answer', () => provider.faults.dropResponse(TARGET)],
      ['a page instead of an answer', () => provider.faults.html(TARGET)],
      ['a truncated answer', () => provider.faults.truncate(TARGET)],
    ])('is tried once more after %s', async (_what, fail) => {
      const harness = await start();
      const browser = await harness.signedIn();
      fail();
      await tokenFor(browser, harness);
      expect(exchanges()).toBe(2);
      expect(harness.eventTypes()).not.toContain('on_behalf_of.failed');
    });

    it('is not tried a third time, nor remembered', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      provider.faults.status({ ...TARGET, times: 2 }, 500);
      expect(await downstream(browser, harness)).toEqual({
        status: 503,
        body: { error: UNAVAILABLE, error_description: 'the OpenID Provider answered 500' },
        challenge: null,
      });
      expect(exchanges()).toBe(2);
      expect(harness.events.at(-1)).toEqual(failed(UNAVAILABLE, 'the OpenID Provider answered 500'));
      await tokenFor(browser, harness);
      expect(exchanges()).toBe(3);
    });

    it.each([429, 503])('is not tried again at once when %i says when to', async (status) => {
      const harness = await start();
      const browser = await harness.signedIn();
      provider.faults.status(TARGET, status, { retryAfter: 17 });
      const response = await browser.fetch(`${harness.url}/api/downstream`);
      expect({ status: response.status, retryAfter: response.headers.get('retry-after') }).toEqual({
        status: 503,
        retryAfter: '17',
      });
      expect(exchanges()).toBe(1);
    });

    it('is 503 while the provider is away, and heals', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      const outage = provider.faults.drop({ ...TARGET, times: Infinity });
      const response = await browser.fetch(`${harness.url}/api/downstream`);
      expect({ status: response.status, retryAfter: response.headers.get('retry-after') }).toEqual({
        status: 503,
        retryAfter: '5',
      });
      expect((await browser.fetch(`${harness.url}/api/profile`)).status).toBe(200);
      outage.clear();
      await tokenFor(browser, harness);
    });

    it.each([
      ['consent_required', 'consent_required'],
      ['interaction_required', 'interaction_required'],
      ['login_required', 'login_required'],
      ['invalid_grant', 'on_behalf_of_failed'],
    ] as const)('%s of the provider is 403 %s, and is not tried again', async (error, code) => {
      const harness = await start();
      const browser = await harness.signedIn();
      provider.faults.refuseExchange({ error });
      const answer = await downstream(browser, harness);
      expect(answer).toEqual({
        status: 403,
        body: { error: code, error_description: expect.stringMatching(/^the /) },
        challenge: null,
      });
      expect(exchanges()).toBe(1);
      expect(harness.events.at(-1)).toEqual(failed(code, error));
      expect(JSON.stringify(answer)).not.toContain('AADSTS');
    });

    it('hands claims that the provider asks for to the client', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      provider.faults.refuseExchange({ error: 'interaction_required', claims: CLAIMS });
      expect(await downstream(browser, harness)).toEqual({
        status: 403,
        body: {
          error: 'interaction_required',
          error_description: 'the end-user has to sign in or consent again',
        },
        challenge: `Bearer error="insufficient_claims", error_description="the end-user has to sign in or consent again", claims="${Buffer.from(CLAIMS).toString('base64')}"`,
      });
    });

    it.each([
      ['no JSON', 'no JSON'],
      ['text', '"text"'],
      ['a list', '[]'],
      ['too long', `{"a":"${'x'.repeat(5000)}"}`],
      ['nested too deeply', `{"a":${'['.repeat(50)}${']'.repeat(50)}}`],
    ])('R8 hands on no claims that are no JSON object within bounds: %s', async (_what, claims) => {
      const harness = await start();
      const browser = await harness.signedIn();
      provider.faults.refuseExchange({ error: 'interaction_required', claims });
      expect(await downstream(browser, harness)).toMatchObject({ status: 403, challenge: null });
    });

    it('recognises a missing consent where Entra hides it', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      const body = { error: 'invalid_grant', suberror: 'consent_required', error_codes: [65001] };
      provider.faults.status(TARGET, 400, { body });
      expect(await downstream(browser, harness)).toMatchObject({ status: 403, body: { error: 'consent_required' } });
    });

    it('is 502 when the provider refuses this application', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      provider.faults.status(TARGET, 401, { body: { error: 'invalid_client' } });
      expect(await downstream(browser, harness)).toEqual({
        status: 502,
        body: {
          error: 'provider_rejected',
          error_description:
            'the OpenID Provider refused this application the exchange with "invalid_client"; check its permissions and the scope',
        },
        challenge: null,
      });
    });
  });

  describe('an assertion', () => {
    it("R7 is never an application's own token", async () => {
      const harness = await start();
      const token = await provider.signAccessToken({ sub: provider.client.clientId });
      expect(await asBearer(harness, token)).toMatchObject({ status: 403, body: { error: 'token_not_reusable' } });
      expect(exchanges()).toBe(0);
    });

    it('R7 is never an expired token', async () => {
      const harness = await start();
      const exp = Math.floor(Date.now() / 1000) - 5;
      const token = await provider.signAccessToken({ exp, iat: exp - 60 });
      expect((await asBearer(harness, token, '/api/subject')).status).toBe(200);
      expect(await asBearer(harness, token)).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
      expect(exchanges()).toBe(0);
    });

    it('R7 is never an ID Token', async () => {
      const harness = await start({ oidc: { reusedToken: 'id_token' } });
      const { id_token: idToken } = await provider.login();
      expect((await asBearer(harness, idToken, '/api/subject')).body).toEqual({ subject: 'user-alice' });
      expect(await asBearer(harness, idToken)).toMatchObject({
        status: 403,
        body: { error: 'token_not_reusable', error_description: expect.stringContaining('OPENID_REUSED_TOKEN') },
      });
      const browser = await harness.signedIn();
      expect((await downstream(browser, harness)).status).toBe(403);
      expect(exchanges()).toBe(0);
    });

    it('R7 is never a token of another API: the answer names the settings', async () => {
      const harness = await start({ oidc: { audience: [] } });
      const browser = await harness.signedIn();
      expect(await downstream(browser, harness)).toEqual({
        status: 403,
        body: {
          error: 'token_not_reusable',
          error_description:
            'the access token is not one of this API; request a scope of it (OPENID_SCOPE) and name its audience (OPENID_AUDIENCE)',
        },
        challenge: null,
      });
    });

    it('is not there when tokens are not reused', async () => {
      const harness = await start({ oidc: { reuseTokens: false } });
      const browser = await harness.signedIn();
      expect(await downstream(browser, harness)).toEqual({
        status: 403,
        body: {
          error: 'token_reuse_disabled',
          error_description: 'this application keeps no tokens: OPENID_REUSE_TOKENS is false',
        },
        challenge: null,
      });
    });
  });

  describe('after a logout', () => {
    const signOut = (browser: TestBrowser, { url }: Harness) => browser.fetch(`${url}/auth/logout`, { method: 'POST' });
    const accessToken = async (browser: TestBrowser, { url }: Harness) =>
      ((await (await browser.fetch(`${url}/api/token`)).json()) as { token: string }).token;

    it('R9 nothing that was exchanged is left', async () => {
      const harness = await start({ imports: [CacheModule.register({ isGlobal: true })] });
      const browser = await harness.signedIn();
      const assertion = await accessToken(browser, harness);
      await tokenFor(browser, harness);
      expect((await asBearer(harness, assertion)).status).toBe(200);
      expect(exchanges()).toBe(1);
      await signOut(browser, harness);
      // Its grant was revoked, so only the cache could have an answer.
      expect(await asBearer(harness, assertion)).toMatchObject({ status: 403, body: { error: 'on_behalf_of_failed' } });
      expect(exchanges()).toBe(2);
    });

    it('S8 an exchange still under way leaves nothing either', async () => {
      const harness = await start({ imports: [CacheModule.register({ isGlobal: true })] });
      const browser = await harness.signedIn();
      const assertion = await accessToken(browser, harness);
      const hold = provider.faults.hold({ kind: 'token', grant: 'token-exchange' }, 'after');
      const pending = downstream(browser, harness);
      await hold.arrived;
      await signOut(browser, harness);
      hold.release();
      expect((await pending).status).toBe(200);
      expect(await asBearer(harness, assertion)).toMatchObject({ status: 403, body: { error: 'on_behalf_of_failed' } });
      expect(exchanges()).toBe(2);
    });

    it('what others exchanged is left alone', async () => {
      const harness = await start();
      const [alice, bob] = [await harness.signedIn('alice'), await harness.signedIn('bob')];
      const tokens = [await tokenFor(alice, harness), await tokenFor(bob, harness)];
      await signOut(alice, harness);
      expect(await tokenFor(bob, harness)).toBe(tokens[1]);
      expect(exchanges()).toBe(2);
    });
  });
});
