/** What the client proves itself with: a secret, a key that signs, or a key and a certificate for the connection. */
import { createHash, type X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ClientSecretBasic,
  ClientSecretPost,
  None,
  TlsClientAuth,
  type ClientAuth,
  type ServerMetadata,
} from 'openid-client';
import { certificateOf, readClientCertificates } from '../config/client-certificate.js';
import { readClientKeys, type ClientKey } from '../config/client-key.js';
import { fileContent, isPath, UnusableKeyError } from '../config/key-source.js';
import type { ClientSecretSource, OidcOptions } from '../config/options.js';
import { assertionBy } from './client-assertion.js';
import { MutualTls } from './mutual-tls.js';

export interface ClientCredential {
  /** The same for the same secret or key, and useless for anything else. */
  readonly digest: string;
  /** How openid-client authenticates a request to this provider. */
  readonly authenticate: (server: ServerMetadata) => ClientAuth | Promise<ClientAuth>;
  /** The certificate is part of the connection, and the endpoints are those of `mtls_endpoint_aliases` (RFC 8705 section 5). */
  readonly isMutualTls: boolean;
  readonly transport?: MutualTls;
}

/** True when the credential, or a part of it, is in a file. */
export function isInFiles({ clientSecretFile, clientKeys, clientCert }: OidcOptions): boolean {
  const certificates = clientCert === undefined ? [] : [clientCert];
  return clientSecretFile !== undefined || [...clientKeys, ...certificates].some(isPath);
}

/**
 * The client's credentials as they are now, in order of preference; at least one.
 *
 * @throws UnusableKeyError, or what a function that gives the secret throws
 */
export async function readCredentials(options: OidcOptions): Promise<readonly ClientCredential[]> {
  switch (options.clientAuthMethod) {
    case 'client_secret_basic':
      return [withSecret(ClientSecretBasic, await secretOf(options))];
    case 'client_secret_post':
      return [withSecret(ClientSecretPost, await secretOf(options))];
    case 'private_key_jwt':
      return withKeys(options);
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth':
      return [withCertificate(options)];
    case 'none':
      return [{ digest: '', authenticate: None, isMutualTls: false }];
  }
}

async function secretOf({ clientSecret, clientSecretFile, httpTimeout }: OidcOptions): Promise<string> {
  if (clientSecretFile !== undefined) return fileContent(clientSecretFile);
  const secret: unknown = typeof clientSecret === 'function' ? await inTime(clientSecret, httpTimeout) : clientSecret;
  if (typeof secret === 'string' && secret !== '') return secret;
  throw new UnusableKeyError('the function that gives the client secret gave none');
}

async function inTime(give: ClientSecretSource, timeout: number): Promise<unknown> {
  const given = new AbortController();
  const late = delay(timeout, undefined, { signal: given.signal }).then(() => {
    throw new UnusableKeyError('the function that gives the client secret took too long');
  });
  try {
    return await Promise.race([give(), late]);
  } finally {
    late.catch(() => {
      // The secret came in time.
    });
    given.abort();
  }
}

function withSecret(method: (secret: string) => ClientAuth, secret: string): ClientCredential {
  return { digest: digestOf(secret), authenticate: () => method(secret), isMutualTls: false };
}

function withKeys(options: OidcOptions): readonly ClientCredential[] {
  const certificates = certificatesOf(options);
  const keys = options.clientKeys.flatMap(readClientKeys);
  if (certificates.length > 0) assertPair(keys[0], certificates);
  return keys.map((key) => {
    const certificate = certificateOf(key, certificates);
    const authenticate = assertionBy(key, { discoveryUrl: options.discoveryUrl, certificate });
    return { digest: digestOf(pemOf(key), certificate?.fingerprint256, key.kid), authenticate, isMutualTls: false };
  });
}

function withCertificate(options: OidcOptions): ClientCredential {
  const [key] = options.clientKeys.flatMap(readClientKeys);
  const certificates = certificatesOf(options);
  // The application's own `fetch` has the certificate.
  if (key === undefined) return { digest: '', authenticate: TlsClientAuth, isMutualTls: true };
  assertPair(key, certificates.slice(0, 1));
  const identity = { key: pemOf(key), cert: certificates.join('') };
  return {
    digest: digestOf(identity.key, identity.cert),
    authenticate: TlsClientAuth,
    isMutualTls: true,
    transport: new MutualTls(identity),
  };
}

/** Two files are not replaced at once: until both are, the last pair serves. */
function assertPair(key: ClientKey | undefined, certificates: readonly X509Certificate[]): void {
  if (key !== undefined && certificateOf(key, certificates) !== undefined) return;
  throw new UnusableKeyError('the client certificate is not that of the client key');
}

function certificatesOf({ clientCert }: OidcOptions): readonly X509Certificate[] {
  return clientCert === undefined ? [] : readClientCertificates(clientCert);
}

function pemOf({ key }: ClientKey): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}

function digestOf(...parts: readonly (string | undefined)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
