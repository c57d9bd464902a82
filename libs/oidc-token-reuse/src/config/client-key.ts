/** Private keys of the client (RFC 7523, RFC 8705): read from PEM or JWK, and refused before the first request when they cannot sign. */
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { isPair } from './key-pair.js';
import { contentOf, pemBlocks, UnusableKeyError, type PemBlock } from './key-source.js';

export interface ClientKey {
  readonly key: KeyObject;
  /** JOSE algorithms that the key can sign with, in order of preference; one when the JWK names it. */
  readonly algorithms: readonly string[];
  /** `kid` of the JWK. */
  readonly kid: string | undefined;
}

const RSA_ALGORITHMS = ['RS256', 'PS256', 'RS384', 'PS384', 'RS512', 'PS512'] as const;
/** RFC 7518 section 3.3. */
const MIN_RSA_BITS = 2048;
const CURVES: ReadonlyMap<string | undefined, readonly string[]> = new Map([
  ['prime256v1', ['ES256']],
  ['secp384r1', ['ES384']],
  ['secp521r1', ['ES512']],
]);

/**
 * The private keys of a source, the first first: PEM blocks (PKCS #8, PKCS #1 or SEC 1), a JWK, a JWK Set, or the path of a file with such.
 *
 * @throws UnusableKeyError when there is none, or one that cannot be used
 */
export function readClientKeys(source: string): readonly ClientKey[] {
  const content = contentOf(source);
  const keys = content.trimStart().startsWith('{') ? fromJson(content) : pemKeys(content).map(fromPem);
  if (keys.length > 0) return keys;
  throw new UnusableKeyError('holds no private key; give a PEM block or a JWK, or the path of a file with one');
}

function pemKeys(text: string): readonly PemBlock[] {
  const blocks = pemBlocks(text);
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'));
  if (keys.length === 0 && blocks.length > 0)
    throw new UnusableKeyError('holds a public key or a certificate only; give the private key');
  return keys;
}

function fromPem({ label, text }: PemBlock): ClientKey {
  if (label.startsWith('ENCRYPTED') || text.includes('Proc-Type: 4,ENCRYPTED'))
    throw new UnusableKeyError('is encrypted; decrypt it, such as with: openssl pkey -in key.pem -out plain.pem');
  const key = parsed(() => createPrivateKey(text));
  return checked(key, createPublicKey(key));
}

function fromJson(text: string): readonly ClientKey[] {
  const document = parsed(() => JSON.parse(text) as JsonWebKey & { readonly keys?: unknown }); // read member by member, by Node's own checks
  const jwks = Array.isArray(document.keys) ? (document.keys as JsonWebKey[]) : [document];
  return jwks.map(fromJwk);
}

function fromJwk(jwk: JsonWebKey): ClientKey {
  if (jwk.kty === 'oct') throw notSigning();
  if (typeof jwk.d !== 'string') throw new UnusableKeyError('holds a public JWK only; give the private one');
  const privateKey = parsed(() => createPrivateKey({ key: jwk, format: 'jwk' }));
  // Of an OKP key Node takes the private part alone, and makes the public one anew.
  const { key, algorithms } = checked(
    privateKey,
    parsed(() => createPublicKey({ key: jwk, format: 'jwk' })),
  );
  const { kid, alg } = jwk;
  if (alg !== undefined && !algorithms.some((one) => one === alg))
    throw new UnusableKeyError('names an "alg" that its key cannot sign with; correct it or leave it out');
  return {
    key,
    algorithms: typeof alg === 'string' ? [alg] : algorithms,
    kid: typeof kid === 'string' ? kid : undefined,
  };
}

function checked(key: KeyObject, publicKey: KeyObject): ClientKey {
  const algorithms = algorithmsOf(key);
  if (!isPair(key, publicKey))
    throw new UnusableKeyError('holds a private key that does not belong to its public part; export the pair anew');
  return { key, algorithms, kid: undefined };
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  if (asymmetricKeyType === 'rsa') {
    if ((asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS) return RSA_ALGORITHMS;
    throw new UnusableKeyError(`holds an RSA key of fewer than ${MIN_RSA_BITS} bits; make a longer one`);
  }
  if (asymmetricKeyType === 'ed25519') return ['EdDSA', 'Ed25519'];
  const algorithms = asymmetricKeyType === 'ec' ? CURVES.get(asymmetricKeyDetails?.namedCurve) : undefined;
  if (algorithms === undefined) throw notSigning();
  return algorithms;
}

function notSigning(): UnusableKeyError {
  return new UnusableKeyError('holds a key of another kind; use RSA, EC on P-256, P-384 or P-521, or Ed25519');
}

/** What a parser says about a key may repeat it, so it goes no further. */
function parsed<Result>(parse: () => Result): Result {
  try {
    return parse();
  } catch {
    throw new UnusableKeyError('holds a private key that cannot be read; it is damaged or cut off');
  }
}
