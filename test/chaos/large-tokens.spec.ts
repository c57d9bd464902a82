/** An ID Token with 200 groups beside an access token of 6 KB: custody `cookie` says so at the sign-in, custody `store` works. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { startHarness, type Harness } from '../support/harness.js';
import { print } from './support/print.js';

const GROUPS = 200;
const ACCESS_TOKEN_BYTES = 6 * 1024;

describe('200 groups and an access token of 6 KB', () => {
  let harness: Harness;

  afterEach(() => harness.close());

  async function start(custody: 'cookie' | 'store'): Promise<Harness> {
    harness = await startHarness({ oidc: { custody } });
    const { faults } = harness.provider;
    const code = { kind: 'token', grant: 'authorization_code' } as const;
    const groups = Array.from({ length: GROUPS }, () => randomUUID());
    faults.rewrite(code, (body) => ({ ...body, access_token: 'x'.repeat(ACCESS_TOKEN_BYTES) }));
    faults.idToken(
      ({ at_hash: _, ...claims }, header) => ({ claims: { ...claims, groups }, header, sign: 'provider' }),
      { grant: code.grant },
    );
    return harness;
  }

  it('do not fit into cookies: the sign-in says so, and what to do', async () => {
    const { events, url } = await start('cookie');
    const landed = await harness.signIn(harness.browser());
    const failed = events.find((event) => event.type === 'login.failed');
    print('cookie: 200 groups and 6 KB', { 'landed at': landed.url.replace(url, ''), log: JSON.stringify(failed) });
    expect(landed.url).toBe(`${url}/auth/error?error=session_too_large`);
    expect(failed).toMatchObject({
      reason: expect.stringMatching(/ask the provider for fewer claims \(groups\), or set OPENID_CUSTODY=store$/),
    });
  });

  it('work with custody store, and the browser carries one small cookie', async () => {
    const { url } = await start('store');
    const browser = await harness.signedIn();
    const answer = await browser.fetch(`${url}/api/profile`);
    const cookies = browser.cookies(url).map(({ name, value }) => `${name}: ${String(value.length)}`);
    print('store: 200 groups and 6 KB', {
      'GET /api/profile': answer.status,
      'characters of cookies': cookies.join(', '),
    });
    expect(answer.status).toBe(200);
    expect(browser.cookies(url).find(({ name }) => name === 'oidc.session-key')?.value).toHaveLength(43);
  });
});
