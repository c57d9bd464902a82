/** An OpenID Provider that is down, slow or wrong: nobody is turned away for it who need not be, and everything heals without a restart. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CacheModule } from '@nestjs/cache-manager';
import { OidcHealth, type OidcModuleOptions } from 'nestjs-oidc-token-reuse';
import { createTestProvider, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { createCache, type Cache } from 'cache-manager';
import { answerOf, type Answer } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness, type HarnessOptions } from '../support/harness.js';
import { startListener } from '../support/listener.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';
import { until } from '../support/until.js';

const ALWAYS = { times: Infinity };
const DISCOVERY = { kind: 'discovery', ...ALWAYS } as const;
const JWKS = { kind: 'jwks', ...ALWAYS } as const;

type Break = (provider: TestProvider, target: typeof DISCOVERY | typeof JWKS) => void;

type Trouble = readonly [what: string, breakIt: Break];

/** Every way in which a document can fail to come. */
const BROKEN: readonly Trouble[] = [
  ['500', ({ faults }, target) => void faults.status(target, 500)],
  ['502', ({ faults }, target) => void faults.status(target, 502)],
  ['429', ({ faults }, target) => void faults.status(target, 429)],
  ['404', ({ faults }, target) => void faults.status(target, 404)],
  ['a connection that breaks', ({ faults }, target) => void faults.drop(target)],
  ['a response that is lost', ({ faults }, target) => void faults.dropResponse(target)],
  ['HTML with status 200', ({ faults }, target) => void faults.html(target)],
  ['another content type', ({ faults }, target) => void faults.contentType(target, 'text/plain')],
  ['cut JSON', ({ faults }, target) => void faults.truncate(target)],
  ['ten megabytes', ({ faults }, target) => void faults.oversize(target)],
  [
    'nothing',
    ({ faults }, target) =>
      void faults.reply(target, {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: Buffer.alloc(0),
      }),
  ],
];

const OTHER_ISSUER: Trouble = [
  'another issuer',
  ({ faults }) => void faults.wrongIssuer('https://evil.example', Infinity),
];
const EMPTY: Trouble = ['an empty JWK Set', ({ faults }) => void faults.emptyJwks(Infinity)];
const UNUSABLE: Trouble = [
  'a JWK Set of keys that cannot be used',
  ({ faults }, target) =>
    void faults.rewrite(target, () => ({
      keys: [
        { kty: 'oct', k: 'AAAA' },
        { kty: 'RSA', e: 'AQAB' },
      ],
    })),
];

describe.each(ADAPTERS)('a provider in trouble on %s', (adapter) => {
  let provider: TestProvider;
  const running: Harness[] = [];

  const start = async (oidc: Partial<OidcModuleOptions> = {}, more: HarnessOptions = {}): Promise<Harness> => {
    const harness = await startHarness({ adapter, provider, oidc, ...more });
    running.push(harness);
    return harness;
  };
  const present = async (harness: Harness, token: string): Promise<Answer> =>
    answerOf(await fetch(`${harness.url}/api/subject`, { headers: { authorization: `Bearer ${token}` } }));
  const health = (harness: Harness): string => harness.application.get(OidcHealth).check().status;
  const reachLogin = (harness: Harness): Promise<Response> =>
    fetch(`${harness.url}/auth/login`, { redirect: 'manual' });
  const asked = (kind: 'discovery' | 'jwks'): number => provider.requests.count(kind);
  const alice: Answer = { status: 200, body: { subject: 'user-alice' }, challenge: null };

  beforeEach(async () => {
    // Keys that take no time to make.
    provider = await createTestProvider({ audience: API_AUDIENCE, alg: 'ES256' });
  });
  afterEach(async () => {
    releaseTime();
    for (const harness of running.splice(0)) await harness.close();
    await provider.close();
  });

  describe('at start', () => {
    it.each([...BROKEN, OTHER_ISSUER])(
      'does not stop the application, says so, and heals without a restart: %s',
      async (_what, breakIt) => {
        breakIt(provider, DISCOVERY);
        const harness = await start();
        const login = await reachLogin(harness);
        const api = await fetch(`${harness.url}/api/subject`, {
          headers: { authorization: `Bearer ${await provider.signAccessToken()}` },
        });
        expect([login.status, api.status, health(harness)]).toEqual([503, 503, 'degraded']);
        for (const response of [login, api]) {
          expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
          expect(await response.json()).toMatchObject({ error: 'provider_unavailable' });
        }
        expect((await fetch(`${harness.url}/api/public`)).status).toBe(200);
        expect((await fetch(`${harness.url}/api/subject`)).status).toBe(401);

        provider.faults.clear();
        await until(() => health(harness) === 'ok');
        expect((await reachLogin(harness)).status).toBe(302);
        expect(await present(harness, await provider.signAccessToken())).toEqual(alice);
      },
    );

    it('is no trouble when another instance knew the provider before', async () => {
      const cache: Cache = createCache();
      const imports = [CacheModule.registerAsync({ isGlobal: true, useFactory: () => ({ stores: cache.stores }) })];
      const token = await provider.signAccessToken({ exp: Math.floor(Date.now() / 1000) + 7200 });
      expect(await present(await start({}, { imports }), token)).toEqual(alice);
      provider.faults.status(DISCOVERY, 503);
      provider.faults.status(JWKS, 503);
      freezeTime();
      advance(3600);
      const restarted = await start({}, { imports });
      expect(await present(restarted, token)).toEqual(alice);
      expect(await present(restarted, await provider.signAccessToken({}, { sign: 'garbage' }))).toMatchObject({
        status: 401,
      });
      expect((await reachLogin(restarted)).status).toBe(302);
      await until(() => health(restarted) === 'degraded');
    });
  });

  describe('while the application runs', () => {
    it.each([...BROKEN, EMPTY, UNUSABLE])('costs no request its good token, for a day: %s', async (_what, breakIt) => {
      freezeTime();
      const harness = await start();
      expect(await present(harness, await provider.signAccessToken())).toEqual(alice);
      breakIt(provider, JWKS);
      advance(3600);
      const token = await provider.signAccessToken();
      expect(await present(harness, token)).toEqual(alice);
      expect([health(harness), harness.eventTypes().filter((type) => type === 'keys.stale').length]).toEqual([
        'degraded',
        1,
      ]);
      advance(82_800);
      expect(await present(harness, await provider.signAccessToken())).toEqual(alice);
      advance(11);
      const late = await fetch(`${harness.url}/api/subject`, {
        headers: { authorization: `Bearer ${await provider.signAccessToken()}` },
      });
      expect([late.status, late.headers.has('retry-after'), late.headers.has('www-authenticate')]).toEqual([
        503,
        true,
        false,
      ]);

      provider.faults.clear();
      advance(120);
      expect(await present(harness, await provider.signAccessToken())).toEqual(alice);
      expect(health(harness)).toBe('ok');
    });

    it('is never a reason to call a good token of a new key bad', async () => {
      const harness = await start();
      expect(await present(harness, await provider.signAccessToken())).toEqual(alice);
      await provider.keys.rotate();
      provider.faults.status(JWKS, 500);
      expect(await present(harness, await provider.signAccessToken())).toMatchObject({
        status: 503,
        body: { error: 'provider_unavailable' },
        challenge: null,
      });
    });

    it('is no reason to follow a redirect', async () => {
      const listener = await startListener();
      for (const kind of ['discovery', 'jwks'] as const) provider.faults.redirect({ kind, ...ALWAYS }, listener.url);
      const harness = await start();
      expect((await reachLogin(harness)).status).toBe(503);
      expect(listener.requests()).toBe(0);
      await listener.close();
    });

    it('N1 asks no address that the metadata has no business to name', async () => {
      for (const jwks_uri of [
        'file:///etc/passwd',
        'http://169.254.169.254:80@127.0.0.1/jwks',
        'ftp://127.0.0.1/jwks',
      ]) {
        provider.faults.rewrite(DISCOVERY, (body) => ({ ...body, jwks_uri }));
        const harness = await start();
        await until(() => harness.eventTypes().includes('metadata.rejected'));
        await harness.close();
        provider.faults.clear();
      }
      expect(asked('jwks')).toBe(0);
    });

    it('makes requests wait no longer than the timeout, and soon not at all', async () => {
      const harness = await start({ httpTimeout: 60 });
      const waiting = provider.faults.hold({ kind: 'jwks', ...ALWAYS });
      const token = await provider.signAccessToken();
      for (let count = 0; count < 30; count += 1) expect(await present(harness, token)).toMatchObject({ status: 503 });
      expect(asked('jwks')).toBeLessThanOrEqual(10);
      waiting.release();
      await until(async () => (await present(harness, token)).status === 200);
    });

    it('makes requests wait no longer than a second when there are old keys', async () => {
      freezeTime();
      const harness = await start({ httpTimeout: 60_000 });
      expect(await present(harness, await provider.signAccessToken())).toEqual(alice);
      advance(3600);
      const hold = provider.faults.hold(JWKS);
      expect(await present(harness, await provider.signAccessToken())).toEqual(alice);
      hold.release();
    });

    it('is asked no more while it answers nothing, then once in a second', async () => {
      freezeTime();
      const harness = await start();
      const browser = await harness.signedIn();
      provider.faults.status({ kind: 'token', ...ALWAYS }, 503);
      advance(4000);
      provider.requests.reset();
      const refresh = async (): Promise<number> =>
        (await browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' })).status;
      for (let count = 0; count < 25; count += 1) expect(await refresh()).toBe(503);
      const sent = provider.requests.count('token');
      expect(sent).toBeLessThanOrEqual(10);
      advance(1);
      expect(await refresh()).toBe(503);
      expect(provider.requests.count('token')).toBe(sent + 1);
      provider.faults.clear();
      advance(1);
      expect(await refresh()).toBe(200);
    });

    it('is asked again when it said, not sooner', async () => {
      freezeTime();
      const harness = await start();
      provider.faults.status(JWKS, 429, { retryAfter: 40 });
      const token = await provider.signAccessToken();
      expect(await present(harness, token)).toMatchObject({ status: 503 });
      advance(39);
      const early = await fetch(`${harness.url}/api/subject`, { headers: { authorization: `Bearer ${token}` } });
      expect([early.status, early.headers.get('retry-after'), asked('jwks')]).toEqual([503, '1', 1]);
      provider.faults.clear();
      advance(1);
      expect(await present(harness, token)).toEqual(alice);
    });
  });

  describe('with a clock that is off', () => {
    it.each([30, -30])('by %d s signs in and stays signed in', async (skew) => {
      const harness = await start();
      provider.faults.clockSkew(skew);
      const browser = await harness.signedIn();
      expect((await browser.fetch(`${harness.url}/api/subject`)).status).toBe(200);
      expect((await browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' })).status).toBe(200);
    });

    it('by more than the tolerance ahead does not sign in, and says why', async () => {
      freezeTime();
      const harness = await start();
      provider.faults.clockSkew(31);
      const response = await harness.signIn(harness.browser());
      expect(new URL(response.url).searchParams.get('error')).toBe('id_token_invalid');
      expect(harness.events.find(({ type }) => type === 'login.failed')).toMatchObject({
        code: 'id_token_invalid',
        reason: 'the ID Token is not acceptable: future "iat" claim value',
      });
      const tolerant = await start({ clockTolerance: 60 });
      expect((await harness.signIn(tolerant.browser(), 'alice')).url).toContain('error=id_token_invalid');
      expect((await (await tolerant.signedIn()).fetch(`${tolerant.url}/api/subject`)).status).toBe(200);
    });
  });

  it('is left alone when the application has ended, also by what was under way', async () => {
    const hold = provider.faults.hold('discovery');
    const harness = await start();
    await hold.arrived;
    const report = harness.application.get(OidcHealth);
    await harness.application.close();
    hold.release();
    await until(() => provider.requests.list().some(({ status }) => status === 200));
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
    expect([report.check().metadata, harness.events, asked('discovery')]).toEqual([false, [], 1]);
  });
});
