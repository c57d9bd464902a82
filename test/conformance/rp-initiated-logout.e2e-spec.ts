/** OpenID Connect RP-Initiated Logout 1.0: the logout request, and a provider that answers it wrongly. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { viewOf, withParameters } from '../support/login.js';

const STATE = 'where-i-was';

describe.each(ADAPTERS)('RP-initiated logout on %s', (adapter) => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await startHarness({ adapter });
  });
  afterAll(() => harness.close());

  /** Signs out with a state, and stops before the browser comes back: the logout request, and where the provider leads. */
  const leave = async (browser: TestBrowser) => {
    const body = new URLSearchParams({ state: STATE });
    const response = await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST', body });
    const { redirect } = (await response.json()) as { readonly redirect: string };
    const back = await browser.navigate(redirect, { stopAt: `${harness.url}/` });
    return { request: new URL(redirect).searchParams, back: back.headers.get('location') ?? '' };
  };

  it('oidcc-client-test-rp-init-logout: sends the ID Token, the client, the place and the state, and the state comes back', async () => {
    const browser = await harness.signedIn();
    const { request, back } = await leave(browser);
    expect(Object.fromEntries(request)).toEqual({
      id_token_hint: expect.stringMatching(/^eyJ/),
      client_id: harness.provider.client.clientId,
      post_logout_redirect_uri: harness.url,
      state: STATE,
    });
    expect(back).toBe(`${harness.url}/?state=${STATE}`);
  });

  it('oidcc-client-test-rp-init-logout-no-state: sends none of its own', async () => {
    const browser = await harness.signedIn();
    const response = await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
    const { redirect } = (await response.json()) as { readonly redirect: string };
    expect(new URL(redirect).searchParams.has('state')).toBe(false);
  });

  it.each([
    ['other-state', 'another state', { state: 'wrong' }],
    ['no-state', 'no state', { state: undefined }],
    ['other-state', 'a state that is a script', { state: '<script>alert(1)</script>' }],
    ['other-state', 'parameters of a sign-in', { code: 'c', iss: 'https://evil.example', error: 'access_denied' }],
  ])(
    'oidcc-client-test-rp-init-logout-%s: with %s on the way back nobody is signed in, nothing is begun and nothing is shown of it',
    async (_rule, _what, changes) => {
      const browser = await harness.signedIn();
      const cookies = browser.jar.snapshot();
      const { back } = await leave(browser);
      const url = withParameters(back, changes);
      const landed = await browser.navigate(url, { initiator: harness.provider.issuer });
      expect(await landed.text()).not.toContain('<script>alert(1)');
      expect([landed.headers.getSetCookie(), await viewOf(harness, browser)]).toEqual([[], { authenticated: false }]);
      // Signed out was signed out before the provider was asked: what it answers changes nothing of that.
      browser.jar.restore(cookies);
      expect(await viewOf(harness, browser)).toEqual({ authenticated: false });
    },
  );
});
