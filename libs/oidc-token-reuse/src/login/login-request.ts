/** What a page may ask of the login route, and what becomes of it in the authorization request. */
import type { OidcOptions } from '../config/options.js';
import { InvalidRequestException } from '../errors/exceptions.js';
import { readParameter, readParameters } from '../http/parameters.js';
import { safeReturnTo, safeTarget } from './return-to.js';

/** Parameters that may come from outside (OpenID Connect Core section 3.1.2.1); nothing else passes. */
const PASSED = ['prompt', 'login_hint', 'ui_locales', 'acr_values', 'max_age'] as const;

/** Parameters of a sign-in that another site starts (OpenID Connect Core section 4). */
export const INITIATION = ['iss', 'login_hint', 'target_link_uri'] as const;

export interface LoginRequest {
  /** The provider that another site says is ours. */
  readonly iss: string | undefined;
  readonly returnTo: string;
  /** Seconds. */
  readonly maxAge: number | undefined;
  /** `prompt=login`: the end-user has to sign in anew. */
  readonly isForced: boolean;
  /** Parameters of the authorization request beside those of the protocol. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Reads the query of the login route; what it leaves open comes from the options. A page may ask for a more recent authentication than the
 * options do, never for an older one.
 *
 * `target_link_uri` of another site counts before `returnTo`. Not checked: `iss`.
 *
 * @throws InvalidRequestException for a repeated parameter or a `max_age` that is no number of seconds
 */
export function readLoginRequest(query: unknown, options: OidcOptions): LoginRequest {
  const { max_age: age, ...asked } = readParameters(query, PASSED);
  const { iss, target_link_uri: target } = readParameters(query, INITIATION);
  const maxAge = leastOf(secondsOf(age), options.maxAge);
  const { acrValues, claims, resource, loginAudience } = options;
  return {
    iss,
    returnTo:
      target === undefined ? safeReturnTo(readParameter(query, 'returnTo')) : safeTarget(target, options.publicUrl()),
    maxAge,
    isForced: asked.prompt?.split(' ').includes('login') === true,
    parameters: {
      ...options.authorizationParameters,
      ...(acrValues === undefined ? {} : { acr_values: acrValues }),
      ...(claims === undefined ? {} : { claims: JSON.stringify(claims) }),
      ...(resource === undefined ? {} : { resource }),
      ...(loginAudience === undefined ? {} : { audience: loginAudience }),
      ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
      ...asked,
    },
  };
}

function secondsOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value)) throw new InvalidRequestException("parameter 'max_age' is a number of seconds");
  return Number(value);
}

function leastOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
