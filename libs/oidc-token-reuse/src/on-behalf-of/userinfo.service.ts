/** The UserInfo request (OpenID Connect Core section 5.3), as the end-user or on behalf of them. */
import type { Clock } from '../clock.js';
import {
  ForbiddenException,
  InsufficientScopeException,
  InvalidTokenException,
  ProviderUnavailableException,
  tokenReuseDisabled,
} from '../errors/exceptions.js';
import { OidcException } from '../errors/oidc.exception.js';
import type { OidcEvents } from '../observability/events.js';
import { reasonOf } from '../observability/reason.js';
import type { JsonObject } from '../provider/json.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import { ProviderRefusal, UnacceptableAnswerError } from '../provider/provider-refusal.js';
import type { Principal } from '../session/principal.js';
import { UnacceptableClaimError } from '../verification/claims.js';
import { MAX_ID_TOKEN_LENGTH } from '../verification/jws.js';
import { isTokenFault, type SignatureVerifier } from '../verification/signature.verifier.js';
import { validateUserInfoJwt } from './userinfo-jwt.js';
import type { OnBehalfOfService } from './on-behalf-of.service.js';

export interface UserInfoDependencies {
  readonly provider: OpenIdProvider;
  readonly onBehalfOf: OnBehalfOfService;
  readonly signatures: SignatureVerifier;
  readonly clock: Clock;
  readonly events: OidcEvents;
}

/**
 * Claims of the UserInfo endpoint.
 *
 * @publicApi
 */
export class UserInfoService {
  constructor(private readonly dependencies: UserInfoDependencies) {}

  /**
   * Fetches the claims, with an exchanged token where `userInfoOnBehalfOf` says so. Checked: `sub` equals the principal's, the signature of a
   * signed answer, its `iss` and `aud` where present. Not checked: the claims themselves, e-mail addresses among them.
   *
   * @throws ForbiddenException `token_reuse_disabled`, `token_not_reusable`; InsufficientScopeException; OnBehalfOfException
   * @throws InvalidTokenException when the endpoint does not accept the token
   * @throws OidcException `userinfo_invalid` (502) for an answer that is about somebody else or badly signed
   * @throws ProviderUnavailableException when the provider cannot answer now
   */
  async fetch(principal: Principal): Promise<JsonObject> {
    const { provider, events } = this.dependencies;
    const accessToken = await this.tokenFor(principal);
    try {
      const verifyJwt = (jwt: string): Promise<JsonObject> => this.verifyJwt(jwt, principal);
      return await provider.client.userInfo({ accessToken, subject: principal.subject, verifyJwt });
    } catch (error) {
      const { issuer } = provider;
      events.emit({ type: 'userinfo.failed', issuer, subject: principal.subject, reason: reasonOf(error) });
      // An exchanged token that is no longer accepted is not offered again.
      if (error instanceof ProviderRefusal) await this.dependencies.onBehalfOf.forget(principal);
      throw asException(error);
    }
  }

  private async tokenFor(principal: Principal): Promise<string> {
    const { options } = this.dependencies.provider;
    if (!options.reuseTokens) throw tokenReuseDisabled();
    if (options.userInfoOnBehalfOf) {
      const { accessToken } = await this.dependencies.onBehalfOf.getToken(principal, { scope: options.userInfoScope });
      return accessToken.reveal();
    }
    const { accessToken } = principal;
    if (accessToken === undefined)
      throw new ForbiddenException('token_not_reusable', 'there is no access token to make the UserInfo request with');
    return accessToken.reveal();
  }

  private async verifyJwt(jwt: string, { issuer }: Principal): Promise<JsonObject> {
    const { signatures, provider, clock } = this.dependencies;
    const { clientId, clockTolerance } = provider.options;
    try {
      const { claims } = await signatures.received(jwt, MAX_ID_TOKEN_LENGTH);
      return validateUserInfoJwt(claims, { issuer, clientId, now: clock.now(), clockTolerance });
    } catch (error) {
      if (!isTokenFault(error) && !(error instanceof UnacceptableClaimError)) throw error;
      throw new UnacceptableAnswerError('the signed UserInfo response is not valid', { cause: error });
    }
  }
}

function asException(error: unknown): OidcException {
  if (error instanceof ProviderUnavailableException) return error;
  if (error instanceof ProviderRefusal) return error.status === 403 ? notAllowed(error) : notAccepted(error);
  return new OidcException('userinfo_invalid', 502, {
    description: 'the UserInfo response is not acceptable',
    cause: error,
  });
}

function notAllowed(cause: ProviderRefusal): InsufficientScopeException {
  const remedy =
    'the access token does not allow the UserInfo request; check OPENID_SCOPE and OPENID_ON_BEHALF_FLOW_USERINFO_SCOPE';
  return new InsufficientScopeException([], remedy, cause);
}

function notAccepted(cause: ProviderRefusal): InvalidTokenException {
  const remedy =
    'the UserInfo endpoint does not accept this access token; see OPENID_ON_BEHALF_FLOW_FOR_USERINFO_REQUIRED';
  return new InvalidTokenException(remedy, cause);
}
