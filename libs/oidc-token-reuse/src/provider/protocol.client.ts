/** Speaks the protocol with the provider: openid-client builds, authenticates and sends each request; what matters of the answer is read here. */
import * as client from 'openid-client';
import type { OidcOptions } from '../config/options.js';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import { parseJsonObject, type JsonObject } from './json.js';
import { jsonTextOf } from './json-answer.js';
import type { MetadataSource } from './metadata.source.js';
import type { ProviderMetadata } from './metadata.js';
import type { ProviderFetch } from './provider-fetch.js';
import { asProviderFailure, ProviderRefusal, UnacceptableAnswerError } from './provider-refusal.js';
import { readTokenResponse, type TokenResponse } from './token-response.js';

type Parameters = Readonly<Record<string, string>>;
type Rewrite = (response: Response) => Promise<Response>;

export interface UserInfoRequest {
  readonly accessToken: string;
  /** The `sub` that the answer has to have (OpenID Connect Core section 5.3.2). */
  readonly subject: string;
  /** Verifies a UserInfo response that is a signed JWT and returns its claims; throws `UnacceptableAnswerError`. */
  readonly verifyJwt: (jwt: string) => Promise<JsonObject>;
}

/**
 * Every request to one provider but discovery and keys. All methods throw `ProviderRefusal`, `UnacceptableAnswerError` or
 * `ProviderUnavailableException`.
 */
export class ProtocolClient {
  constructor(
    private readonly options: OidcOptions,
    private readonly metadata: MetadataSource,
    private readonly fetch: ProviderFetch,
  ) {}

  /** The URL of the authorization request; pushed first (RFC 9126) when the options or the provider ask for that. */
  async authorizationUrl(parameters: Parameters): Promise<URL> {
    const metadata = await this.metadata.get();
    const pushed = this.options.usePar ?? metadata.require_pushed_authorization_requests === true;
    const configuration = this.configuration(metadata, this.options.httpTimeout);
    if (!pushed) return client.buildAuthorizationUrl(configuration, parameters);
    return attempt(client.buildAuthorizationUrlWithPAR(configuration, parameters));
  }

  /** A token request with any grant (RFC 6749 section 4.5). Nothing of the answer is verified but its form. */
  async requestTokens(grantType: string, parameters: Parameters): Promise<TokenResponse> {
    let body: JsonObject = {};
    const configuration = this.configuration(
      await this.metadata.get(),
      this.options.tokenRequestTimeout,
      async (response) => {
        if (response.status !== 200) return refusal(response);
        body = parseJsonObject(await jsonTextOf(response));
        // openid-client would refuse the whole answer over an `expires_in` or an ID Token it does not like, and with it a refresh token that
        // has already replaced the old one. Both are checked by our own rules, which also know templated issuers.
        return jsonResponse({ access_token: body['access_token'], token_type: body['token_type'] });
      },
    );
    const { access_token: accessToken } = await attempt(
      client.genericGrantRequest(configuration, grantType, { ...parameters }),
    );
    return readTokenResponse(accessToken, body);
  }

  /** Revokes a token (RFC 7009). False when the provider has no revocation endpoint. */
  async revoke(token: string, hint: 'access_token' | 'refresh_token'): Promise<boolean> {
    const metadata = await this.metadata.get();
    if (metadata.revocation_endpoint === undefined) return false;
    await attempt(
      client.tokenRevocation(this.configuration(metadata, this.options.httpTimeout), token, { token_type_hint: hint }),
    );
    return true;
  }

  /** The claims of the UserInfo endpoint. Checked: `sub`, and the signature of a signed answer (OpenID Connect Core section 5.3.4). */
  async userInfo({ accessToken, subject, verifyJwt }: UserInfoRequest): Promise<JsonObject> {
    const metadata = await this.metadata.get();
    if (metadata.userinfo_endpoint === undefined)
      throw new UnacceptableAnswerError('the provider has no UserInfo endpoint');
    const configuration = this.configuration(metadata, this.options.httpTimeout, async (response) => {
      assertUserInfo(response);
      const claims = isJwt(response)
        ? await verifyJwt(await response.text())
        : parseJsonObject(await jsonTextOf(response));
      if (claims['sub'] !== subject)
        throw new UnacceptableAnswerError('the UserInfo response is about another subject');
      return jsonResponse(claims);
    });
    return attempt(client.fetchUserInfo(configuration, accessToken, subject));
  }

  /** The logout URL (RP-Initiated Logout 1.0 section 2), or undefined when the provider has none. */
  endSessionUrl(parameters: Parameters): URL | undefined {
    const metadata = this.metadata.known;
    if (metadata?.end_session_endpoint === undefined) return undefined;
    return client.buildEndSessionUrl(this.configuration(metadata, this.options.httpTimeout), parameters);
  }

  private configuration(metadata: ProviderMetadata, timeout: number, rewrite?: Rewrite): client.Configuration {
    const { clientId, clientSecret, allowInsecure } = this.options;
    const configuration = new client.Configuration(metadata, clientId, clientSecret, this.clientAuthentication());
    // Our own deadline ends a request; openid-client's, in seconds, only backs it.
    configuration.timeout = timeout / 1000 + 1;
    configuration[client.customFetch] = async (url, { method, headers, body }) => {
      const response = await this.fetch.send(url, { method, headers, body: textOf(body), timeout });
      return rewrite === undefined ? response : rewrite(response);
    };
    if (allowInsecure) client.allowInsecureRequests(configuration);
    return configuration;
  }

  private clientAuthentication(): client.ClientAuth {
    const { clientAuthMethod, clientSecret } = this.options;
    switch (clientAuthMethod) {
      case 'client_secret_basic':
        return client.ClientSecretBasic(clientSecret);
      case 'client_secret_post':
        return client.ClientSecretPost(clientSecret);
      case 'none':
        return client.None();
    }
  }
}

async function attempt<Result>(request: Promise<Result>): Promise<Result> {
  try {
    return await request;
  } catch (error) {
    throw asProviderFailure(error);
  }
}

/** Not all UserInfo endpoints explain a refusal in a challenge: the status says enough. */
function assertUserInfo({ status }: Response): void {
  if (status === 401) throw new ProviderRefusal('invalid_token', status);
  if (status === 403) throw new ProviderRefusal('insufficient_scope', status);
  if (status !== 200) throw new UnacceptableAnswerError(`the UserInfo endpoint answered ${String(status)}`);
}

/**
 * An error response of the token endpoint without its `WWW-Authenticate`, which would hide the error code of the body (RFC 6749 section 5.2).
 *
 * @throws ProviderUnavailableException when it is no such response: somebody else than the token endpoint answered
 */
async function refusal(response: Response): Promise<Response> {
  const text = await response.text();
  if (response.status >= 400 && !isErrorResponse(text))
    throw new ProviderUnavailableException(`the OpenID Provider answered ${String(response.status)}`);
  const headers = new Headers(response.headers);
  headers.delete('www-authenticate');
  return new Response(text, { status: response.status, headers });
}

function isErrorResponse(text: string): boolean {
  try {
    return typeof parseJsonObject(text)['error'] === 'string';
  } catch {
    // No JSON object.
    return false;
  }
}

function isJwt(response: Response): boolean {
  return /^application\/jwt *(;|$)/i.test(response.headers.get('content-type') ?? '');
}

function jsonResponse(body: JsonObject): Response {
  return new Response(JSON.stringify(body), { status: 200, headers: { 'content-type': 'application/json' } });
}

/** openid-client sends forms only, and GET requests without a body. */
function textOf(body: client.FetchBody): string | undefined {
  return body instanceof URLSearchParams ? body.toString() : undefined;
}
