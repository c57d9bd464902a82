/** Client authentication as it is configured; what needs certificates is in the workspace's `test/config`. */
import { createPrivateKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readClientKeys } from '../../src/config/client-key.js';
import { readEnvironment } from '../../src/config/environment.js';
import { resolveOptions } from '../../src/config/resolve-options.js';
import { ENVIRONMENT, OPTIONS, problemsOf } from './valid-options.js';

const problems = (changes: Readonly<Record<string, unknown>>) =>
  problemsOf(() => resolveOptions({ ...OPTIONS, ...changes }));
const keyProblems = (...clientKeys: readonly string[]) =>
  problems({ clientAuthMethod: 'private_key_jwt', clientKeys }).map(({ setting, message }) => `${setting}: ${message}`);

const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
const spki = { type: 'spki', format: 'pem' } as const;
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey;
const P256 = ec('P-256');
const EC_PEM = P256.privateKey.export(pkcs8).toString();
const JWK = P256.privateKey.export({ format: 'jwk' });
const RSA = rsa(2048);

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keys-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function fileWith(content: string): string {
  const path = join(folder, `${String(Math.random())}.txt`);
  writeFileSync(path, content);
  return path;
}

describe('what each method needs', () => {
  it.each([
    ['client_secret_basic', ['client_secret_basic needs clientSecret']],
    ['client_secret_post', ['client_secret_post needs clientSecret']],
    ['private_key_jwt', ['private_key_jwt needs clientKeys']],
    ['tls_client_auth', ['tls_client_auth needs clientKeys', 'tls_client_auth needs clientCert']],
    [
      'self_signed_tls_client_auth',
      ['self_signed_tls_client_auth needs clientKeys', 'self_signed_tls_client_auth needs clientCert'],
    ],
    ['none', []],
  ])('%s', (clientAuthMethod, messages) => {
    expect(problems({ clientAuthMethod })).toEqual(
      messages.map((message) => ({ setting: 'clientAuthMethod', message })),
    );
  });

  it.each([
    ['none', { clientSecret: 'secret' }, 'none would not use clientSecret; remove one of the two'],
    ['none', { clientSecret: () => 'secret' }, 'none would not use clientSecret; remove one of the two'],
    [undefined, { clientKeys: [EC_PEM] }, 'none would not use clientKeys; remove one of the two'],
    [
      'private_key_jwt',
      { clientKeys: [EC_PEM], clientSecret: 'secret' },
      'private_key_jwt would not use clientSecret; remove one of the two',
    ],
    [
      'client_secret_post',
      { clientKeys: [EC_PEM], clientSecret: 'secret' },
      'client_secret_post would not use clientKeys; remove one of the two',
    ],
  ])('%s refuses a credential that it would not use', (clientAuthMethod, credential, message) => {
    expect(problems({ clientAuthMethod, ...credential })).toEqual([{ setting: 'clientAuthMethod', message }]);
  });

  it('a secret and a file with one are not given together', () => {
    expect(problems({ clientSecret: 'secret', clientSecretFile: fileWith('secret') })).toEqual([
      { setting: 'clientSecretFile', message: 'is beside clientSecret; remove one of the two' },
    ]);
  });

  it.each([{ clientSecret: () => 'secret' }, { clientSecret: () => Promise.resolve('secret') }])(
    'a function that gives the secret makes it client_secret_basic',
    (credential) => {
      const resolved = resolveOptions({ ...OPTIONS, ...credential });
      expect(resolved.clientAuthMethod).toBe('client_secret_basic');
      expect(resolved.clientSecret).toBe(credential.clientSecret);
    },
  );

  it('a file with the secret makes it client_secret_basic', () => {
    const { clientAuthMethod } = resolveOptions({ ...OPTIONS, clientSecretFile: fileWith('secret\n') });
    expect(clientAuthMethod).toBe('client_secret_basic');
  });

  it('mutual TLS needs no key where fetch presents the certificate', () => {
    expect(problems({ clientAuthMethod: 'tls_client_auth', fetch: globalThis.fetch })).toEqual([]);
  });

  it.each(['', '\n \n'])('a file with %p holds no secret', (content) => {
    expect(problems({ clientSecretFile: fileWith(content) })).toEqual([
      { setting: 'clientSecretFile', message: 'names a file that is empty' },
    ]);
  });
});

describe('keys that are read', () => {
  const jwkText = JSON.stringify({ ...JWK, kid: 'first' });
  const pkcs1 = RSA.export({ type: 'pkcs1', format: 'pem' }).toString();
  const sec1 = P256.privateKey.export({ type: 'sec1', format: 'pem' }).toString();
  const RSA_ALGORITHMS = ['RS256', 'PS256', 'RS384', 'PS384', 'RS512', 'PS512'];

  it.each([
    ['PKCS #8', EC_PEM, ['ES256']],
    ['PKCS #1', pkcs1, RSA_ALGORITHMS],
    [
      'SEC 1 with its parameters',
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${sec1}`,
      ['ES256'],
    ],
    ['\\n written out', EC_PEM.replaceAll('\n', '\\n'), ['ES256']],
    ['text before and after', `Bag Attributes\n${EC_PEM}\ntrailer`, ['ES256']],
    ['a certificate beside', `${EC_PEM}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`, ['ES256']],
    ['P-384', ec('P-384').privateKey.export(pkcs8).toString(), ['ES384']],
    ['P-521', ec('P-521').privateKey.export(pkcs8).toString(), ['ES512']],
    ['Ed25519', generateKeyPairSync('ed25519').privateKey.export(pkcs8).toString(), ['EdDSA', 'Ed25519']],
    ['a JWK', jwkText, ['ES256']],
    ['a JWK that names its algorithm', JSON.stringify({ ...RSA.export({ format: 'jwk' }), alg: 'PS256' }), ['PS256']],
  ])('%s', (_, source, algorithms) => {
    for (const given of [source, fileWith(source)]) {
      expect(readClientKeys(given).map((key) => key.algorithms)).toEqual([algorithms]);
    }
    expect(keyProblems(source)).toEqual([]);
  });

  it('keeps the kid of a JWK, and the order of a JWK Set and of PEM blocks', () => {
    const other = ec('P-384').privateKey;
    const set = {
      keys: [
        { ...JWK, kid: 'first' },
        { ...other.export({ format: 'jwk' }), kid: 'second' },
      ],
    };
    expect(readClientKeys(JSON.stringify(set)).map(({ kid }) => kid)).toEqual(['first', 'second']);
    const blocks = EC_PEM + other.export(pkcs8).toString();
    expect(readClientKeys(blocks).map(({ algorithms }) => algorithms[0])).toEqual(['ES256', 'ES384']);
  });

  it('from the environment: a value, or paths with commas between', () => {
    const keysOf = (OPENID_CLIENT_KEY: string) =>
      readEnvironment({
        ...ENVIRONMENT,
        OPENID_CLIENT_KEY,
        OPENID_TOKEN_ENDPOINT_AUTH_METHOD: 'private_key_jwt',
      }).options.clientKeys;
    const [one, two] = [fileWith(EC_PEM), fileWith(jwkText)];
    expect(keysOf(jwkText)).toEqual([jwkText]);
    expect(keysOf(EC_PEM)).toEqual([EC_PEM.trim()]);
    expect(keysOf(`${one}, ${two}`)).toEqual([one, two]);
  });
});

describe('keys that are refused', () => {
  const NO_KEY = 'clientKeys: holds no private key; give a PEM block or a JWK, or the path of a file with one';
  const DAMAGED = 'clientKeys: holds a private key that cannot be read; it is damaged or cut off';
  const OTHER_KIND = 'clientKeys: holds a key of another kind; use RSA, EC on P-256, P-384 or P-521, or Ed25519';
  const NO_PAIR = 'clientKeys: holds a private key that does not belong to its public part; export the pair anew';
  const encrypted = { ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'hush' };
  const ENCRYPTED = 'clientKeys: is encrypted; decrypt it, such as with: openssl pkey -in key.pem -out plain.pem';
  const NO_FILE = (code: string) =>
    `clientKeys: names a file that cannot be read (${code}); check the path and its permissions`;

  it.each([
    ['a missing file', '/nowhere/key.pem', NO_FILE('ENOENT')],
    ['a folder', tmpdir(), NO_FILE('EISDIR')],
    ['a key without its armour', EC_PEM.split('\n')[1] ?? '', NO_FILE('ENOENT')],
    ['an empty file', '', 'clientKeys: names a file that is empty'],
    ['a file of something else', 'hello', NO_KEY],
    ['an empty JWK Set', '{"keys":[]}', NO_KEY],
    ['a block that does not end', EC_PEM.slice(0, 80), NO_KEY],
    ['a damaged block', EC_PEM.replace(/[A-Za-z0-9]{20}/, 'A'.repeat(20)), DAMAGED],
    ['damaged JSON', '{"kty":"EC", secret', DAMAGED],
    ['a damaged JWK', JSON.stringify({ ...JWK, x: 'AA' }), DAMAGED],
    [
      'a public key',
      P256.publicKey.export(spki).toString(),
      'clientKeys: holds a public key or a certificate only; give the private key',
    ],
    [
      'a public JWK',
      JSON.stringify(P256.publicKey.export({ format: 'jwk' })),
      'clientKeys: holds a public JWK only; give the private one',
    ],
    ['an encrypted key', P256.privateKey.export(encrypted).toString(), ENCRYPTED],
    ['a key encrypted as of old', RSA.export({ ...encrypted, type: 'pkcs1' }).toString(), ENCRYPTED],
    [
      'a short RSA key',
      rsa(1024).export(pkcs8).toString(),
      'clientKeys: holds an RSA key of fewer than 2048 bits; make a longer one',
    ],
    ['a shared secret', '{"kty":"oct","k":"c2VjcmV0"}', OTHER_KIND],
    ['another curve', ec('secp256k1').privateKey.export(pkcs8).toString(), OTHER_KIND],
    ['a key for agreement', generateKeyPairSync('x25519').privateKey.export(pkcs8).toString(), OTHER_KIND],
    [
      'a JWK for another algorithm',
      JSON.stringify({ ...JWK, alg: 'RS256' }),
      'clientKeys: names an "alg" that its key cannot sign with; correct it or leave it out',
    ],
  ])('%s', (what, source, message) => {
    const given = what.includes('file') && !source.startsWith('/') ? fileWith(source) : source;
    expect(keyProblems(given)).toEqual([message]);
  });

  describe('halves that belong to two keys', () => {
    const jwkOf = (key: KeyObject): JsonWebKey => key.export({ format: 'jwk' });
    const ed25519 = () => generateKeyPairSync('ed25519').privateKey;
    const [okp, p521] = [jwkOf(ed25519()), jwkOf(ec('P-521').privateKey)];
    const [rsaJwk, otherRsa] = [jwkOf(RSA), jwkOf(rsa(2048))];

    it.each([
      ['EC', { ...JWK, d: jwkOf(ec('P-256').privateKey).d }],
      ['EC on P-521', { ...p521, d: jwkOf(ec('P-521').privateKey).d }],
      ['OKP', { ...okp, d: jwkOf(ed25519()).d }],
      ['RSA', { ...otherRsa, n: rsaJwk.n }],
      ['RSA, where d alone is of another', { ...rsaJwk, d: otherRsa.d }],
      ['RSA, where the primes are no primes', { ...rsaJwk, p: 'AA', q: 'AQ' }],
    ])('%s', (_kind, jwk) => {
      expect(keyProblems(JSON.stringify(jwk))).toEqual([NO_PAIR]);
      expect(keyProblems(JSON.stringify({ keys: [JWK, jwk] }))).toEqual([NO_PAIR]);
    });

    it('in a PEM block', () => {
      const { d = '' } = jwkOf(ec('P-256').privateKey);
      const key = createPrivateKey({ key: { ...JWK, d }, format: 'jwk' });
      expect(keyProblems(key.export(pkcs8).toString())).toEqual([NO_PAIR]);
    });
  });

  it('says nothing of a key, whatever is wrong with it', () => {
    const damaged = EC_PEM.split('\n')[1] ?? '';
    const environment = {
      ...ENVIRONMENT,
      OPENID_CLIENT_KEY: damaged,
      OPENID_CLIENT_CERT: EC_PEM,
      OPENID_CLAIMS: damaged,
    };
    const action = () => readEnvironment(environment);
    expect(problemsOf(action).map(({ setting }) => setting)).toEqual([
      'OPENID_CLAIMS',
      'OPENID_TOKEN_ENDPOINT_AUTH_METHOD',
      'OPENID_TOKEN_ENDPOINT_AUTH_METHOD',
      'OPENID_CLIENT_KEY',
      'OPENID_CLIENT_CERT',
    ]);
    expect(JSON.stringify(problemsOf(action))).not.toContain(damaged.slice(0, 16));
  });
});
