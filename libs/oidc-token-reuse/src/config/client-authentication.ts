/** How the client proves who it is: each method with the credential that it needs, and nothing that it would not use. */
import type { X509Certificate } from 'node:crypto';
import { SystemClock } from '../clock.js';
import { certificateOf, readClientCertificates } from './client-certificate.js';
import { readClientKeys, type ClientKey } from './client-key.js';
import type { Findings, OptionName } from './findings.js';
import { fileContent, UnusableKeyError } from './key-source.js';
import type { Settings } from './option-shape.js';
import type { ClientAuthMethod } from './options.js';

type CredentialOption = 'clientSecret' | 'clientSecretFile' | 'clientKeys' | 'clientCert';
const CREDENTIALS: readonly CredentialOption[] = ['clientSecret', 'clientSecretFile', 'clientKeys', 'clientCert'];

/** What each method can use. */
const USES: Readonly<Record<ClientAuthMethod, readonly CredentialOption[]>> = {
  client_secret_basic: ['clientSecret', 'clientSecretFile'],
  client_secret_post: ['clientSecret', 'clientSecretFile'],
  private_key_jwt: ['clientKeys', 'clientCert'],
  tls_client_auth: ['clientKeys', 'clientCert'],
  self_signed_tls_client_auth: ['clientKeys', 'clientCert'],
  none: [],
};

/** `client_secret_basic` with a secret, `none` without (OpenID Connect Core section 9). */
export function authMethodOf({ clientAuthMethod, clientSecret, clientSecretFile }: Settings): ClientAuthMethod {
  const hasSecret = clientSecret !== undefined || clientSecretFile !== undefined;
  return clientAuthMethod ?? (hasSecret ? 'client_secret_basic' : 'none');
}

/** True for the methods of RFC 8705. */
function isMutualTls(method: ClientAuthMethod): boolean {
  return method === 'tls_client_auth' || method === 'self_signed_tls_client_auth';
}

/** Reports what does not go together, and key material that cannot be used; reads the files that are named. */
export function checkClient(settings: Settings, findings: Findings): void {
  const method = authMethodOf(settings);
  checkWhatIsNeeded(settings, method, findings);
  checkWhatIsUnused(settings, method, findings);
  checkSecretFile(settings, findings);
  checkKeys(settings, method, findings);
  if (method === 'none' && !settings.usePkce) {
    findings.problem(
      'usePkce',
      `must stay true without ${findings.nameOf('clientSecret')}: nothing else protects a public client`,
    );
  }
}

function checkWhatIsNeeded(settings: Settings, method: ClientAuthMethod, findings: Findings): void {
  const need = (option: CredentialOption): void => {
    if (!isSet(settings, option)) findings.problem('clientAuthMethod', `${method} needs ${findings.nameOf(option)}`);
  };
  if (method === 'private_key_jwt') need('clientKeys');
  // An application's own `fetch` presents the certificate by itself.
  if (isMutualTls(method) && settings.fetch === undefined) {
    need('clientKeys');
    need('clientCert');
  }
  if (USES[method].includes('clientSecret') && settings.clientSecretFile === undefined) need('clientSecret');
}

function checkWhatIsUnused(settings: Settings, method: ClientAuthMethod, findings: Findings): void {
  const { nameOf } = findings;
  const present = CREDENTIALS.filter((option) => isSet(settings, option));
  for (const option of present.filter((one) => !USES[method].includes(one))) {
    findings.problem('clientAuthMethod', `${method} would not use ${nameOf(option)}; remove one of the two`);
  }
  if (settings.clientSecret !== undefined && settings.clientSecretFile !== undefined)
    findings.problem('clientSecretFile', `is beside ${nameOf('clientSecret')}; remove one of the two`);
  if (isMutualTls(method) && settings.fetch !== undefined && present.length > 0)
    findings.problem('fetch', 'presents the certificate by itself; remove it, or the key and the certificate');
}

function checkSecretFile({ clientSecretFile }: Settings, findings: Findings): void {
  if (clientSecretFile !== undefined) attempt('clientSecretFile', findings, () => fileContent(clientSecretFile));
}

function checkKeys(settings: Settings, method: ClientAuthMethod, findings: Findings): void {
  const keys = settings.clientKeys.flatMap(
    (source) => attempt('clientKeys', findings, () => readClientKeys(source)) ?? [],
  );
  const { clientCert } = settings;
  const certificates =
    clientCert === undefined ? [] : (attempt('clientCert', findings, () => readClientCertificates(clientCert)) ?? []);
  const [first, second] = keys;
  if (isMutualTls(method) && second !== undefined)
    findings.problem('clientKeys', `holds several keys, and ${method} uses one; remove the others`);
  if (first === undefined || certificates.length === 0) return;
  checkPair(first, { certificates, method }, findings);
}

interface Pairing {
  readonly certificates: readonly X509Certificate[];
  readonly method: ClientAuthMethod;
}

function checkPair(key: ClientKey, { certificates, method }: Pairing, findings: Findings): void {
  // In TLS the client's own certificate comes first, then those that lead to its authority (RFC 8446 section 4.4.2).
  const certificate = certificateOf(key, isMutualTls(method) ? certificates.slice(0, 1) : certificates);
  if (certificate === undefined) {
    const where = isMutualTls(method) ? 'begin with' : 'hold';
    findings.problem(
      'clientCert',
      `does not ${where} the certificate of the first key of ${findings.nameOf('clientKeys')}`,
    );
    return;
  }
  const until = new Date(certificate.validTo);
  if (until.getTime() >= new SystemClock().millis()) return;
  findings.warn('clientCert', `has ended on ${until.toISOString().slice(0, 10)}; providers may refuse it`);
}

function isSet(settings: Settings, option: CredentialOption): boolean {
  const value = settings[option];
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

function attempt<Result>(option: OptionName, findings: Findings, read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnusableKeyError)) throw error;
    findings.problem(option, error.message);
    return undefined;
  }
}
