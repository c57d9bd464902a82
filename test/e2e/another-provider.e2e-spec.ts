/** A session belongs to the provider and the client it was made with, also where another application shares the secret. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestProvider, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

describe.each(ADAPTERS)('a session of another provider on %s', (adapter) => {
  let own: Harness;
  let other: TestProvider;

  beforeAll(async () => {
    own = await startHarness({ adapter });
    other = await createTestProvider({ audience: API_AUDIENCE });
  });
  afterEach(releaseTime);
  afterAll(async () => {
    await own.close();
    await other.close();
  });

  /** The same application with another provider or client: cookies are the host's, whatever the port. */
  async function elsewhere(oidc: { readonly clientId?: string } = {}): Promise<Harness> {
    const provider = oidc.clientId === undefined ? other : own.provider;
    return startHarness({ adapter, provider, oidc });
  }

  it.each([
    ['another provider', {}],
    ['another client', { clientId: 'another-client' }],
  ])('R2 is nobody’s for %s, which is never given its refresh token', async (_what, oidc) => {
    const browser = await own.signedIn();
    const application = await elsewhere(oidc);
    const asked = (): number => application.provider.requests.count('token', { grant: 'refresh_token' });
    const before = asked();
    freezeTime();
    advance(3700);
    const answers = await Promise.all(
      ['/api/profile', '/api/optional'].map(async (path) => (await browser.fetch(application.url + path)).status),
    );
    const refreshed = await browser.fetch(`${application.url}/auth/refresh`, { method: 'POST' });
    expect({ answers, refreshed: await refreshed.json(), asked: asked() - before }).toEqual({
      answers: [401, 200],
      refreshed: { error: 'session_missing', error_description: 'there is no session; sign in first' },
      asked: 0,
    });
    expect(await (await browser.fetch(`${application.url}/auth/session`)).json()).toEqual({ authenticated: false });
    await application.close();
  });
});
