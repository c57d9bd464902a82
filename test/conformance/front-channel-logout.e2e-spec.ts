/** OpenID Connect Front-Channel Logout 1.0: what a frame of the provider ends, what it may not do, and how many may come. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { isLetIn, providerSessionOf } from '../support/back-channel.js';
import { ADAPTERS_AND_CUSTODIES, startHarness, type Harness } from '../support/harness.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

describe.each(ADAPTERS_AND_CUSTODIES)('front-channel logout on %s, custody %s', (adapter, custody) => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await startHarness({ adapter, oidc: { custody } });
  });
  afterEach(releaseTime);
  afterAll(() => harness.close());

  const sidOf = (browser: TestBrowser): Promise<string> => providerSessionOf(harness, browser);
  const isSignedIn = (browser: TestBrowser): Promise<boolean> => isLetIn(harness, browser);

  const urlOf = (parameters: Readonly<Record<string, string>>): string =>
    `${harness.url}/auth/frontchannel-logout?${new URLSearchParams({ iss: harness.provider.issuer, ...parameters }).toString()}`;
  const frame = (parameters: Readonly<Record<string, string>>): Promise<Response> => fetch(urlOf(parameters));

  /** A frame in a page of the provider, to which no browser sends our cookies. */
  const framedIn = (browser: TestBrowser, sid: string): Promise<Response> =>
    browser.navigate(urlOf({ sid }), {
      initiator: harness.provider.issuer,
      headers: { 'sec-fetch-dest': 'iframe', 'sec-fetch-user': null, cookie: null },
    });

  it('oidcc-client-test-rp-frontchannel-rpinitlogout: the frame of a logout that began here is answered, and the browser comes back signed out', async () => {
    const browser = await harness.signedIn();
    const sid = await sidOf(browser);
    const response = await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
    const { redirect } = (await response.json()) as { readonly redirect: string };
    expect((await framedIn(browser, sid)).status).toBe(200);
    const back = await browser.navigate(redirect, { stopAt: `${harness.url}/` });
    expect([back.headers.get('location'), await isSignedIn(browser)]).toEqual([`${harness.url}/`, false]);
  });

  it('oidcc-client-test-rp-frontchannel-opinitlogout: the frame ends the session that it names, and no other', async () => {
    const [browser, other] = [await harness.signedIn(), await harness.signedIn()];
    const response = await framedIn(browser, await sidOf(browser));
    expect([response.status, response.headers.get('set-cookie')]).toEqual([200, null]);
    expect([await isSignedIn(browser), await isSignedIn(other)]).toEqual([false, true]);
  });

  it('oidcc-client-test-rp-frontchannel-opinitlogout: may be framed by the issuer only, and is not kept', async () => {
    const { headers } = await frame({ sid: 'of-somebody' });
    const names = ['cache-control', 'content-security-policy', 'x-frame-options'];
    expect(names.map((name) => headers.get(name))).toEqual([
      'no-store',
      `default-src 'none'; frame-ancestors ${harness.provider.issuer}`,
      null,
    ]);
  });

  it('O3 revokes nothing', async () => {
    const browser = await harness.signedIn();
    const before = harness.provider.requests.count('revocation');
    await frame({ sid: await sidOf(browser) });
    expect(harness.provider.requests.count('revocation')).toBe(before);
  });

  it.each([
    ['without iss and sid', ''],
    ['without sid', 'iss=ISSUER'],
    ['with an empty sid', 'iss=ISSUER&sid='],
    ['without iss', 'sid=x'],
    ['with another issuer', 'iss=https%3A%2F%2Fissuer.invalid&sid=x'],
    ['with two issuers', 'iss=ISSUER&iss=ISSUER&sid=x'],
    ['with two sids', 'iss=ISSUER&sid=x&sid=y'],
    ['with a sid that is too long', `iss=ISSUER&sid=${'x'.repeat(300)}`],
  ])('oidcc-client-test-rp-frontchannel-opinitlogout: answers 400 %s', async (_title, query) => {
    const issuer = encodeURIComponent(harness.provider.issuer);
    const response = await fetch(`${harness.url}/auth/frontchannel-logout?${query.replaceAll('ISSUER', issuer)}`);
    expect(await answerOf(response)).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  it('O3 takes the mark of a session that is there, however many of unknown ones come', async () => {
    const browser = await harness.signedIn();
    const sid = await sidOf(browser);
    const unknown = await Promise.all(
      Array.from({ length: 120 }, (_, index) => frame({ sid: `unknown-${String(index)}` })),
    );
    expect(unknown.some(({ status }) => status === 429)).toBe(true);
    expect((await frame({ sid })).status).toBe(200);
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('O3 remembers the mark of a session that nobody can know of for longer than a login may take', async () => {
    freezeTime();
    advance(100_000);
    const sid = 'of-no-session-here';
    const token = await harness.provider.signAccessToken({
      sub: 'user-alice',
      sid,
      exp: Math.floor(Date.now() / 1000) + 3600,
    });
    const call = async (): Promise<number> =>
      (await fetch(`${harness.url}/api/profile`, { headers: { authorization: `Bearer ${token}` } })).status;
    await frame({ sid });
    const marked = await call();
    advance(601);
    expect({ marked, after: await call() }).toEqual({ marked: 401, after: 401 });
  });

  it('O3 lets through a hundred marks of unknown sessions in ten seconds', async () => {
    freezeTime();
    advance(200_000);
    const answers = await Promise.all(Array.from({ length: 120 }, (_, index) => frame({ sid: `s${String(index)}` })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(100);
    const [refused] = answers.filter(({ status }) => status === 429);
    expect({ retryAfter: refused?.headers.get('retry-after'), body: await refused?.json() }).toEqual({
      retryAfter: '10',
      body: { error: 'too_many_requests', error_description: 'too many sessions are being ended through browsers' },
    });
  });
});
