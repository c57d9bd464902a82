/** What a page may ask of the login route, and what becomes of it in the authorization request. */
import type { OidcOptions } from '../config/options.js';
import { InvalidRequestException } from '../errors/exceptions.js';
import { readParameters } from '../http/parameters.js';
import { safeReturnTo } from './return-to.js';

/** Parameters that may come from outside (OpenID Connect Core section 3.1.2.1); nothing else passes. */
const PASSED = ['prompt', 'login_hint', 'ui_locales', 'acr_values', 'max_age'] as const;

export interface LoginRequest {
  readonly returnTo: string;
  /** Seconds. */
  readonly maxAge: number | undefined;
  /** Parameters of the authorization request beside those of the protocol. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Reads the query of the login route; what it leaves open comes from the options.
 *
 * @throws InvalidRequestException for a repeated parameter or a `max_age` that is no number of seconds
 */
export function readLoginRequest(query: unknown, options: OidcOptions): LoginRequest {
  const {
    returnTo,
    max_age: maxAge = options.maxAge?.toString(),
    ...asked
  } = readParameters(query, ['returnTo', ...PASSED]);
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge))
    throw new InvalidRequestException("parameter 'max_age' is a number of seconds");
  const { acrValues, resource, loginAudience } = options;
  return {
    returnTo: safeReturnTo(returnTo),
    maxAge: maxAge === undefined ? undefined : Number(maxAge),
    parameters: {
      ...options.authorizationParameters,
      ...(acrValues === undefined ? {} : { acr_values: acrValues }),
      ...(resource === undefined ? {} : { resource }),
      ...(loginAudience === undefined ? {} : { audience: loginAudience }),
      ...(maxAge === undefined ? {} : { max_age: maxAge }),
      ...asked,
    },
  };
}
