/** Whatever happens, and at the most verbose level: no token, code, secret or cookie value in a log line, an event, an error or an answer. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { watched } from '../support/secret-watch.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const REFRESH = { kind: 'token', grant: 'refresh_token' } as const;
const LIFE = 300;
const ECHO = 'a-refresh-token-that-the-provider-repeats';

describe.each(ADAPTERS)('S12 what can be seen of an application on %s', (adapter) => {
  let harness: Harness;
  let browser: TestBrowser;

  beforeAll(async () => {
    harness = await startHarness({ adapter });
    watched.hide(ECHO);
    freezeTime();
    browser = await harness.signedIn();
  });
  afterAll(async () => {
    releaseTime();
    await harness.close();
  });

  /** A request whose answer anybody may see, but for its cookies. */
  async function ask(
    path: string,
    { by = browser, ...options }: { by?: TestBrowser; method?: string; headers?: Record<string, string> } = {},
  ): Promise<number> {
    const response = await by.fetch(harness.url + path, options);
    watched.see(
      await response.text(),
      [...response.headers].filter(([name]) => name !== 'set-cookie'),
    );
    return response.status;
  }

  it('holds no secret while all goes well', async () => {
    advance(LIFE);
    const paths = ['/api/profile', '/api/subject', '/auth/session', '/auth/userinfo', '/api/admin', '/api/optional'];
    for (const path of paths) expect(await ask(path)).toBe(200);
    expect(await ask('/auth/refresh', { method: 'POST' })).toBe(200);
    expect(watched.leaks()).toEqual([]);
  });

  it.each([
    ['an outage', 503, () => harness.provider.faults.status(REFRESH, 503)],
    ['an HTML page', 503, () => harness.provider.faults.html(REFRESH)],
    ['a closed connection', 503, () => harness.provider.faults.drop(REFRESH)],
    [
      'a refusal of the application',
      503,
      () => harness.provider.faults.status(REFRESH, 401, { body: { error: 'invalid_client' } }),
    ],
    [
      'a question to the end-user',
      401,
      () => harness.provider.faults.status(REFRESH, 400, { body: { error: 'interaction_required' } }),
    ],
    [
      'an answer of another kind',
      503,
      () => harness.provider.faults.rewrite(REFRESH, (body) => ({ ...body, token_type: 'mac' })),
    ],
    ['half an answer', 503, () => harness.provider.faults.truncate(REFRESH)],
    [
      'a refusal that repeats the token',
      401,
      () =>
        harness.provider.faults.status(REFRESH, 400, {
          body: { error: 'invalid_grant', error_description: `${ECHO} is spent` },
        }),
    ],
    [
      'a bad ID Token',
      401,
      () => harness.provider.faults.idToken((claims, header) => ({ claims, header, sign: 'garbage' }), REFRESH),
    ],
    [
      'another identity',
      401,
      () =>
        harness.provider.faults.idToken(
          (claims, header) => ({ claims: { ...claims, sub: 'user-bob' }, header, sign: 'provider' }),
          REFRESH,
        ),
    ],
  ])('holds no secret at a renewal that meets %s', async (_, status, fail) => {
    browser = await harness.signedIn();
    advance(LIFE);
    fail();
    expect(await ask('/api/profile')).toBe(status);
    expect(watched.leaks()).toEqual([]);
  });

  it('holds no secret when a spent refresh token comes back', async () => {
    const late = await harness.signedIn();
    const older = late.jar.snapshot();
    advance(LIFE);
    expect(await ask('/api/profile', { by: late })).toBe(200);
    advance(61);
    late.jar.restore(older);
    expect(await ask('/api/profile', { by: late })).toBe(401);
    expect(watched.leaks()).toEqual([]);
  });

  it('holds no secret when tokens, cookies and codes are bad', async () => {
    const token = await harness.provider.signAccessToken({ aud: 'another-api' });
    const by = harness.browser();
    for (const credential of [token, `${token.slice(0, -8)}AAAAAAAA`, 'not-a-token-at-all-but-secret']) {
      expect(await ask('/api/profile', { by, headers: { authorization: `Bearer ${credential}` } })).toBe(401);
    }
    const [cookie] = (await harness.signedIn()).cookies(harness.url).filter(({ name }) => name === 'oidc.session.0');
    const forged = `${cookie?.value.slice(0, -9) ?? ''}AAAAAAAAA`;
    expect(await ask('/api/profile', { by, headers: { cookie: `oidc.session.0=${forged}` } })).toBe(401);
    expect(await ask('/auth/callback?code=a-code-that-is-secret&state=a-state-of-nobody-at-all', { by })).toBe(400);
    expect(watched.leaks()).toEqual([]);
  });

  it('holds no secret at the end', async () => {
    browser = await harness.signedIn();
    await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
    expect(await ask('/api/profile')).toBe(401);
    expect(watched.leaks()).toEqual([]);
  });

  it('was looked at closely enough', () => {
    const { secrets, seen } = watched.counts;
    expect(secrets).toBeGreaterThan(50);
    expect(seen).toBeGreaterThan(200);
  });
});
