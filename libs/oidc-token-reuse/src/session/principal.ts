/** Who makes a request: the end-user as this application knows them, with the live access token out of sight. */
import type { Secret } from '../observability/secret.js';
import type { JsonObject } from '../provider/json.js';
import type { Session } from './session.js';
import type { VerifiedAccessToken } from '../verification/access-token.verifier.js';

export interface PrincipalParts {
  readonly kind: 'bearer' | 'session';
  readonly issuer: string;
  readonly subject: string;
  readonly tenant: string | undefined;
  readonly claims: JsonObject;
  readonly roles: readonly string[];
  /** Epoch seconds. */
  readonly expiresAt: number;
  /** The token presented, or the session's; undefined when tokens are not reused. */
  readonly accessToken: Secret | undefined;
  /** Its verified form; undefined when it is opaque or for another API. */
  readonly verified: VerifiedAccessToken | undefined;
  /** The session, when that is how the request was authenticated. */
  readonly session?: Session;
}

const NONE: readonly string[] = Object.freeze([]);

/**
 * The principal of a request, on `request.user`. Its identity is the pair of `issuer` and `subject`; an e-mail address never is
 * (OpenID Connect Core section 5.7). Printing it, as JSON or otherwise, shows no token.
 *
 * @publicApi
 */
export class Principal {
  /** How the request was authenticated: a bearer token, or the session cookie. */
  readonly kind: 'bearer' | 'session';
  readonly issuer: string;
  readonly subject: string;
  /** Tenant of the provider, where it has tenants. */
  readonly tenant: string | undefined;
  /** Verified claims: of the ID Token in a session, of the access token for a bearer. */
  readonly claims: JsonObject;
  /** Scopes of the verified access token; empty when it is opaque. */
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** Epoch seconds at which the access token expires. */
  readonly expiresAt: number;
  /** What the application's `PrincipalResolver` returned. */
  user: unknown;
  readonly #accessToken: Secret | undefined;
  readonly #verified: VerifiedAccessToken | undefined;
  readonly #session: Session | undefined;

  constructor(parts: PrincipalParts) {
    this.kind = parts.kind;
    this.issuer = parts.issuer;
    this.subject = parts.subject;
    this.tenant = parts.tenant;
    this.claims = parts.claims;
    this.scopes = parts.verified?.scopes ?? NONE;
    this.roles = parts.roles;
    this.expiresAt = parts.expiresAt;
    this.#accessToken = parts.accessToken;
    this.#verified = parts.verified;
    this.#session = parts.session;
  }

  /** The live access token. */
  get accessToken(): Secret | undefined {
    return this.#accessToken;
  }

  /** The session of the request, undefined for a bearer. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** The access token's verified form, if it is a JWT for this API. */
  get verifiedAccessToken(): VerifiedAccessToken | undefined {
    return this.#verified;
  }
}
