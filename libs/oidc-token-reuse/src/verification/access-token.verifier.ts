/** Token in, claims out: verifies what bearers present, as an access token for this API (RFC 9068 section 4, RFC 8725 section 3.12). */
import type { Clock } from '../clock.js';
import { InvalidTokenException } from '../errors/exceptions.js';
import { withoutStack } from '../errors/oidc.exception.js';
import type { OidcEvents } from '../observability/events.js';
import type { JsonObject } from '../provider/json.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import {
  audiencesOf,
  ExpiredTokenError,
  faultOfTimes,
  stringClaim,
  subjectOf,
  UnacceptableClaimError,
  unexpected,
  validateAudience,
  validateTimes,
  type TimePolicy,
  type TokenTimes,
} from './claims.js';
import { issuerOf, validateIssuer } from './issuer.js';
import { MAX_BEARER_LENGTH, objectOf, type UnverifiedJws } from './jws.js';
import type { PresentedToken } from './presented-token.js';
import { BadSignatureError, isTokenFault, type SignatureVerifier, type TokenFault } from './signature.verifier.js';
import { rolesAt } from './roles.js';
import { Scopes } from './scopes.js';
import { requireAccessToken, requirePresentedIdToken } from './token-kind.js';
import { VerifiedTokenCache, type AcceptedToken, type VerifiedJws } from './verified-token.cache.js';

/** A verified access token. */
export interface VerifiedAccessToken {
  readonly issuer: string;
  readonly subject: string;
  readonly tenant: string | undefined;
  /** `sid` of the provider's session, where the provider puts it into access tokens. */
  readonly providerSessionId: string | undefined;
  readonly scopes: readonly string[];
  /** Roles at the configured path of its claims. */
  readonly roles: readonly string[];
  readonly claims: JsonObject;
  /** Epoch seconds. */
  readonly expiresAt: number;
}

/** Microsoft Graph as an audience, by id and by URL. */
const GRAPH: readonly unknown[] = ['00000003-0000-0000-c000-000000000000', 'https://graph.microsoft.com'];
const FOR_GRAPH =
  'the access token is for Microsoft Graph, which alone can verify it; request a scope of this API, and exchange the token on behalf of the end-user';

/** An accepted access token, with all that is looked at again at each use: the claims themselves are far away in memory. */
export interface AcceptedAccessToken extends AcceptedToken, TokenTimes {
  readonly verified: VerifiedAccessToken;
  readonly metadataIssuer: string;
  /** The value of `aud` that is ours. */
  readonly audience: string;
}

export class AccessTokenVerifier {
  private readonly scopes = new Scopes();
  private readonly cache: VerifiedTokenCache<AcceptedAccessToken, InvalidTokenException>;

  constructor(
    private readonly provider: OpenIdProvider,
    private readonly signatures: SignatureVerifier,
    private readonly context: { readonly clock: Clock; readonly events: OidcEvents },
  ) {
    const { jwksCache, maxVerifiedTokens, maxVerifiedTokenBytes: bytes, clockTolerance } = provider.options;
    const isOver = ({ expiresAt }: AcceptedToken): boolean => expiresAt <= context.clock.now() - clockTolerance;
    this.cache = new VerifiedTokenCache<AcceptedAccessToken, InvalidTokenException>(
      { entries: jwksCache ? maxVerifiedTokens : 0, bytes },
      isOver,
    );
  }

  /**
   * A token that was accepted before, if it would be again and nothing has to be waited for. Everything that may have changed is checked again: that
   * its key is still published, the issuer that the provider goes by, audience and times. Undefined says that `verify` has to decide.
   */
  known(token: PresentedToken): VerifiedAccessToken | undefined {
    const accepted = this.cache.find(token);
    if (accepted === undefined) return undefined;
    const { keys, metadata } = this.provider;
    const published = keys.atOnce();
    const current = metadata.atOnce();
    if (published === undefined || current === undefined) return undefined;
    if (published.has(accepted.key) && this.isStillGood(accepted, current.issuer)) return accepted.verified;
    this.cache.forget(token);
    return undefined;
  }

  /**
   * Verifies a bearer token, whether it was accepted before or not. Checked: form, signature, type, issuer and tenant, audience, times, subject, that it is
   * no other kind of token and not bound to a key. Not checked: scopes, and whether it was revoked.
   *
   * @returns what was accepted, or for whatever is wrong with the token its refusal: that is no error to throw, since anybody may cause it at will, and to
   *   throw it would cost more than to find it. At once where nothing has to be waited for.
   * @throws ProviderUnavailableException when the provider's keys cannot be had
   */
  verify(token: PresentedToken): InvalidTokenException | Promise<AcceptedAccessToken | InvalidTokenException> {
    return this.cache.verifyOnce(token, (end) => {
      const signed = this.signed(token);
      return signed instanceof Error ? this.refusal(signed) : this.accept(signed, end);
    });
  }

  /** Lets go of a token whose session has ended. */
  forget(token: PresentedToken): void {
    this.cache.forget(token);
  }

  /** Lets go of everything that is remembered. */
  close(): void {
    this.cache.close();
  }

  private signed(token: PresentedToken): Fault | Promise<VerifiedJws | BadSignatureError> {
    const isOfEntra = this.provider.options.preset === 'entra';
    try {
      return this.signatures.presented(token, MAX_BEARER_LENGTH, isOfEntra ? refuseGraphToken : refuseGraphHeader);
    } catch (error) {
      if (!isFault(error)) throw error;
      return error;
    }
  }

  private async accept(
    signed: Promise<VerifiedJws | BadSignatureError>,
    end: (accepted?: AcceptedAccessToken) => void,
  ): Promise<AcceptedAccessToken | InvalidTokenException> {
    let accepted: AcceptedAccessToken | undefined;
    try {
      const jws = await signed;
      if (jws instanceof BadSignatureError) return this.refusal(jws);
      const { metadata } = this.provider;
      const { issuer } = metadata.atOnce() ?? (await metadata.get());
      accepted = this.validate(jws, issuer);
      return accepted;
    } catch (error) {
      if (!isFault(error)) throw error;
      return this.refusal(error);
    } finally {
      end(accepted);
    }
  }

  private validate(jws: VerifiedJws, metadataIssuer: string): AcceptedAccessToken {
    const { options } = this.provider;
    const { claims, key } = jws;
    if (isForGraph(claims)) throw forGraph();
    if (options.reusedToken === 'access_token') requireAccessToken(jws);
    else requireIdTokenOf(options.acceptedAudiences, jws);
    const tenant = validateIssuer(claims, { metadataIssuer, options, keyIssuer: key.issuer });
    const audience = validateAudience(claims, options.acceptedAudiences);
    const { expiresAt, notBefore, issuedAt } = validateTimes(claims, this.timePolicy());
    if ('cnf' in claims) unexpected('cnf', 'unsupported');
    const verified = {
      issuer: issuerOf(metadataIssuer, tenant),
      subject: subjectOf(claims),
      tenant,
      providerSessionId: typeof claims['sid'] === 'string' ? claims['sid'] : undefined,
      scopes: this.scopes.of(claims),
      roles: Object.freeze(rolesAt(claims, options.rolePath)),
      claims,
      expiresAt,
    };
    return { key, expiresAt, notBefore, issuedAt, audience, metadataIssuer, verified };
  }

  /** What the caller is told, and the listener, of a token that is refused. */
  private refusal(fault: Fault): InvalidTokenException {
    this.context.events.emit({ type: 'token.rejected', issuer: this.provider.issuer, reason: fault.message });
    return withoutStack(() => new InvalidTokenException(descriptionOf(fault), fault));
  }

  private isStillGood(accepted: AcceptedAccessToken, currentIssuer: string): boolean {
    if (accepted.metadataIssuer !== currentIssuer) return false;
    if (!this.provider.options.acceptedAudiences.includes(accepted.audience)) return false;
    return faultOfTimes(accepted, this.timePolicy()) === undefined;
  }

  private timePolicy(): TimePolicy {
    return { now: this.context.clock.now(), clockTolerance: this.provider.options.clockTolerance };
  }
}

type Fault = TokenFault | UnacceptableClaimError;

function isFault(error: unknown): error is Fault {
  return isTokenFault(error) || error instanceof UnacceptableClaimError;
}

/** Its signature never verifies here, because Graph changes the header: it is recognised by what it says of itself, so that the reason can be told. */
function refuseGraphToken(jws: UnverifiedJws): void {
  refuseGraphHeader(jws);
  if (isForGraph(objectOf(Buffer.from(jws.payload, 'base64url')))) throw forGraph();
}

function refuseGraphHeader({ header }: UnverifiedJws): void {
  if ('nonce' in header) throw forGraph();
}

function isForGraph({ aud }: JsonObject): boolean {
  return GRAPH.includes(aud);
}

function forGraph(): UnacceptableClaimError {
  return new UnacceptableClaimError('aud', FOR_GRAPH);
}

/**
 * Bad signature, unknown key and malformed token look the same from outside; an expired token is told, so that clients refresh, and so is a token for
 * Microsoft Graph.
 */
function descriptionOf(error: Fault): string {
  if (error.message === FOR_GRAPH) return FOR_GRAPH;
  return error instanceof ExpiredTokenError ? 'the access token has expired' : 'the access token is not valid';
}

/** An ID Token issued to this client or to one whose id is accepted as audience (OpenID Connect Core section 3.1.3.7, 3 to 5). */
function requireIdTokenOf(accepted: readonly string[], jws: VerifiedJws): void {
  requirePresentedIdToken(jws);
  const azp = stringClaim(jws.claims, 'azp');
  if (azp === undefined && audiencesOf(jws.claims).length > 1) unexpected('azp', 'missing');
  if (azp !== undefined && !accepted.includes(azp)) unexpected('azp');
}
