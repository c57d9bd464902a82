/** Tells whether the halves of a key pair belong together: no parser looks, and the provider would refuse every signature. */
import { sign, verify, type KeyObject } from 'node:crypto';

const PROBE = Buffer.from('signed once at start');

/** True when what the private key signs is verified by the public one, and an RSA key agrees with itself. */
export function isPair(privateKey: KeyObject, publicKey: KeyObject): boolean {
  const digest = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  try {
    return verify(digest, PROBE, publicKey, sign(digest, PROBE, privateKey)) && agrees(privateKey);
  } catch {
    // The parts of an RSA key may be so far off that nothing can be signed.
    return false;
  }
}

/** An RSA key is signed with by its primes, so a wrong `d` beside them shows in its number only (RFC 8017 section 3.2). */
function agrees(key: KeyObject): boolean {
  if (key.asymmetricKeyType !== 'rsa') return true;
  const { d, e, p, q } = key.export({ format: 'jwk' });
  return [p, q].every((prime) => (numberOf(d) * numberOf(e)) % (numberOf(prime) - 1n) === 1n);
}

function numberOf(text = ''): bigint {
  return BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
}
