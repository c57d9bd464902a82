/** Verifies logout tokens (OpenID Connect Back-Channel Logout 1.0 section 2.6). */
import type { Clock } from '../clock.js';
import { isJsonObject, type JsonObject } from '../provider/json.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import {
  numericDate,
  stringClaim,
  subjectOf,
  unexpected,
  UnacceptableClaimError,
  validateAudience,
  validateTimes,
} from './claims.js';
import { validateIssuer } from './issuer.js';
import { MAX_BEARER_LENGTH } from './jws.js';
import { PresentedToken } from './presented-token.js';
import { good, isTokenFault, type SignatureVerifier } from './signature.verifier.js';
import type { VerifiedJws } from './verified-token.cache.js';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Section 2.4 recommends the first; older providers leave `typ` out or write `JWT`, and the event says what it is. */
const TYPES: readonly (string | undefined)[] = ['logout+jwt', 'jwt', undefined];
/** Seconds between the making of a logout token and its arrival. */
const MAX_AGE = 300;

export interface LogoutToken {
  readonly issuer: string;
  /** Names the one session at the provider that has ended. */
  readonly providerSessionId: string | undefined;
  /** Without a session: everything of this subject has ended. */
  readonly subject: string | undefined;
  readonly jti: string;
  /** Epoch seconds. */
  readonly expiresAt: number;
}

/** A logout token that is not acceptable; the cause says why. */
export class InvalidLogoutTokenError extends Error {
  override readonly name = 'InvalidLogoutTokenError';
}

export class LogoutTokenVerifier {
  constructor(
    private readonly provider: OpenIdProvider,
    private readonly signatures: SignatureVerifier,
    private readonly clock: Clock,
  ) {}

  /**
   * Verifies a logout token. Checked: form, type, signature, algorithm, issuer, audience, times and age, the event, no `nonce`, a `jti`, and `sid` or
   * `sub`. Not checked: whether the same token came before.
   *
   * @throws InvalidLogoutTokenError for whatever is wrong with the token
   * @throws ProviderUnavailableException when the provider's keys cannot be had
   */
  async verify(token: string): Promise<LogoutToken> {
    try {
      return await this.validate(good(await this.signatures.presented(new PresentedToken(token), MAX_BEARER_LENGTH)));
    } catch (error) {
      if (!isTokenFault(error) && !(error instanceof UnacceptableClaimError)) throw error;
      throw new InvalidLogoutTokenError(error.message, { cause: error });
    }
  }

  private async validate(jws: VerifiedJws): Promise<LogoutToken> {
    const { options, metadata } = this.provider;
    const { claims } = jws;
    const { issuer: metadataIssuer, id_token_signing_alg_values_supported: algorithms } = await metadata.get();
    if (!TYPES.includes(jws.type)) throw new UnacceptableClaimError('typ', 'the token is no logout token');
    if (algorithms !== undefined && !algorithms.includes(jws.algorithm)) unexpected('alg');
    validateIssuer(claims, { metadataIssuer, options, keyIssuer: jws.key.issuer });
    validateAudience(claims, [options.clientId]);
    this.validateAge(claims);
    validateEvent(claims);
    const jti = stringClaim(claims, 'jti') ?? unexpected('jti', 'missing');
    const providerSessionId = stringClaim(claims, 'sid');
    const subject = claims['sub'] === undefined ? undefined : subjectOf(claims);
    if (providerSessionId === undefined && subject === undefined) unexpected('sid', 'missing');
    return {
      issuer: String(claims['iss']),
      providerSessionId,
      subject,
      jti,
      expiresAt: numericDate(claims, 'exp') ?? 0,
    };
  }

  private validateAge(claims: JsonObject): void {
    const { clockTolerance } = this.provider.options;
    const now = this.clock.now();
    validateTimes(claims, { now, clockTolerance });
    const iat = numericDate(claims, 'iat') ?? unexpected('iat', 'missing');
    if (now - iat > MAX_AGE + clockTolerance) unexpected('iat', 'too old');
  }
}

/** The event is what makes it a logout token; a `nonce` would make it an ID Token (section 2.4). */
function validateEvent(claims: JsonObject): void {
  if ('nonce' in claims) unexpected('nonce', 'foreign');
  const { events } = claims;
  if (!isJsonObject(events) || !Object.hasOwn(events, EVENT) || !isJsonObject(events[EVENT]))
    unexpected('events', 'missing');
}
