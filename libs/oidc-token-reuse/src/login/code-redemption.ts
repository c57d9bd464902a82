/** From an authorization response to a session: the code is exchanged, the ID Token verified, and nothing believed before. */
import type { Clock } from '../clock.js';
import { LoginFailedException } from '../errors/exceptions.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import { ProviderRefusal } from '../provider/provider-refusal.js';
import type { TokenResponse } from '../provider/token-response.js';
import { newSessionId, type Session } from '../session/session.js';
import { toTokenSet } from '../session/token-set.js';
import { codeVerifierOf, nonceOf, wasMadeWith, type Transaction } from '../session/transaction.js';
import { InvalidIdTokenError, type IdToken, type IdTokenVerifier } from '../verification/id-token.verifier.js';
import { isOwnIssuer } from '../verification/issuer.js';
import { codeOf, type AuthorizationResponse } from './authorization-response.js';

export interface CodeRedemptionDependencies {
  readonly provider: OpenIdProvider;
  readonly idTokens: IdTokenVerifier;
  readonly clock: Clock;
}

export class CodeRedemption {
  constructor(private readonly dependencies: CodeRedemptionDependencies) {}

  /**
   * Redeems a code (OpenID Connect Core section 3.1.3). Checked: the issuer that was asked, `iss` of the response (RFC 9207), PKCE, and the
   * ID Token in full. Not checked: roles and the application's own policy.
   *
   * @throws LoginFailedException `issuer_mismatch`, `provider_rejected`, `id_token_invalid` and what the provider said instead of a code
   * @throws ProviderUnavailableException when the provider cannot answer now; the code is then spent or lost, and the end-user starts again
   */
  async redeem(transaction: Transaction, response: AuthorizationResponse): Promise<Session> {
    const { provider } = this.dependencies;
    const metadata = await provider.metadata.get();
    if (!wasMadeWith(transaction, provider.issuer))
      throw new LoginFailedException('issuer_mismatch', 400, 'this sign-in was started with another OpenID Provider');
    const code = codeOf(response, {
      accepts: (issuer) => isOwnIssuer(issuer, metadata.issuer, provider.options),
      required: metadata.authorization_response_iss_parameter_supported === true,
    });
    const tokens = await this.requestTokens(code, transaction);
    return this.toSession(tokens, transaction);
  }

  private async requestTokens(code: string, transaction: Transaction): Promise<TokenResponse> {
    const { client, options } = this.dependencies.provider;
    try {
      return await client.requestTokens('authorization_code', {
        code,
        redirect_uri: options.callbackUrl(),
        ...(options.usePkce ? { code_verifier: codeVerifierOf(transaction) } : {}),
        ...(options.resource === undefined ? {} : { resource: options.resource }),
      });
    } catch (error) {
      if (!(error instanceof ProviderRefusal)) throw error;
      throw new LoginFailedException(
        'provider_rejected',
        502,
        `the OpenID Provider refused the code with "${error.error}"; start again`,
        error,
      );
    }
  }

  private async toSession(response: TokenResponse, transaction: Transaction): Promise<Session> {
    const { idToken } = response;
    if (idToken === undefined)
      throw new LoginFailedException(
        'id_token_invalid',
        502,
        'the OpenID Provider sent no ID Token; is "openid" in OPENID_SCOPE?',
      );
    const { issuer, subject, tenant, providerSessionId, claims } = await this.verify(idToken, {
      response,
      transaction,
    });
    const tokens = toTokenSet({ ...response, idToken }, this.dependencies.clock);
    const identity = { id: newSessionId(), issuer, subject, tenant, providerSessionId, claims };
    return { ...identity, startedAt: transaction.startedAt, renewedAt: tokens.issuedAt, generation: 0, tokens };
  }

  private async verify(
    idToken: string,
    { response, transaction }: { readonly response: TokenResponse; readonly transaction: Transaction },
  ): Promise<IdToken> {
    try {
      const verified = await this.dependencies.idTokens.verify(idToken, {
        nonce: nonceOf(transaction),
        accessToken: response.accessToken,
        maxAge: this.maxAgeNow(transaction),
      });
      this.assertSignedInAnew(verified, transaction);
      return verified;
    } catch (error) {
      if (!(error instanceof InvalidIdTokenError)) throw error;
      throw new LoginFailedException(
        'id_token_invalid',
        502,
        `the ID Token is not acceptable: ${error.message}`,
        error,
      );
    }
  }

  /** `max_age` counts back from the authorization request (OpenID Connect Core section 3.1.2.1); the end-user may take time to consent. */
  private maxAgeNow({ maxAge, startedAt }: Transaction): number | undefined {
    return maxAge === undefined ? undefined : maxAge + Math.ceil((this.dependencies.clock.millis() - startedAt) / 1000);
  }

  /** What `prompt=login` asked for, where the provider says when the end-user signed in; `max_age` makes it say so. */
  private assertSignedInAnew({ claims }: IdToken, { isForced, startedAt }: Transaction): void {
    const authTime = claims['auth_time'];
    if (!isForced || typeof authTime !== 'number') return;
    if (authTime + this.dependencies.provider.options.clockTolerance >= Math.floor(startedAt / 1000)) return;
    throw new InvalidIdTokenError('the end-user was to sign in anew and did not');
  }
}
