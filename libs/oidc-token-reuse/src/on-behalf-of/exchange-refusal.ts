/** Says what a refused exchange means to the client. Pure: refusal in, exception out. */
import { OnBehalfOfException } from '../errors/exceptions.js';
import type { OidcErrorCode } from '../errors/oidc.exception.js';
import type { ProviderRefusal } from '../provider/provider-refusal.js';

/** Refusals that the end-user can resolve, by their standard codes (OpenID Connect Core section 3.1.2.6). */
const INTERACTION: readonly OidcErrorCode[] = [
  'interaction_required',
  'consent_required',
  'login_required',
  'account_selection_required',
];
/** Refusals of the assertion or of what the end-user asks for; all others are about this application (RFC 6749 section 5.2, RFC 8693 section 2.2.2). */
const OF_THE_USER: readonly string[] = ['invalid_grant', 'access_denied'];

/** 403 for what is about the end-user, with the claims that the provider asks for; 502 for what only this application's operator can resolve. */
export function exchangeRefusal(refusal: ProviderRefusal): OnBehalfOfException {
  const { error, claims, suberror } = refusal;
  const options = { cause: refusal, ...(claims === undefined ? {} : { claims }) };
  // Entra names a missing consent in `suberror` only.
  const interaction = INTERACTION.find((code) => code === error || code === suberror);
  if (interaction !== undefined || claims !== undefined) {
    const description = 'the end-user has to sign in or consent again';
    return new OnBehalfOfException(interaction ?? 'interaction_required', { ...options, description });
  }
  if (OF_THE_USER.includes(error)) {
    const description = `the OpenID Provider refused the exchange with "${error}"; check the scope and what the end-user may do`;
    return new OnBehalfOfException('on_behalf_of_failed', { ...options, description });
  }
  const description = `the OpenID Provider refused this application the exchange with "${error}"; check its permissions and the scope`;
  return new OnBehalfOfException('provider_rejected', { ...options, description });
}
