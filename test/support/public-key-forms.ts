/** A public RSA key as bytes that a verifier might take for a secret: the classic confusion of algorithms (RFC 8725 section 2.1). */
import { createPublicKey } from 'node:crypto';
import type { TestProvider } from 'nestjs-oidc-token-reuse-testing';

/** Every form of the provider's current key by its name. */
export function publicKeyForms(provider: TestProvider): Readonly<Record<string, Uint8Array>> {
  const { kid } = provider.keys.current;
  const jwk = provider.keys.publicJwks().keys.find((key) => key.kid === kid) ?? {};
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const pem = key.export({ type: 'spki', format: 'pem' }).toString();
  const { n = '', e = '' } = jwk;
  const ssh = Buffer.concat(['ssh-rsa', Buffer.from(e, 'base64url'), mpint(n)].map(lengthPrefixed)).toString('base64');
  return {
    PEM: Buffer.from(pem),
    'PEM without the last line break': Buffer.from(pem.trim()),
    'PEM of PKCS #1': Buffer.from(key.export({ type: 'pkcs1', format: 'pem' })),
    DER: key.export({ type: 'spki', format: 'der' }),
    'DER of PKCS #1': key.export({ type: 'pkcs1', format: 'der' }),
    SSH: Buffer.from(`ssh-rsa ${ssh}`),
    JWK: Buffer.from(JSON.stringify(jwk)),
    'JWK of RFC 7638': Buffer.from(JSON.stringify({ e, kty: 'RSA', n })),
    'JWK Set': Buffer.from(JSON.stringify(provider.keys.publicJwks())),
    modulus: Buffer.from(n, 'base64url'),
    'modulus in base64url': Buffer.from(n),
  };
}

/** RFC 4251 section 5: a leading zero keeps the number positive. */
function mpint(base64url: string): Buffer {
  return Buffer.concat([Buffer.of(0), Buffer.from(base64url, 'base64url')]);
}

function lengthPrefixed(part: string | Buffer): Buffer {
  const bytes = Buffer.from(part);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
