/** What is asked of the provider on behalf of an end-user, in one normal form, and as each provider wants it. */
import { createHash } from 'node:crypto';
import type { OidcOptions } from '../config/options.js';
import type { Assertion } from './assertion.js';

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

/** The end-user on whose behalf tokens are exchanged. */
export interface Owner {
  readonly issuer: string;
  readonly tenant: string | undefined;
  readonly subject: string;
}

export interface WireRequest {
  readonly grantType: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Scopes once each and in order, so that the same request is recognised however it is written. */
export function normalScope(scope: string): string {
  return [...new Set(scope.split(' ').filter((entry) => entry !== ''))].sort().join(' ');
}

/** A name for an end-user, the same for all their requests and sessions. */
export function ownerOf({ issuer, tenant, subject }: Owner): string {
  return digest([issuer, tenant ?? null, subject]);
}

/**
 * The key under which the answer is cached: every input of the provider's decision is in it
 * (issuer, tenant, client, subject, scopes, resource, audience, wire form, and the assertion itself).
 */
export function cacheKey({ token, verified }: Assertion, request: DownstreamRequest, options: OidcOptions): string {
  const { issuer, tenant = null, subject } = verified;
  const { resource = null, audience = null } = request;
  const { clientId, onBehalfOfFlavour } = options;
  const user = [issuer, tenant, clientId, subject];
  return digest([...user, normalScope(request.scope), resource, audience, onBehalfOfFlavour, token]);
}

/** Unambiguous, since JSON separates the parts. */
function digest(parts: readonly (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

/** The token request in the provider's wire form. */
export function toWire({ token }: Assertion, request: DownstreamRequest, options: OidcOptions): WireRequest {
  const { resource, audience } = request;
  const scope = normalScope(request.scope);
  const asked = scope === '' ? {} : { scope };
  if (options.onBehalfOfFlavour === 'entra') {
    return {
      grantType: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      parameters: { assertion: token, requested_token_use: 'on_behalf_of', ...asked },
    };
  }
  return {
    grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
    parameters: {
      subject_token: token,
      subject_token_type: ACCESS_TOKEN_TYPE,
      requested_token_type: ACCESS_TOKEN_TYPE,
      ...asked,
      ...(resource === undefined ? {} : { resource }),
      ...(audience === undefined ? {} : { audience }),
    },
  };
}
