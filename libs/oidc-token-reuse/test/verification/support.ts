/** Keys of every kind, tokens signed with them, and the verifiers of an issuer that publishes them. */
import { CompactSign, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { OidcEvents } from '../../src/observability/events.js';
import { AccessTokenVerifier } from '../../src/verification/access-token.verifier.js';
import { IdTokenVerifier } from '../../src/verification/id-token.verifier.js';
import { SignatureVerifier } from '../../src/verification/signature.verifier.js';
import { providerFor, type ProviderUnderTest } from '../provider/support.js';

export const API = 'https://api.example.com';
export const CLIENT_ID = 'web';

export interface TestKey {
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  /** As published. */
  readonly jwk: JWK;
}

export async function makeKey(algorithm: string, more: Readonly<Record<string, unknown>> = {}): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  return { algorithm, privateKey, jwk: { ...(await exportJWK(publicKey)), ...more } };
}

export type Claims = Readonly<Record<string, unknown>>;

/** A compact JWS over any claims; a header parameter of undefined is left out. */
export function sign(key: TestKey, claims: Claims, header: Claims = {}): Promise<string> {
  return signText(key, JSON.stringify(claims), header);
}

export function signText(key: TestKey, payload: string, header: Claims = {}): Promise<string> {
  return new CompactSign(Buffer.from(payload))
    .setProtectedHeader({ alg: key.algorithm, kid: key.jwk.kid, ...header } as { alg: string })
    .sign(key.privateKey);
}

export const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export interface VerifiersUnderTest extends ProviderUnderTest {
  readonly signatures: SignatureVerifier;
  readonly accessTokens: AccessTokenVerifier;
  readonly idTokens: IdTokenVerifier;
  /** Claims of an access token that is good now; undefined removes one. */
  accessClaims(more?: Claims): Claims;
  /** Claims of an ID Token that is good now; undefined removes one. */
  idClaims(more?: Claims): Claims;
}

/** The verifiers as the module makes them. */
export function verifiersFor(issuer: string, options: Partial<OidcModuleOptions> = {}): VerifiersUnderTest {
  const under = providerFor({ issuer, options: { clientId: CLIENT_ID, audience: [API], ...options } });
  const { provider, clock, recorder } = under;
  const signatures = new SignatureVerifier(provider);
  const common = (): Claims => ({ iss: issuer, sub: 'alice', iat: clock.now(), exp: clock.now() + 300 });
  return {
    ...under,
    signatures,
    accessTokens: new AccessTokenVerifier(provider, signatures, { clock, events: new OidcEvents(recorder) }),
    idTokens: new IdTokenVerifier(provider, signatures, clock),
    accessClaims: (more) => ({ ...common(), aud: API, client_id: CLIENT_ID, scope: 'read write', ...more }),
    idClaims: (more) => ({ ...common(), aud: CLIENT_ID, ...more }),
  };
}
