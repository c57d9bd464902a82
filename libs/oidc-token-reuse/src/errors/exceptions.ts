/** The named failures, one per standard code where there is one (RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 9470). */
import { OidcException, type OidcErrorCode } from './oidc.exception.js';
import { challenge, errorChallenge } from './challenge.js';

/**
 * 401: nothing was presented. The challenge carries no error code (RFC 6750 section 3.1).
 *
 * @publicApi
 */
export class UnauthorizedException extends OidcException {
  constructor() {
    super('unauthorized', 401, {
      description: 'authentication is required',
      headers: { 'WWW-Authenticate': 'Bearer' },
    });
  }
}

/**
 * 400: the request itself is malformed (RFC 6750 section 3.1, RFC 6749 section 4.1.2.1).
 *
 * @publicApi
 */
export class InvalidRequestException extends OidcException {
  constructor(description: string, cause?: unknown) {
    super('invalid_request', 400, {
      description,
      cause,
      headers: { 'WWW-Authenticate': errorChallenge('invalid_request', description) },
    });
  }
}

/**
 * 401: the access token is malformed, expired, revoked or not for this API (RFC 6750 section 3.1).
 *
 * @publicApi
 */
export class InvalidTokenException extends OidcException {
  constructor(description: string, cause?: unknown) {
    super('invalid_token', 401, {
      description,
      cause,
      headers: { 'WWW-Authenticate': errorChallenge('invalid_token', description) },
    });
  }
}

/**
 * 403: the access token lacks a scope (RFC 6750 section 3.1).
 *
 * @publicApi
 */
export class InsufficientScopeException extends OidcException {
  constructor(scopes: readonly string[], description = 'the access token lacks a required scope', cause?: unknown) {
    const scope = scopes.join(' ');
    super('insufficient_scope', 403, {
      description,
      cause,
      headers: {
        'WWW-Authenticate': challenge({
          error: 'insufficient_scope',
          error_description: description,
          ...(scope === '' ? {} : { scope }),
        }),
      },
      ...(scope === '' ? {} : { members: { scope } }),
    });
  }
}

/**
 * 401: the end-user has to authenticate again, in a stronger way or more recently (RFC 9470 section 3).
 *
 * @publicApi
 */
export class InsufficientUserAuthenticationException extends OidcException {
  constructor(acrValues: readonly string[]) {
    const description = 'a different authentication level is required';
    super('insufficient_user_authentication', 401, {
      description,
      headers: {
        'WWW-Authenticate': challenge({
          error: 'insufficient_user_authentication',
          error_description: description,
          acr_values: acrValues.join(' '),
        }),
      },
    });
  }
}

/**
 * 503: the OpenID Provider cannot be reached or answers nonsense. Nothing is lost; try again.
 *
 * @publicApi
 */
export class ProviderUnavailableException extends OidcException {
  /** Seconds after which trying again makes sense. */
  readonly retryAfter: number;

  constructor(
    description: string,
    options: { readonly cause?: unknown; readonly retryAfter?: number | undefined } = {},
  ) {
    const retryAfter = options.retryAfter ?? 5;
    super('provider_unavailable', 503, {
      description,
      cause: options.cause,
      headers: { 'Retry-After': String(retryAfter) },
    });
    this.retryAfter = retryAfter;
  }
}

/**
 * 503: what several processes share cannot be reached. Nothing is lost; try again.
 *
 * @publicApi
 */
export class CoordinationUnavailableException extends OidcException {
  /** Seconds after which trying again makes sense. */
  readonly retryAfter = 1;

  constructor(cause?: unknown) {
    super('session_store_unavailable', 503, {
      description: 'the shared store does not answer',
      cause,
      headers: { 'Retry-After': '1' },
    });
  }
}

/**
 * 401: there is no session, or it has ended; the end-user has to sign in.
 *
 * @publicApi
 */
export class LoginRequiredException extends OidcException {
  constructor(code: 'session_missing' | 'login_required', description: string, cause?: unknown) {
    super(code, 401, { description, cause, headers: { 'WWW-Authenticate': 'Bearer' } });
  }
}

/**
 * 403: the request is understood and the caller known, but policy refuses it.
 *
 * @publicApi
 */
export class ForbiddenException extends OidcException {
  constructor(code: OidcErrorCode, description: string, cause?: unknown) {
    super(code, 403, { description, cause });
  }
}

/** 403 `token_reuse_disabled`: what needs the provider's tokens cannot work without them. */
export function tokenReuseDisabled(): ForbiddenException {
  return new ForbiddenException(
    'token_reuse_disabled',
    'this application keeps no tokens: OPENID_REUSE_TOKENS is false',
  );
}

/**
 * A sign-in that did not complete: 400 for what a browser sent, 403 for policy, 502 for an answer of the provider that cannot be accepted.
 *
 * @publicApi
 */
export class LoginFailedException extends OidcException {
  constructor(code: OidcErrorCode, status: 400 | 401 | 403 | 502, description: string, cause?: unknown) {
    super(code, status, { description, cause });
  }
}

/**
 * The provider refused a token exchange made on behalf of the end-user: 403, or 502 `provider_rejected` when it refuses this application. Claims that
 * it asks for go to the client as a challenge of Entra's form: `error="insufficient_claims"`, and `claims` in base64.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/claims-challenge
 * @publicApi
 */
export class OnBehalfOfException extends OidcException {
  /** A JSON object for the `claims` parameter of a new authorization request (OpenID Connect Core section 5.5). */
  readonly claims: string | undefined;

  constructor(
    code: OidcErrorCode,
    {
      description,
      claims,
      cause,
    }: { readonly description: string; readonly claims?: string; readonly cause?: unknown },
  ) {
    super(code, code === 'provider_rejected' ? 502 : 403, {
      description,
      cause,
      headers: claims === undefined ? {} : { 'WWW-Authenticate': claimsChallenge(description, claims) },
    });
    this.claims = claims;
  }
}

function claimsChallenge(description: string, claims: string): string {
  return challenge({
    error: 'insufficient_claims',
    error_description: description,
    claims: Buffer.from(claims).toString('base64'),
  });
}
