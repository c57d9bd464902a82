/** OpenID Connect Discovery 1.0: what the provider publishes is used, and believed only from the issuer that is configured. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestProvider, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { redirectOf } from '../support/login.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { until } from '../support/until.js';

const DISCOVERY = { kind: 'discovery', times: Infinity } as const;

describe.each(ADAPTERS)('discovery on %s', (adapter) => {
  let provider: TestProvider;
  let harness: Harness | undefined;
  const recording = new RecordingFetch();

  beforeEach(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE, alg: 'ES256' });
    recording.sent.length = 0;
  });
  afterEach(async () => {
    await harness?.close();
    await provider.close();
  });

  const start = async (issuer = provider.issuer): Promise<Harness> => {
    harness = await startHarness({ adapter, provider, oidc: { issuer, fetch: recording.fetch } });
    return harness;
  };
  const publish = (changes: (body: Record<string, unknown>) => object): unknown =>
    provider.faults.rewrite(DISCOVERY, (body) => ({ ...body, ...changes(body) }));
  const present = async ({ url }: Harness, token: string): Promise<number> =>
    (await fetch(`${url}/api/subject`, { headers: { authorization: `Bearer ${token}` } })).status;

  it.each(['', '/', '/.well-known/openid-configuration'])(
    'oidcc-client-test-discovery-openid-config: is read below the issuer, configured with %j at its end',
    async (end) => {
      const application = await start(provider.issuer + end);
      expect((await application.signIn(application.browser())).status).toBe(200);
      expect(recording.sent[0]?.url).toBe(`${provider.issuer}/.well-known/openid-configuration`);
    },
  );

  it.each(['https://evil.example', 'issuer/tenant', 'ISSUER', 'issuer?', '', undefined, ['issuer'], null])(
    'oidcc-client-test-discovery-issuer-mismatch: of an issuer %j is not believed, and the log says why',
    async (written) => {
      const issuer =
        typeof written === 'string'
          ? written.replace('issuer', provider.issuer).replace('ISSUER', provider.issuer.toUpperCase())
          : written;
      publish(() => ({ issuer }));
      const application = await start();
      const login = await application.browser().fetch(`${application.url}/auth/login`);
      expect(await answerOf(login)).toMatchObject({ status: 503, body: { error: 'provider_unavailable' } });
      expect(await present(application, await provider.signAccessToken())).toBe(503);
      expect(recording.sent.filter(({ url }) => !url.endsWith('/.well-known/openid-configuration'))).toEqual([]);
      expect(application.events.filter(({ type }) => type === 'metadata.rejected')).toEqual([
        {
          type: 'metadata.rejected',
          issuer: provider.issuer,
          reason:
            'the discovery document names another issuer than the configured one; set OPENID_ISSUER to exactly what it names',
        },
      ]);
    },
  );

  it('oidcc-client-test-discovery-issuer-mismatch: heals as soon as the right one is published', async () => {
    provider.faults.wrongIssuer('https://evil.example', 1);
    const application = await start();
    await until(async () => (await present(application, await provider.signAccessToken())) === 200);
    expect((await application.signIn(application.browser())).status).toBe(200);
  });

  it('oidcc-client-test-discovery-jwks-uri-keys: takes the keys from the jwks_uri of the document', async () => {
    publish(({ jwks_uri: uri }) => ({ jwks_uri: `${String(uri)}?of=this-document` }));
    const application = await start();
    expect(await present(application, await provider.signAccessToken())).toBe(200);
    expect(recording.sent.map(({ url }) => url).filter((url) => url.includes('/jwks'))).toEqual([
      `${provider.issuer}/jwks?of=this-document`,
    ]);
  });

  it('asks the authorization endpoint with the query of its own once', async () => {
    publish(({ authorization_endpoint: endpoint }) => ({ authorization_endpoint: `${String(endpoint)}?p=policy` }));
    const application = await start();
    const response = await application.browser().navigate(`${application.url}/auth/login`, { follow: false });
    expect(new URL(redirectOf(response).location ?? '').searchParams.getAll('p')).toEqual(['policy']);
  });

  it.each(['authorization_endpoint', 'token_endpoint', 'jwks_uri'])('without %s is not believed', async (member) => {
    provider.faults.omit(DISCOVERY, member);
    const application = await start();
    expect((await application.browser().fetch(`${application.url}/auth/login`)).status).toBe(503);
  });
});
