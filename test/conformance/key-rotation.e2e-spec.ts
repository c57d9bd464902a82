/** Signing keys that the provider rotates while people sign in (OpenID Connect Core section 10.1.1). */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestProvider, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { authorize, comeBack, redirectOf } from '../support/login.js';
import { failureOf } from '../support/failed-login.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const CODE_GRANT = { kind: 'token', grant: 'authorization_code' } as const;
const SIGNED_IN = { status: 302, location: '/' };

describe.each(ADAPTERS)('key rotation on %s', (adapter) => {
  let provider: TestProvider;
  let harness: Harness;

  beforeEach(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE, alg: 'ES256' });
    harness = await startHarness({ adapter, provider });
  });
  afterEach(async () => {
    releaseTime();
    await harness.close();
    await provider.close();
  });

  const land = async () => {
    const browser = harness.browser();
    return redirectOf(await comeBack(harness, browser, await authorize(harness, browser)));
  };
  const asked = (): number => provider.requests.count('jwks');

  it('oidcc-client-test-signing-key-rotation: signs in with the old key and with the new one, which is fetched once', async () => {
    expect(await land()).toEqual(SIGNED_IN);
    await provider.keys.rotate();
    expect([await land(), await land(), asked()]).toEqual([SIGNED_IN, SIGNED_IN, 2]);
  });

  it('oidcc-client-test-signing-key-rotation: again and again, also within the thirty seconds that presented tokens wait', async () => {
    for (let round = 1; round <= 4; round += 1) {
      expect([await land(), asked()]).toEqual([SIGNED_IN, round]);
      await provider.keys.rotate();
      provider.keys.withdraw();
    }
  });

  it('oidcc-client-test-signing-key-rotation-just-before-signing: signs in when the key is new at the moment of the answer', async () => {
    expect(await land()).toEqual(SIGNED_IN);
    const browser = harness.browser();
    const url = await authorize(harness, browser);
    const hold = provider.faults.hold(CODE_GRANT);
    const callback = comeBack(harness, browser, url);
    await hold.arrived;
    await provider.keys.rotate();
    provider.keys.withdraw();
    hold.release();
    expect([redirectOf(await callback), asked()]).toEqual([SIGNED_IN, 2]);
  });

  it('oidcc-client-test-signing-key-rotation-just-before-signing: fetches the keys once for twenty who sign in at that moment', async () => {
    expect(await land()).toEqual(SIGNED_IN);
    const browsers = Array.from({ length: 20 }, () => harness.browser());
    const urls = await Promise.all(browsers.map((browser) => authorize(harness, browser)));
    await provider.keys.rotate();
    const ends = await Promise.all(browsers.map((browser, index) => comeBack(harness, browser, urls[index] ?? '')));
    expect({ ends: ends.map(redirectOf), asked: asked() }).toEqual({ ends: urls.map(() => SIGNED_IN), asked: 2 });
  });

  it('changes the algorithm with the key, where the provider announces both', async () => {
    await harness.close();
    provider.faults.rewrite({ kind: 'discovery', times: Infinity }, (body) => ({
      ...body,
      id_token_signing_alg_values_supported: ['ES256', 'RS256'],
    }));
    harness = await startHarness({ adapter, provider });
    expect(await land()).toEqual(SIGNED_IN);
    await provider.keys.rotate({ alg: 'RS256' });
    expect(await land()).toEqual(SIGNED_IN);
  });

  it('renews a session with an ID Token of the new key', async () => {
    const browser = await harness.signedIn();
    freezeTime();
    advance(301);
    await provider.keys.rotate();
    provider.keys.withdraw();
    expect((await browser.fetch(`${harness.url}/api/subject`)).status).toBe(200);
  });

  it('signs nobody in with a key that was withdrawn', async () => {
    expect(await land()).toEqual(SIGNED_IN);
    const { kid, alg, privateKey } = provider.keys.current;
    await provider.keys.rotate();
    provider.keys.withdraw();
    expect(await land()).toEqual(SIGNED_IN);
    provider.faults.idToken(() => ({ header: { kid, alg }, key: privateKey }));
    const browser = harness.browser();
    expect(await failureOf(browser, await authorize(harness, browser))).toMatchObject({
      status: 502,
      error: 'id_token_invalid',
      signedIn: [],
    });
  });

  it('is 503 while the new key cannot be had, and the code is not lost to a wrong word', async () => {
    expect(await land()).toEqual(SIGNED_IN);
    await provider.keys.rotate();
    provider.faults.status({ kind: 'jwks', times: Infinity }, 503);
    const browser = harness.browser();
    expect(await failureOf(browser, await authorize(harness, browser))).toMatchObject({
      status: 503,
      error: 'provider_unavailable',
      signedIn: [],
    });
  });
});
