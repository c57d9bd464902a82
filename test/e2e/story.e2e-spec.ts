/** The main job from end to end: sign in, stay signed in, call APIs as the end-user, sign out. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

describe.each(ADAPTERS)('the whole story on %s', (adapter) => {
  let harness: Harness;
  let browser: TestBrowser;

  beforeAll(async () => {
    harness = await startHarness({ adapter });
  });
  afterAll(async () => {
    releaseTime();
    await harness.close();
  });

  it('signs in and leads back to where the sign-in was started from', async () => {
    browser = harness.browser();
    const response = await harness.signIn(browser, 'alice', '/auth/login?returnTo=/api/profile');
    expect({ status: response.status, url: response.url }).toEqual({ status: 200, url: `${harness.url}/api/profile` });
    expect(await response.json()).toMatchObject({
      kind: 'session',
      issuer: harness.provider.issuer,
      subject: 'user-alice',
      roles: ['admin'],
    });
  });

  it('shows the session without a token', async () => {
    const response = await browser.fetch(`${harness.url}/auth/session`);
    const body = await response.text();
    expect(JSON.parse(body)).toMatchObject({
      authenticated: true,
      claims: { sub: 'user-alice', name: expect.any(String) },
    });
    expect(body).not.toMatch(/eyJ/);
  });

  it('refreshes an expired access token behind a request', async () => {
    freezeTime();
    advance(4000);
    harness.provider.requests.reset();
    const response = await browser.fetch(`${harness.url}/api/profile`);
    expect(response.status).toBe(200);
    expect(harness.provider.requests.count('token', { grant: 'refresh_token' })).toBe(1);
  });

  it('refreshes when the page asks for it', async () => {
    const response = await browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' });
    expect({ status: response.status, body: await response.json() }).toEqual({
      status: 200,
      body: { authenticated: true, expires_at: expect.any(Number) },
    });
  });

  it('fetches UserInfo on behalf of the end-user', async () => {
    const response = await browser.fetch(`${harness.url}/auth/userinfo`);
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 200,
      body: { sub: 'user-alice' },
    });
  });

  it('hands a downstream token to a handler', async () => {
    const response = await browser.fetch(`${harness.url}/api/downstream`);
    expect({ status: response.status, body: await response.json() }).toEqual({
      status: 200,
      body: { token: expect.stringMatching(/^eyJ/) },
    });
  });

  it('signs out here and at the provider', async () => {
    const response = await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
    const body = (await response.json()) as { redirect: string };
    expect(response.status).toBe(200);
    expect(body.redirect).toContain(`${harness.provider.issuer}/session/end?`);
    const landed = await browser.navigate(body.redirect);
    expect(landed.url).toBe(`${harness.url}/`);
    expect(await (await browser.fetch(`${harness.url}/auth/session`)).json()).toEqual({ authenticated: false });
    expect((await browser.fetch(`${harness.url}/api/profile`)).status).toBe(401);
  });
});
