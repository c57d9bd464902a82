/** Parameters of the authorization request that options ask for: they arrive at the provider, pushed or not. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { OidcModuleOptions } from 'nestjs-oidc-token-reuse';
import { ADAPTERS, API_AUDIENCE, startHarness, type AdapterName, type Harness } from '../support/harness.js';
import { RecordingFetch } from '../support/recording-fetch.js';

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

const CLAIMS = { id_token: { acr: { essential: true, value: 'urn:test:mfa' } }, userinfo: { email: null } };

interface Arrived {
  /** What the browser brought to the provider. */
  readonly byBrowser: Readonly<Record<string, string>>;
  /** What the application pushed. */
  readonly pushed: Readonly<Record<string, string>> | undefined;
}

/** Signs in, and tells what arrived at the provider on the way. */
async function signInWith(adapter: AdapterName, oidc: Partial<OidcModuleOptions>): Promise<Arrived> {
  const recording = new RecordingFetch();
  harness = await startHarness({ adapter, oidc: { ...oidc, fetch: recording.fetch } });
  const browser = harness.browser();
  const landed = await harness.signIn(browser);
  expect(landed.url).toBe(`${harness.url}/api/public`);
  const { issuer } = harness.provider;
  const request = browser.history.find((url) => url.startsWith(`${issuer}/auth?`)) ?? '';
  const pushed = recording.sent.find(({ url }) => url === `${issuer}/request`);
  return { byBrowser: Object.fromEntries(new URL(request).searchParams), pushed: pushed?.form };
}

describe.each(ADAPTERS)('the authorization request on %s', (adapter) => {
  it.each<[string, Partial<OidcModuleOptions>, Record<string, string>]>([
    ['acr_values', { acrValues: 'urn:test:mfa urn:test:password' }, { acr_values: 'urn:test:mfa urn:test:password' }],
    ['max_age', { maxAge: 300 }, { max_age: '300' }],
    ['resource', { resource: API_AUDIENCE }, { resource: API_AUDIENCE }],
    ['claims', { claims: CLAIMS }, { claims: JSON.stringify(CLAIMS) }],
  ])('brings %s to the provider in the URL, or pushed and then not in the URL', async (name, options, expected) => {
    const plain = await signInWith(adapter, { ...options, usePar: false });
    expect(plain.byBrowser).toMatchObject(expected);
    expect(plain.pushed).toBeUndefined();
    await harness?.close();

    const { byBrowser, pushed } = await signInWith(adapter, { ...options, usePar: true });
    expect(pushed).toMatchObject(expected);
    expect(Object.keys(byBrowser).sort()).toEqual(['client_id', 'request_uri']);
    expect(byBrowser).not.toHaveProperty(name);
  });

  it.each([false, true])('makes the provider do what its claims ask for, pushed: %p', async (usePar) => {
    await signInWith(adapter, { claims: CLAIMS, usePar });
    const browser = await harness?.signedIn();
    const session = await browser?.fetch(`${harness?.url ?? ''}/auth/session`);
    expect(await session?.json()).toMatchObject({ claims: { acr: 'urn:test:mfa' } });
  });
});
