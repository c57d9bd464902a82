/** Certificates of the client: what is refused at the start, and what an assertion says of one. */
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import { OidcConfigurationException, readEnvironment } from 'nestjs-oidc-token-reuse';
import { createTestProvider } from 'nestjs-oidc-token-reuse-testing';
import { CertificateAuthority, selfSigned, type Identity } from '../support/certificates.js';
import { API_AUDIENCE, startHarness } from '../support/harness.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

type Settings = Readonly<Record<string, string>>;

const COMPLETE = {
  OPENID_ISSUER: 'https://id.example.com',
  OPENID_CLIENT_ID: 'my-app',
  OPENID_SESSION_SECRET: 'at-least-32-characters-from-openssl-rand-base64-48',
  PUBLIC_URL: 'https://app.example.com',
};

let authority: CertificateAuthority;
let client: Identity;
let other: Identity;
let folder: string;

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  [client, other] = [await authority.issue('client.example.com'), await selfSigned('other')];
  folder = mkdtempSync(join(tmpdir(), 'certificates-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function problemsOf(settings: Settings): readonly string[] {
  try {
    return readEnvironment({ ...COMPLETE, ...settings }).warnings.map((warning) => `warned: ${warning}`);
  } catch (error) {
    if (!(error instanceof OidcConfigurationException)) throw error;
    return error.problems.map(({ setting, message }) => `${setting}: ${message}`);
  }
}

function publicKeyOf(cert: string): Record<string, unknown> {
  return { ...new X509Certificate(cert).publicKey.export({ format: 'jwk' }) };
}

function thumbprintOf(cert: string): string {
  return createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url');
}

const withKey = (method: string, key: string, cert: string): Settings => ({
  OPENID_TOKEN_ENDPOINT_AUTH_METHOD: method,
  OPENID_CLIENT_KEY: key,
  OPENID_CLIENT_CERT: cert,
});

describe.each(['tls_client_auth', 'self_signed_tls_client_auth', 'private_key_jwt'])('%s', (method) => {
  it('takes the certificate of its key, as a value and from a file', () => {
    const path = join(folder, `${method}.pem`);
    writeFileSync(path, client.cert + authority.cert);
    expect(problemsOf(withKey(method, client.key, client.cert))).toEqual([]);
    expect(problemsOf(withKey(method, client.key, path))).toEqual([]);
  });

  it('refuses the certificate of another key', () => {
    const where = method === 'private_key_jwt' ? 'hold' : 'begin with';
    expect(problemsOf(withKey(method, client.key, other.cert))).toEqual([
      `OPENID_CLIENT_CERT: does not ${where} the certificate of the first key of OPENID_CLIENT_KEY`,
    ]);
  });

  it.each([
    ['no certificate', 'holds no certificate; give a PEM block, or the path of a file with one', () => client.key],
    [
      'a damaged certificate',
      'holds a certificate that cannot be read; it is damaged or cut off',
      () => client.cert.replace(/[A-Za-z0-9]{20}/, 'A'.repeat(20)),
    ],
    [
      'a missing file',
      'names a file that cannot be read (ENOENT); check the path and its permissions',
      () => '/nowhere/cert.pem',
    ],
  ])('refuses %s', (_, message, cert) => {
    expect(problemsOf(withKey(method, client.key, cert()))).toEqual([`OPENID_CLIENT_CERT: ${message}`]);
  });

  it('warns of a certificate that has ended', async () => {
    const ended = await selfSigned('late', { hours: -48 });
    const day = new Date(new X509Certificate(ended.cert).validTo).toISOString().slice(0, 10);
    expect(problemsOf(withKey(method, ended.key, ended.cert))).toEqual([
      `warned: clientCert / OPENID_CLIENT_CERT: has ended on ${day}; providers may refuse it`,
    ]);
  });

  it('reports an unusable key and an unusable certificate together', () => {
    expect(problemsOf(withKey(method, '{}', client.key)).map((problem) => problem.split(':')[0])).toEqual([
      'OPENID_CLIENT_KEY',
      'OPENID_CLIENT_CERT',
    ]);
  });
});

describe('mutual TLS', () => {
  it("takes the client's own certificate first", () => {
    const chain = authority.cert + client.cert;
    expect(problemsOf(withKey('tls_client_auth', client.key, chain))).toEqual([
      'OPENID_CLIENT_CERT: does not begin with the certificate of the first key of OPENID_CLIENT_KEY',
    ]);
    expect(problemsOf(withKey('private_key_jwt', client.key, chain))).toEqual([]);
  });

  it('refuses a second key', () => {
    expect(problemsOf(withKey('tls_client_auth', `${client.key}\n${other.key}`, client.cert))).toEqual([
      'OPENID_CLIENT_KEY: holds several keys, and tls_client_auth uses one; remove the others',
    ]);
  });
});

describe('private_key_jwt with a certificate', () => {
  it('signs with the last pair until both files are replaced', async () => {
    const provider = await createTestProvider({ audience: API_AUDIENCE });
    const after = await selfSigned('after');
    const jwks = { keys: [client, after].map(({ cert }) => publicKeyOf(cert)) };
    provider.updateClient({ token_endpoint_auth_method: 'private_key_jwt', jwks });
    const [keyFile, certFile] = [join(folder, 'pair.key'), join(folder, 'pair.cert')];
    writeFileSync(keyFile, client.key);
    writeFileSync(certFile, client.cert);
    const recording = new RecordingFetch();
    const harness = await startHarness({
      provider,
      oidc: {
        clientSecret: undefined,
        clientAuthMethod: 'private_key_jwt',
        clientKeys: [keyFile],
        clientCert: certFile,
        fetch: recording.fetch,
      },
    });
    freezeTime();
    const thumbprints: unknown[] = [];
    const signIn = async (): Promise<void> => {
      advance(2);
      expect((await harness.signIn(harness.browser())).status).toBe(200);
      const assertion = recording.forms('authorization_code').at(-1)?.['client_assertion'] ?? '';
      thumbprints.push(decodeProtectedHeader(assertion)['x5t#S256']);
    };
    await signIn();
    writeFileSync(keyFile, after.key);
    await signIn();
    writeFileSync(certFile, after.cert);
    await signIn();
    releaseTime();
    expect(thumbprints).toEqual([client.cert, client.cert, after.cert].map(thumbprintOf));
    expect(harness.events).toContainEqual(
      expect.objectContaining({ reason: 'the client certificate is not that of the client key' }),
    );
    await harness.close();
    await provider.close();
  });

  it('names its key by the thumbprint of the certificate', async () => {
    const provider = await createTestProvider({ audience: API_AUDIENCE });
    const jwks = { keys: [publicKeyOf(client.cert)] };
    provider.updateClient({ token_endpoint_auth_method: 'private_key_jwt', jwks });
    const recording = new RecordingFetch();
    const harness = await startHarness({
      provider,
      oidc: {
        clientSecret: undefined,
        clientAuthMethod: 'private_key_jwt',
        clientKeys: [client.key],
        clientCert: client.cert,
        fetch: recording.fetch,
      },
    });
    expect((await harness.signIn(harness.browser())).status).toBe(200);
    const [form] = recording.forms('authorization_code');
    expect(decodeProtectedHeader(form?.['client_assertion'] ?? '')).toEqual({
      alg: 'ES256',
      'x5t#S256': thumbprintOf(client.cert),
    });
    await harness.close();
    await provider.close();
  });
});
