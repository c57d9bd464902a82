/** Token in, claims out: verifies what bearers present, as an access token for this API (RFC 9068 section 4, RFC 8725 section 3.12). */
import type { Clock } from '../clock.js';
import { InvalidTokenException } from '../errors/exceptions.js';
import type { OidcEvents } from '../observability/events.js';
import type { JsonObject } from '../provider/json.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import {
  ExpiredTokenError,
  numericDate,
  subjectOf,
  UnacceptableClaimError,
  unexpected,
  validateAudience,
  validateTimes,
} from './claims.js';
import { validateIssuer } from './issuer.js';
import { MAX_BEARER_LENGTH } from './jws.js';
import { isTokenFault, type SignatureVerifier } from './signature.verifier.js';
import type { VerifiedJws } from './verified-token.cache.js';

/** A verified access token. */
export interface VerifiedAccessToken {
  readonly issuer: string;
  readonly subject: string;
  readonly tenant: string | undefined;
  /** `sid` of the provider's session, where the provider puts it into access tokens. */
  readonly providerSessionId: string | undefined;
  readonly scopes: ReadonlySet<string>;
  readonly claims: JsonObject;
  /** Epoch seconds. */
  readonly expiresAt: number;
}

/** Types an access token may have (RFC 9068 section 2.1); older providers leave `typ` out or write `JWT`. */
const ACCESS_TOKEN_TYPES: readonly (string | undefined)[] = ['at+jwt', 'jwt', undefined];
/** Claims that only other kinds of token have: ID Tokens, logout tokens, security events. */
const FOREIGN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events'] as const;
/** Kinds that Keycloak names in a `typ` claim; its access tokens are `Bearer`. */
const FOREIGN_KINDS: readonly unknown[] = ['ID', 'Refresh', 'Offline', 'Logout', 'Initial', 'RegistrationAccessToken'];
const GRAPH = '00000003-0000-0000-c000-000000000000';

export class AccessTokenVerifier {
  constructor(
    private readonly provider: OpenIdProvider,
    private readonly signatures: SignatureVerifier,
    private readonly context: { readonly clock: Clock; readonly events: OidcEvents },
  ) {}

  /**
   * Verifies a bearer token. Checked: form, signature, type, issuer and tenant, audience, times, subject, that it is no other kind of token and not
   * bound to a key. Not checked: scopes, and whether it was revoked.
   *
   * @throws InvalidTokenException for whatever is wrong with the token
   * @throws ProviderUnavailableException when the provider's keys cannot be had
   */
  async verify(token: string): Promise<VerifiedAccessToken> {
    try {
      return await this.validate(await this.signatures.presented(token, MAX_BEARER_LENGTH));
    } catch (error) {
      if (!isTokenFault(error) && !(error instanceof UnacceptableClaimError)) throw error;
      throw this.rejection(error);
    }
  }

  private async validate(jws: VerifiedJws): Promise<VerifiedAccessToken> {
    const { options, metadata } = this.provider;
    const { claims } = jws;
    if (options.reusedToken === 'access_token') validateKind(jws);
    else validateIdTokenKind(jws, options.clientId);
    const { issuer: metadataIssuer } = await metadata.get();
    const tenant = validateIssuer(claims, { metadataIssuer, options, keyIssuer: jws.key.issuer });
    validateAudience(claims, options.acceptedAudiences);
    validateTimes(claims, { now: this.context.clock.now(), clockTolerance: options.clockTolerance });
    if ('cnf' in claims) unexpected('cnf', 'unsupported');
    return {
      issuer: tenant === undefined ? metadataIssuer : String(claims['iss']),
      subject: subjectOf(claims),
      tenant,
      providerSessionId: typeof claims['sid'] === 'string' ? claims['sid'] : undefined,
      scopes: scopesOf(claims),
      claims,
      expiresAt: numericDate(claims, 'exp') ?? 0,
    };
  }

  private rejection(error: unknown): InvalidTokenException {
    const reason = error instanceof Error ? error.message : 'unknown';
    this.context.events.emit({ type: 'token.rejected', issuer: this.provider.issuer, reason });
    // Bad signature, unknown key and malformed token look the same from outside; an expired token is told, so that clients refresh.
    const description =
      error instanceof ExpiredTokenError ? 'the access token has expired' : 'the access token is not valid';
    return new InvalidTokenException(description, error);
  }
}

function validateKind({ type, header, claims }: VerifiedJws): void {
  if (header['nonce'] !== undefined || claims['aud'] === GRAPH) {
    throw new UnacceptableClaimError(
      'aud',
      'the token is for Microsoft Graph and cannot be verified by others; request a scope of this API',
    );
  }
  if (!ACCESS_TOKEN_TYPES.includes(type)) throw new UnacceptableClaimError('typ', 'the token is no access token');
  if (FOREIGN_KINDS.includes(claims['typ'])) throw new UnacceptableClaimError('typ', 'the token is no access token');
  for (const name of FOREIGN_CLAIMS)
    if (name in claims) throw new UnacceptableClaimError(name, `an access token has no "${name}" claim`);
}

/** The ID Token as bearer, for providers whose access tokens are opaque: its own kind, issued to this client. */
function validateIdTokenKind({ type, claims }: VerifiedJws, clientId: string): void {
  if (type !== undefined && type !== 'jwt') throw new UnacceptableClaimError('typ', 'the token is no ID Token');
  if ('events' in claims || 'scope' in claims || 'scp' in claims)
    throw new UnacceptableClaimError('events', 'the token is no ID Token');
  if (claims['azp'] !== undefined && claims['azp'] !== clientId) unexpected('azp');
}

/** `scope` (RFC 9068 section 2.2.3) or Entra's `scp`, as one string or a list. */
function scopesOf(claims: JsonObject): ReadonlySet<string> {
  const value = claims['scope'] ?? claims['scp'];
  if (typeof value === 'string') return new Set(value.split(' ').filter((scope) => scope !== ''));
  return new Set(Array.isArray(value) ? value.filter((scope) => typeof scope === 'string') : []);
}
