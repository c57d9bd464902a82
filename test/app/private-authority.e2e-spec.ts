/** The reference application driven by nothing but its environment: an https issuer under a private authority, and the client's keys in files. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createTestProvider, TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { CertificateAuthority, selfSigned, type Identity } from '../support/certificates.js';
import { ADAPTERS } from '../support/harness.js';
import { freePorts } from '../support/ports.js';
import { settingsFor, type Settings } from '../support/reference.js';
import { ApplicationProcess } from './application-process.js';
import { copyProject, removeProject } from './project-copy.js';

// Processes start slowly on a machine that runs other tests at the same time.
jest.setTimeout(180_000);

let project: string;
let folder: string;
let authority: CertificateAuthority;
let provider: TestProvider;
let launched: ApplicationProcess | undefined;

beforeAll(async () => {
  project = copyProject();
  authority = await CertificateAuthority.create();
});
afterAll(() => {
  removeProject(project);
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'private-authority-'));
  writeFileSync(join(folder, 'ca.pem'), authority.cert);
  provider = await createTestProvider({
    https: await authority.issue('localhost'),
    mutualTls: { ca: authority.cert },
  });
});
afterEach(async () => {
  await launched?.stop('SIGKILL');
  launched = undefined;
  await provider.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Puts the client's key and certificate where the settings say they are. */
function place({ key, cert }: Identity): void {
  writeFileSync(join(folder, 'key.pem'), key);
  writeFileSync(join(folder, 'cert.pem'), cert);
}

function launch(settings: Settings): ApplicationProcess {
  const command = [process.execPath, join(project, 'scripts/start.mjs')] as const;
  launched = new ApplicationProcess(command, {
    folder,
    settings: { ...settingsFor(provider), OPENID_CLIENT_SECRET: '', NODE_EXTRA_CA_CERTS: 'ca.pem', ...settings },
  });
  return launched;
}

interface Visit {
  readonly url: string;
  readonly browser: TestBrowser;
}

/** Starts the application, and signs somebody in. */
async function signedIn(settings: Settings): Promise<Visit> {
  const [port = 0] = await freePorts(1);
  const url = `http://localhost:${String(port)}`;
  provider.registerRedirectUri(`${url}/auth/callback`);
  await launch({ ...settings, PORT: String(port) }).opened();
  const browser = new TestBrowser({ ca: authority.cert });
  const credentials = { login: 'alice', password: 'alice' };
  const landed = await browser.signIn(`${url}/auth/login?returnTo=/api/profile`, credentials);
  expect(await landed.json()).toMatchObject({ subject: 'user-alice' });
  return { url, browser };
}

/** What a session is good for. */
async function use({ url, browser }: Visit): Promise<Record<string, number>> {
  const refresh = await browser.fetch(`${url}/auth/refresh`, { method: 'POST' });
  const userInfo = await browser.fetch(`${url}/auth/userinfo`);
  return { refresh: refresh.status, userInfo: userInfo.status };
}

async function leave({ url, browser }: Visit): Promise<void> {
  expect((await browser.fetch(`${url}/auth/logout`, { method: 'POST' })).status).toBe(200);
  expect(provider.requests.list().filter(({ kind }) => kind === 'revocation')).toMatchObject([{ status: 200 }]);
}

function publicJwk({ cert }: Identity): Record<string, unknown> {
  const { publicKey, raw } = new X509Certificate(cert);
  return { ...publicKey.export({ format: 'jwk' }), x5c: [raw.toString('base64')] };
}

function registerKeys(method: string, ...identities: readonly Identity[]): void {
  provider.updateClient({ token_endpoint_auth_method: method, jwks: { keys: identities.map(publicJwk) } });
}

describe.each(ADAPTERS)('on %s', (HTTP_ADAPTER) => {
  it('private_key_jwt: a whole stay, and a key that is replaced under way', async () => {
    const [before, after] = [await selfSigned('before'), await selfSigned('after')];
    place(before);
    registerKeys('private_key_jwt', before);
    const settings = { HTTP_ADAPTER, OPENID_TOKEN_ENDPOINT_AUTH_METHOD: 'private_key_jwt' };
    const visit = await signedIn({ ...settings, OPENID_CLIENT_KEY: 'key.pem' });
    expect(await use(visit)).toEqual({ refresh: 200, userInfo: 200 });
    place(after);
    registerKeys('private_key_jwt', after);
    expect(await use(visit)).toEqual({ refresh: 200, userInfo: 200 });
    expect(provider.replays).toBe(0);
    await leave(visit);
  });

  it('tls_client_auth: a whole stay, every request with the certificate', async () => {
    const client = await authority.issue('web.example.com');
    place(client);
    provider.updateClient({
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_san_dns: 'web.example.com',
    });
    const visit = await signedIn({ HTTP_ADAPTER, ...withFiles('tls_client_auth'), OPENID_USE_PAR: 'true' });
    expect(await use(visit)).toEqual({ refresh: 200, userInfo: 200 });
    await leave(visit);
    const asked = provider.requests.list().filter(({ kind }) => APPLICATIONS.has(kind));
    expect(new Set(asked.map(({ kind }) => kind))).toEqual(APPLICATIONS);
    expect(asked.filter(({ certificate }) => !certificate)).toEqual([]);
  });

  it('self_signed_tls_client_auth: a whole stay, and a certificate that is replaced under way', async () => {
    const [before, after] = [await selfSigned('before'), await selfSigned('after')];
    place(before);
    registerKeys('self_signed_tls_client_auth', before);
    const visit = await signedIn({ HTTP_ADAPTER, ...withFiles('self_signed_tls_client_auth') });
    place(after);
    registerKeys('self_signed_tls_client_auth', after);
    expect(await use(visit)).toEqual({ refresh: 200, userInfo: 200 });
    await leave(visit);
  });
});

/** What only the application asks the provider in the client's name. */
const APPLICATIONS: ReadonlySet<string> = new Set(['token', 'par', 'userinfo', 'revocation']);

function withFiles(method: string): Settings {
  return {
    OPENID_TOKEN_ENDPOINT_AUTH_METHOD: method,
    OPENID_CLIENT_KEY: 'key.pem',
    OPENID_CLIENT_CERT: 'cert.pem',
  };
}

describe('the start', () => {
  it('says every problem with keys in one message, and nothing of the keys', async () => {
    const [one, other] = [await selfSigned('one'), await selfSigned('other')];
    place({ key: one.key, cert: other.cert });
    const settings = { ...withFiles('tls_client_auth'), OPENID_CLIENT_SECRET_FILE: 'secret.txt', OPENID_CLAIMS: 'x' };
    const failing = launch(settings);
    expect(await failing.end()).toEqual({ code: 1, signal: null });
    const [title, ...lines] = failing.stderr.trimEnd().split('\n');
    expect(title).toBe('The OpenID Connect configuration has 4 problem(s):');
    expect(lines.map((line) => line.trim())).toEqual([
      'OPENID_CLAIMS: must be a JSON object, such as {"id_token":{"email":{"essential":true}}}',
      'OPENID_TOKEN_ENDPOINT_AUTH_METHOD: tls_client_auth would not use OPENID_CLIENT_SECRET_FILE; remove one of the two',
      'OPENID_CLIENT_SECRET_FILE: names a file that cannot be read (ENOENT); check the path and its permissions',
      'OPENID_CLIENT_CERT: does not begin with the certificate of the first key of OPENID_CLIENT_KEY',
    ]);
  });

  it('says that an issuer whose authority is not known does not answer', async () => {
    const [port = 0] = await freePorts(1);
    const settings = { OPENID_CLIENT_SECRET: provider.client.clientSecret, NODE_EXTRA_CA_CERTS: '' };
    const running = launch({ ...settings, PORT: String(port) });
    await running.opened();
    const login = await fetch(`http://localhost:${String(port)}/auth/login`);
    expect(login.status).toBe(503);
    expect(running.stdout).toMatch(/provider\.down .*UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT/);
  });
});
