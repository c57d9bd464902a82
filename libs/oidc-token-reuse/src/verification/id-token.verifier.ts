/** Verifies ID Tokens that the provider sends us (OpenID Connect Core sections 3.1.3.7 and 12.2). */
import { hash } from 'node:crypto';
import type { Clock } from '../clock.js';
import { ReportableError } from '../observability/reason.js';
import type { JsonObject } from '../provider/json.js';
import type { SigningAlgorithm } from '../provider/jwk-set.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import {
  audiencesOf,
  numericDate,
  stringClaim,
  subjectOf,
  unexpected,
  UnacceptableClaimError,
  validateTimes,
} from './claims.js';
import { validateIssuer } from './issuer.js';
import { MAX_ID_TOKEN_LENGTH } from './jws.js';
import { isTokenFault, type SignatureVerifier } from './signature.verifier.js';
import { requireIdToken } from './token-kind.js';
import type { VerifiedJws } from './verified-token.cache.js';

export interface IdToken {
  readonly issuer: string;
  readonly subject: string;
  readonly tenant: string | undefined;
  /** `sid`, the provider's session (Back-Channel Logout 1.0 section 2.1). */
  readonly providerSessionId: string | undefined;
  readonly claims: JsonObject;
}

export interface IdTokenExpectations {
  /** The `nonce` of the authorization request; undefined for an ID Token of a refresh, which usually has none. */
  readonly nonce: string | undefined;
  /** The access token that came with it, for `at_hash`. */
  readonly accessToken: string;
  /** `max_age` of the authorization request, in seconds. */
  readonly maxAge: number | undefined;
}

/** An ID Token that is not acceptable; the cause says why. */
export class InvalidIdTokenError extends ReportableError {
  override readonly name = 'InvalidIdTokenError';
}

export class IdTokenVerifier {
  constructor(
    private readonly provider: OpenIdProvider,
    private readonly signatures: SignatureVerifier,
    private readonly clock: Clock,
  ) {}

  /**
   * Verifies an ID Token. Checked: form, signature, algorithm, issuer and tenant, audience, `azp`, times, subject, and `nonce`, `at_hash`,
   * `auth_time` as far as expected. Not checked: `acr`, which the guard decides on.
   *
   * @throws InvalidIdTokenError for whatever is wrong with the token
   * @throws ProviderUnavailableException when the provider's keys cannot be had
   */
  async verify(idToken: string, expectations: IdTokenExpectations): Promise<IdToken> {
    try {
      return await this.validate(await this.signatures.received(idToken, MAX_ID_TOKEN_LENGTH), expectations);
    } catch (error) {
      if (!isTokenFault(error) && !(error instanceof UnacceptableClaimError)) throw error;
      throw new InvalidIdTokenError(error.message, { cause: error });
    }
  }

  private async validate(jws: VerifiedJws, expectations: IdTokenExpectations): Promise<IdToken> {
    const { options, metadata } = this.provider;
    const { claims } = jws;
    const { issuer: metadataIssuer, id_token_signing_alg_values_supported: algorithms } = await metadata.get();
    requireIdToken(jws);
    if (algorithms !== undefined && !algorithms.includes(jws.algorithm))
      throw new UnacceptableClaimError('alg', 'the provider does not sign with this algorithm');
    const tenant = validateIssuer(claims, { metadataIssuer, options, keyIssuer: jws.key.issuer });
    validateAuthorizedParty(claims, options.clientId);
    if (numericDate(claims, 'iat') === undefined) unexpected('iat', 'missing');
    validateTimes(claims, { now: this.clock.now(), clockTolerance: options.clockTolerance });
    this.validateExpectations(jws, expectations);
    const subject = subjectOf(claims);
    return { issuer: String(claims['iss']), subject, tenant, providerSessionId: stringClaim(claims, 'sid'), claims };
  }

  private validateExpectations(
    { claims, algorithm }: VerifiedJws,
    { nonce, accessToken, maxAge }: IdTokenExpectations,
  ): void {
    if (nonce !== undefined && claims['nonce'] !== nonce) unexpected('nonce');
    const atHash = stringClaim(claims, 'at_hash');
    if (atHash !== undefined && atHash !== halfHash(accessToken, algorithm)) unexpected('at_hash');
    if (maxAge !== undefined) this.validateAuthTime(claims, maxAge);
  }

  /** With `max_age` requested, `auth_time` is required and recent enough (OpenID Connect Core section 3.1.2.1). */
  private validateAuthTime(claims: JsonObject, maxAge: number): void {
    const authTime = numericDate(claims, 'auth_time') ?? unexpected('auth_time', 'missing');
    if (this.clock.now() - authTime > maxAge + this.provider.options.clockTolerance) unexpected('auth_time', 'too old');
  }
}

/** `aud` contains our client id; with several audiences `azp` is required, and it is always our client id (section 3.1.3.7, 3 to 5). */
function validateAuthorizedParty(claims: JsonObject, clientId: string): void {
  const audiences = audiencesOf(claims);
  const azp = stringClaim(claims, 'azp');
  if (!audiences.includes(clientId)) unexpected('aud');
  if (audiences.length > 1 && azp === undefined) unexpected('azp', 'missing');
  if (azp !== undefined && azp !== clientId) unexpected('azp');
}

/** The left half of the hash that belongs to the signing algorithm (OpenID Connect Core section 3.1.3.6). */
function halfHash(value: string, algorithm: SigningAlgorithm): string {
  const digest = hash(hashOf(algorithm), value, 'buffer');
  return digest.toString('base64url', 0, digest.length / 2);
}

function hashOf(algorithm: SigningAlgorithm): string {
  // Ed25519 hashes with SHA-512 inside (RFC 8032); the others name their hash.
  if (algorithm.endsWith('256')) return 'sha256';
  return algorithm.endsWith('384') ? 'sha384' : 'sha512';
}
