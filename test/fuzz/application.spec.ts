/** The application as a whole, over HTTP: whatever a request carries, the answer is never a 500. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { rawRequest } from '../support/raw-request.js';
import { watched } from '../support/secret-watch.js';
import { CAMPAIGN_TIMEOUT_MS, INPUTS, run } from './support/campaign.js';
import { mutateText } from './support/mutate.js';
import type { Random } from './support/random.js';

/** A request over a connection of its own takes longer than a parser. */
const SHARE = 10;

interface Sent {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: readonly string[];
}

describe.each(ADAPTERS)('an application on %s', (adapter) => {
  let harness: Harness;
  let sessions: string;
  let attempt: { readonly cookies: string; readonly query: string };
  let bearer: string;

  beforeAll(async () => {
    // Inputs are mixed of everything, and so public values come where secrets are sent.
    watched.stop();
    harness = await startHarness({ adapter });
    sessions = cookiesOf(await harness.signedIn());
    attempt = await begun();
    bearer = await harness.provider.signAccessToken({ sub: 'user-alice', scope: 'openid access_user' });
  });
  afterAll(() => harness.close());

  /** A sign-in that was sent to the provider and has not come back. */
  async function begun(): Promise<typeof attempt> {
    const browser = harness.browser();
    const response = await browser.fetch(`${harness.url}/auth/login`);
    const location = new URL(response.headers.get('location') ?? '');
    const state = location.searchParams.get('state') ?? '';
    const query = new URLSearchParams({ code: 'a-code-of-nobody', state, iss: harness.provider.issuer });
    return { cookies: cookiesOf(browser), query: query.toString() };
  }

  function cookiesOf(browser: TestBrowser): string {
    return browser
      .cookies(harness.url)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
  }

  function make(random: Random): Sent {
    const sometimes = (value: string, percent: number): string =>
      oneLine(
        random.chance(percent) ? mutateText(value, random, random.pick([sessions, attempt.cookies, bearer])) : value,
      );
    const cookie = `Cookie: ${sometimes(random.pick([sessions, attempt.cookies, `${sessions}; ${attempt.cookies}`]), 60)}`;
    const query = (value: string): string => target(sometimes(value, 80));
    const form = ['Content-Type: application/x-www-form-urlencoded', 'Content-Length: 0'];
    const sites = `Sec-Fetch-Site: ${sometimes('same-origin', 20)}`;
    return random.pick<Sent>([
      { method: 'GET', path: '/api/profile', headers: [cookie] },
      { method: 'GET', path: '/api/profile', headers: [`Authorization: ${sometimes(`Bearer ${bearer}`, 90)}`] },
      { method: 'GET', path: `/auth/callback?${query(attempt.query)}`, headers: [cookie] },
      { method: 'GET', path: `/auth/login?returnTo=${query('/reports?year=2026&x=%20')}`, headers: [cookie] },
      {
        method: 'GET',
        path: `/auth/frontchannel-logout?${query(`iss=${harness.provider.issuer}&sid=abc`)}`,
        headers: [],
      },
      { method: 'GET', path: `/auth/error?${query('error=access_denied')}`, headers: [cookie] },
      { method: 'GET', path: `/auth/session?${query('a=b')}`, headers: [cookie, sites] },
      { method: 'POST', path: '/auth/refresh', headers: [cookie, sites, ...form] },
      { method: 'POST', path: `/auth/backchannel-logout?${query('logout_token=x')}`, headers: form },
    ]);
  }

  it(
    'answers every request, and never with 500',
    async () => {
      const figures = await run<Sent>({
        name: `requests to ${adapter}`,
        inputs: Math.ceil(INPUTS / SHARE),
        make,
        async take({ method, path, headers }) {
          const answer = await rawRequest(harness.url + path, headers, method);
          const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
          if (Number.isNaN(status) || status === 500) throw new Error(`answered ${answer.slice(0, 500)}`);
          // What Node or the adapter refuses never gets to the library.
          return answer.includes('"error_description":') || (status >= 200 && status < 400);
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});

/** A header line ends where it should: what comes after a line end would be another request. */
function oneLine(text: string): string {
  return text.replace(/[\r\n\0]|[^\0-\xff]/g, '?');
}

function target(text: string): string {
  return text.replace(/[^\x21-\x7e]|#/g, encodeURIComponent);
}
