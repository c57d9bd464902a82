/** What is asked of the provider on behalf of an end-user, in one normal form, and as each provider wants it. */
import { createHash } from 'node:crypto';
import type { OidcOptions } from '../config/options.js';
import type { VerifiedAccessToken } from '../verification/access-token.verifier.js';

/**
 * What the downstream API needs.
 *
 * @publicApi
 */
export interface DownstreamRequest {
  /** Scopes, space separated. */
  readonly scope: string;
  /** `resource` (RFC 8707), for RFC 8693 only. */
  readonly resource?: string | undefined;
  /** `audience` (RFC 8693 section 2.1), for RFC 8693 only. */
  readonly audience?: string | undefined;
}

/** The user's own access token, as the assertion of an exchange. */
export interface Assertion {
  readonly token: string;
  readonly verified: VerifiedAccessToken;
}

export interface WireRequest {
  readonly grantType: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Scopes once each and in order, so that the same request is recognised however it is written. */
export function normalScope(scope: string): string {
  return [...new Set(scope.split(' ').filter((entry) => entry !== ''))].sort().join(' ');
}

/** Digest of an assertion: names it without being it. */
export function assertionDigest(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/**
 * The key under which the answer is cached: every input of the provider's decision is in it
 * (issuer, tenant, client, subject, scopes, resource, audience, wire form, and the assertion itself).
 */
export function cacheKey({ token, verified }: Assertion, request: DownstreamRequest, options: OidcOptions): string {
  const { issuer, tenant = null, subject } = verified;
  const { resource = null, audience = null } = request;
  const parts = [
    issuer,
    tenant,
    options.clientId,
    subject,
    normalScope(request.scope),
    resource,
    audience,
    options.onBehalfOfFlavour,
  ];
  return createHash('sha256')
    .update(JSON.stringify([...parts, assertionDigest(token)]))
    .digest('base64url');
}

const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

/** The token request in the provider's wire form. */
export function toWire(
  { token }: Assertion,
  { scope, resource, audience }: DownstreamRequest,
  options: OidcOptions,
): WireRequest {
  if (options.onBehalfOfFlavour === 'entra') {
    return {
      grantType: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      parameters: { assertion: token, requested_token_use: 'on_behalf_of', scope: normalScope(scope) },
    };
  }
  return {
    grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
    parameters: {
      subject_token: token,
      subject_token_type: ACCESS_TOKEN_TYPE,
      requested_token_type: ACCESS_TOKEN_TYPE,
      scope: normalScope(scope),
      ...(resource === undefined ? {} : { resource }),
      ...(audience === undefined ? {} : { audience }),
    },
  };
}
