/** Each way in which the client proves who it is, against the real provider: sign-in, refresh, exchange, UserInfo, sign-out. */
import { X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader, exportJWK, exportPKCS8, generateKeyPair, type JWK } from 'jose';
import type { OidcModuleOptions } from 'nestjs-oidc-token-reuse';
import {
  createTestProvider,
  TestBrowser,
  type ClientMetadata,
  type ProviderOptions,
} from 'nestjs-oidc-token-reuse-testing';
import { certificateFetch, type CertificateFetchOptions } from '../support/certificate-fetch.js';
import { CertificateAuthority, selfSigned, type Identity } from '../support/certificates.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type AdapterName, type Harness } from '../support/harness.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

let harness: Harness | undefined;
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  releaseTime();
  await harness?.close();
  harness = undefined;
  for (const close of closing.splice(0)) await close();
});

interface Setup {
  readonly adapter: AdapterName;
  readonly client: Partial<ClientMetadata>;
  readonly oidc: Partial<OidcModuleOptions>;
  readonly providerOptions?: Partial<ProviderOptions>;
}

/** The application, registered at the provider as the metadata says. */
async function start({ adapter, client, oidc, providerOptions = {} }: Setup): Promise<Harness> {
  const provider = await createTestProvider({ audience: API_AUDIENCE, ...providerOptions });
  closing.push(() => provider.close());
  provider.updateClient(client);
  harness = await startHarness({ adapter, provider, oidc });
  return harness;
}

/** Everything that is asked of the provider in the client's name. */
async function wholeStory(application: Harness, ca?: string): Promise<Record<string, number>> {
  const browser = new TestBrowser({ ca });
  const landed = await application.signIn(browser);
  const refresh = await browser.fetch(`${application.url}/auth/refresh`, { method: 'POST' });
  const userInfo = await browser.fetch(`${application.url}/auth/userinfo`);
  const logout = await browser.fetch(`${application.url}/auth/logout`, { method: 'POST' });
  const { requests } = application.provider;
  const revocations = requests.list().filter(({ kind }) => kind === 'revocation');
  return {
    pushed: requests.count('par'),
    login: landed.status,
    refresh: refresh.status,
    userInfo: userInfo.status,
    logout: logout.status,
    revocation: revocations.at(-1)?.status ?? 0,
  };
}

const ALL_WELL = { login: 200, refresh: 200, userInfo: 200, logout: 200, revocation: 200 };

describe.each(ADAPTERS)('client authentication on %s', (adapter) => {
  describe.each([
    { usePar: false, pushed: 0 },
    { usePar: true, pushed: 1 },
  ])('with $pushed pushed requests', ({ usePar, pushed }) => {
    it.each(['client_secret_basic', 'client_secret_post'] as const)('%s serves every request', async (method) => {
      const application = await start({
        adapter,
        client: { token_endpoint_auth_method: method },
        oidc: { clientAuthMethod: method, usePar },
      });
      expect(await wholeStory(application)).toEqual({ ...ALL_WELL, pushed });
    });

    it('a public client serves every request', async () => {
      const application = await start({
        adapter,
        client: { token_endpoint_auth_method: 'none' },
        oidc: { clientAuthMethod: 'none', clientSecret: undefined, usePar },
      });
      expect(await wholeStory(application)).toEqual({ ...ALL_WELL, pushed });
    });

    it.each(['RS256', 'ES256', 'EdDSA'])('private_key_jwt serves every request with a key for %s', async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
      const application = await start({
        adapter,
        client: registeredKey(await exportJWK(publicKey)),
        oidc: { ...withKeys(await exportPKCS8(privateKey)), usePar },
      });
      expect(await wholeStory(application)).toEqual({ ...ALL_WELL, pushed });
    });

    it('tls_client_auth serves every request at the aliases for certificates', async () => {
      const authority = await CertificateAuthority.create();
      const client = await authority.issue('web.example.com');
      const application = await start({
        adapter,
        client: { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_san_dns: 'web.example.com' },
        oidc: { ...withCertificate('tls_client_auth', { ca: authority.cert, ...client }), usePar },
        providerOptions: await overTls(authority),
      });
      expect(await wholeStory(application, authority.cert)).toEqual({ ...ALL_WELL, pushed });
      expect(withoutCertificate(application)).toEqual(['discovery', 'jwks']);
    });

    it('self_signed_tls_client_auth serves every request at the aliases for certificates', async () => {
      const authority = await CertificateAuthority.create();
      const client = await selfSigned('web');
      const application = await start({
        adapter,
        client: { token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys: [jwkOf(client)] } },
        oidc: { ...withCertificate('self_signed_tls_client_auth', { ca: authority.cert, ...client }), usePar },
        providerOptions: await overTls(authority),
      });
      expect(await wholeStory(application, authority.cert)).toEqual({ ...ALL_WELL, pushed });
      expect(withoutCertificate(application)).toEqual(['discovery', 'jwks']);
    });
  });

  it.each([
    ['another name', 'other.example.com', 'tls_client_auth_san_dns', 'web.example.com'],
    ['another subject', 'other.example.com', 'tls_client_auth_subject_dn', 'CN=web.example.com'],
    ['another authority', 'web.example.com', 'tls_client_auth_san_dns', 'web.example.com'],
  ])('a certificate with %s signs nobody in', async (what, name, property, registered) => {
    const authority = await CertificateAuthority.create();
    const issuedBy = what === 'another authority' ? await CertificateAuthority.create() : authority;
    const application = await start({
      adapter,
      client: { token_endpoint_auth_method: 'tls_client_auth', [property]: registered },
      oidc: withCertificate('tls_client_auth', { ca: authority.cert, ...(await issuedBy.issue(name)) }),
      providerOptions: await overTls(authority),
    });
    await application.signIn(new TestBrowser({ ca: authority.cert }));
    expect(application.events.filter(({ type }) => type === 'login.failed')).toMatchObject([
      { code: 'provider_rejected', reason: expect.stringContaining('"invalid_client"') },
    ]);
  });

  it('a certificate is known by its subject too', async () => {
    const authority = await CertificateAuthority.create();
    const client = await authority.issue('web');
    const application = await start({
      adapter,
      client: { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=web' },
      oidc: withCertificate('tls_client_auth', { ca: authority.cert, ...client }),
      providerOptions: await overTls(authority),
    });
    expect((await application.signIn(new TestBrowser({ ca: authority.cert }))).url).toBe(
      `${application.url}/api/public`,
    );
  });

  it('a client secret that is changed at the provider costs nobody the session', async () => {
    let secret = 'the-first-secret-of-the-client';
    const application = await start({
      adapter,
      client: { client_secret: secret },
      oidc: { clientSecret: () => secret },
    });
    const { provider, url, events } = application;
    const browsers = [await application.signedIn('alice'), await application.signedIn('bob')];
    secret = 'the-second-secret-of-the-client';
    provider.updateClient({ client_secret: secret });
    const refreshes = browsers.map(async (browser) => browser.fetch(`${url}/auth/refresh`, { method: 'POST' }));
    expect((await Promise.all(refreshes)).map(({ status }) => status)).toEqual([200, 200]);
    expect(events.filter(({ type }) => type === 'client.credential_reloaded')).toHaveLength(1);
    expect({ replays: provider.replays, revoked: provider.revokedFamilies }).toEqual({ replays: 0, revoked: 0 });
  });

  it('a client secret that has ended is 503 with the session kept, until there is a new one', async () => {
    freezeTime();
    let secret = 'the-first-secret-of-the-client';
    const application = await start({
      adapter,
      client: { client_secret: secret },
      oidc: { clientSecret: () => secret },
    });
    const { provider, url, events } = application;
    const browser = await application.signedIn();
    provider.updateClient({ client_secret: 'the-second-secret-of-the-client' });
    const refresh = async () => (await browser.fetch(`${url}/auth/refresh`, { method: 'POST' })).status;
    expect([await refresh(), await refresh()]).toEqual([503, 503]);
    expect(events.filter(({ type }) => type.startsWith('client.')).map(({ type }) => type)).toEqual([
      'client.credential_refused',
    ]);
    advance(30);
    secret = 'the-second-secret-of-the-client';
    expect(await refresh()).toBe(200);
    expect(provider.replays).toBe(0);
    expect(JSON.stringify(events)).not.toContain('secret-of-the-client');
  });

  it('L13 an assertion is for the issuer alone, whatever endpoints the metadata names', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const recording = new RecordingFetch();
    const jwk = { ...(await exportJWK(privateKey)), kid: 'key-1' };
    const application = await start({
      adapter,
      client: registeredKey({ ...(await exportJWK(publicKey)), kid: 'key-1' }),
      oidc: { ...withKeys(JSON.stringify(jwk)), fetch: recording.fetch },
    });
    const { issuer } = application.provider;
    const elsewhere = `${issuer}/token?to=somebody-else`;
    application.provider.faults.rewrite('discovery', (body) => ({ ...body, token_endpoint: elsewhere }));
    const landed = await application.signIn(application.browser());
    expect(landed.status).toBe(200);
    const [sent] = recording.sent.filter(({ url }) => url === elsewhere);
    const assertion = sent?.form['client_assertion'] ?? '';
    expect(decodeProtectedHeader(assertion)).toEqual({ alg: 'ES256', kid: 'key-1' });
    const { iat = 0, ...claims } = decodeJwt(assertion);
    expect(claims).toEqual({
      aud: issuer,
      iss: 'web',
      sub: 'web',
      jti: expect.any(String),
      nbf: iat,
      exp: iat + 60,
    });
  });
});

function registeredKey(jwk: JWK): Partial<ClientMetadata> {
  // A copy: the engine takes no object that comes from outside of the test's realm, as WebCrypto's do.
  return { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...jwk }] } };
}

function withKeys(...clientKeys: readonly string[]): Partial<OidcModuleOptions> {
  return { clientAuthMethod: 'private_key_jwt', clientSecret: undefined, clientKeys };
}

/** The application's own `fetch` presents the certificate: it also knows the authority of the test. */
function withCertificate(
  clientAuthMethod: 'tls_client_auth' | 'self_signed_tls_client_auth',
  identity: CertificateFetchOptions,
): Partial<OidcModuleOptions> {
  return { clientAuthMethod, clientSecret: undefined, fetch: certificateFetch(identity) };
}

async function overTls(authority: CertificateAuthority): Promise<Partial<ProviderOptions>> {
  return { https: await authority.issue('localhost'), mutualTls: { ca: authority.cert } };
}

/** The public key of a certificate, as it is registered for a self-signed one (RFC 8705 section 2.2.2). */
function jwkOf({ cert }: Identity): JWK {
  const { publicKey, raw } = new X509Certificate(cert);
  return { ...(publicKey.export({ format: 'jwk' }) as JWK), x5c: [raw.toString('base64')] };
}

/** What the application asked without being known by its certificate. */
function withoutCertificate({ provider }: Harness): readonly string[] {
  const asked = provider.requests.list().filter(({ certificate }) => !certificate);
  return [...new Set(asked.map(({ kind }) => kind))].filter((kind) => !FROM_BROWSERS.has(kind)).sort();
}

const FROM_BROWSERS: ReadonlySet<string> = new Set(['authorization', 'interaction', 'end_session']);
