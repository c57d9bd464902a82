/** Decides what may be exchanged: the end-user's own verified, live access token, and nothing else. Pure: principal in, assertion out, or throw. */
import type { OidcOptions } from '../config/options.js';
import { ForbiddenException, InvalidTokenException, tokenReuseDisabled } from '../errors/exceptions.js';
import type { Principal } from '../session/principal.js';
import type { VerifiedAccessToken } from '../verification/access-token.verifier.js';

/** The user's own access token, as the assertion of an exchange. */
export interface Assertion {
  readonly token: string;
  readonly verified: VerifiedAccessToken;
}

export interface AssertionPolicy {
  readonly options: Pick<OidcOptions, 'reuseTokens' | 'reusedToken' | 'onBehalfOfFlavour'>;
  /** Epoch seconds. */
  readonly now: number;
}

const ID_TOKEN =
  'an ID Token is never exchanged for another token: OPENID_REUSED_TOKEN is id_token, and on-behalf-of needs access_token';
const NOT_OURS =
  'the access token is not one of this API; request a scope of it (OPENID_SCOPE) and name its audience (OPENID_AUDIENCE)';

/**
 * The assertion of a principal.
 *
 * @throws ForbiddenException `token_reuse_disabled`; `token_not_reusable` for an ID Token, an access token that could not be verified and the token
 *   of an application
 * @throws InvalidTokenException when the token has expired since the request began
 */
export function assertionOf(principal: Principal, { options, now }: AssertionPolicy): Assertion {
  const { accessToken, verifiedAccessToken: verified } = principal;
  if (!options.reuseTokens) throw tokenReuseDisabled();
  if (options.reusedToken === 'id_token') throw new ForbiddenException('token_not_reusable', ID_TOKEN);
  if (accessToken === undefined || verified === undefined) throw new ForbiddenException('token_not_reusable', NOT_OURS);
  if (isOfApplication(verified, options))
    throw new ForbiddenException('token_not_reusable', 'the token is an application token, not of an end-user');
  if (verified.expiresAt <= now) throw new InvalidTokenException('the access token has expired');
  return { token: accessToken.reveal(), verified };
}

/**
 * A token that an application got for itself: `sub` is the client (RFC 9068 section 2.2), or Entra says so, with `idtyp` or by the absence of `scp`.
 */
function isOfApplication(
  { subject, scopes, claims }: VerifiedAccessToken,
  { onBehalfOfFlavour }: AssertionPolicy['options'],
): boolean {
  if (claims['idtyp'] === 'app' || subject === claims['client_id'] || subject === claims['azp']) return true;
  return onBehalfOfFlavour === 'entra' && scopes.length === 0;
}
