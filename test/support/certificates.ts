/** Keys and certificates that live as long as a test, made without any program. */
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const HOUR_MS = 3_600_000;
const SIGNING = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** In PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

interface Holder {
  readonly name: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

export interface CertificateOptions {
  /** Hours until the certificate ends; negative: it has ended. Default is a day. */
  readonly hours?: number;
}

cryptoProvider.set(webcrypto);

/** An authority that nobody else trusts. */
export class CertificateAuthority {
  private constructor(
    private readonly holder: Holder,
    /** Its own certificate, in PEM. */
    readonly cert: string,
  ) {}

  static async create(): Promise<CertificateAuthority> {
    const holder = { name: 'A private authority', keys: await newKeys() };
    return new CertificateAuthority(holder, await certify(holder, { by: holder, isAuthority: true }));
  }

  /** A certificate for a client or a server: its common name, also as a DNS name, and the loopback address. */
  async issue(name: string, options: CertificateOptions = {}): Promise<Identity> {
    const holder = { name, keys: await newKeys() };
    return { key: await privatePem(holder.keys), cert: await certify(holder, { by: this.holder, ...options }) };
  }
}

/** A certificate that vouches for itself. */
export async function selfSigned(name: string, options: CertificateOptions = {}): Promise<Identity> {
  const holder = { name, keys: await newKeys() };
  return { key: await privatePem(holder.keys), cert: await certify(holder, { by: holder, ...options }) };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(SIGNING, true, ['sign', 'verify']);
}

async function privatePem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY');
}

interface Certification extends CertificateOptions {
  readonly by: Holder;
  readonly isAuthority?: boolean;
}

async function certify(
  { name, keys }: Holder,
  { by, isAuthority = false, hours = 24 }: Certification,
): Promise<string> {
  const end = Date.now() + hours * HOUR_MS;
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: `CN=${by.name}`,
    notBefore: new Date(Math.min(Date.now(), end) - HOUR_MS),
    notAfter: new Date(end),
    publicKey: keys.publicKey,
    signingKey: by.keys.privateKey,
    signingAlgorithm: SIGNING,
    extensions: [
      new BasicConstraintsExtension(isAuthority, undefined, true),
      ...(isAuthority ? [new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true)] : [namesOf(name)]),
    ],
  });
  return certificate.toString('pem');
}

function namesOf(name: string): SubjectAlternativeNameExtension {
  return new SubjectAlternativeNameExtension([
    { type: 'dns', value: name },
    { type: 'ip', value: '127.0.0.1' },
  ]);
}
