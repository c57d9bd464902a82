/** Reads the authorization response (RFC 6749 section 4.1.2, RFC 9207). Pure: parameters in, a code out, or throw. */
import { InvalidRequestException, LoginFailedException, ProviderUnavailableException } from '../errors/exceptions.js';
import type { OidcErrorCode } from '../errors/oidc.exception.js';
import { readParameters } from '../http/parameters.js';

export interface AuthorizationResponse {
  readonly state: string;
  readonly code: string | undefined;
  readonly error: string | undefined;
  readonly iss: string | undefined;
}

/**
 * The parameters of the response, each at most once. The provider's free text is not read: it is not ours to show.
 *
 * @throws InvalidRequestException when one is repeated, or `state` is missing
 */
export function readAuthorizationResponse(source: unknown): AuthorizationResponse {
  const { state, code, error, iss } = readParameters(source, ['state', 'code', 'error', 'iss']);
  if (state === undefined || state === '') throw new InvalidRequestException("parameter 'state' is missing");
  return { state, code, error, iss };
}

export interface IssuerExpectation {
  /** Decides whether an issuer is ours. */
  readonly accepts: (issuer: string) => boolean;
  /** `authorization_response_iss_parameter_supported` of the metadata. */
  readonly required: boolean;
}

/**
 * The code of a successful response.
 *
 * @throws LoginFailedException `issuer_mismatch`, or what the provider said instead
 * @throws ProviderUnavailableException when the provider says that it cannot answer now
 */
export function codeOf({ code, error, iss }: AuthorizationResponse, issuer: IssuerExpectation): string {
  if (iss === undefined ? issuer.required : !issuer.accepts(iss)) {
    throw new LoginFailedException(
      'issuer_mismatch',
      400,
      'the response does not come from the OpenID Provider that was asked',
    );
  }
  if (error !== undefined) throw refusal(error);
  if (code === undefined || code === '') throw new InvalidRequestException("parameter 'code' is missing");
  return code;
}

/** Errors of the provider that have the same name here (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6). */
const SAME_NAME: readonly OidcErrorCode[] = [
  'access_denied',
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
];
/** Codes are names; anything else is not shown. */
const PLAIN_CODE = /^[a-z0-9_]{1,64}$/;
const NOT_NOW: readonly string[] = ['temporarily_unavailable', 'server_error'];

function refusal(error: string): Error {
  if (NOT_NOW.includes(error))
    return new ProviderUnavailableException('the OpenID Provider cannot sign anybody in now');
  const code = SAME_NAME.find((known) => known === error);
  if (code !== undefined)
    return new LoginFailedException(code, 403, 'the OpenID Provider did not sign the end-user in');
  const named = PLAIN_CODE.test(error) ? ` with "${error}"` : '';
  return new LoginFailedException('provider_rejected', 502, `the OpenID Provider refused to sign anybody in${named}`);
}
