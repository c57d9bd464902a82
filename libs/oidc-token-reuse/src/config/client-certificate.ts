/** Certificates of the client: for mutual TLS (RFC 8705), and to name the key of an assertion by its thumbprint (RFC 7515 section 4.1.8). */
import { X509Certificate } from 'node:crypto';
import type { ClientKey } from './client-key.js';
import { contentOf, pemBlocks, UnusableKeyError } from './key-source.js';

/**
 * The certificates of a source, in order: PEM blocks, or the path of a file with such.
 *
 * @throws UnusableKeyError when there is none, or one that cannot be read
 */
export function readClientCertificates(source: string): readonly X509Certificate[] {
  const blocks = pemBlocks(contentOf(source)).filter(({ label }) => label === 'CERTIFICATE');
  if (blocks.length === 0)
    throw new UnusableKeyError('holds no certificate; give a PEM block, or the path of a file with one');
  return blocks.map(({ text }) => parse(text));
}

/** The certificate of a key, if it is there. */
export function certificateOf(
  { key }: ClientKey,
  certificates: readonly X509Certificate[],
): X509Certificate | undefined {
  return certificates.find((certificate) => certificate.checkPrivateKey(key));
}

function parse(text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw new UnusableKeyError('holds a certificate that cannot be read; it is damaged or cut off');
  }
}
