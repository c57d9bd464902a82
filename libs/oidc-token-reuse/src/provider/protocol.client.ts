/** Speaks the protocol with the provider: openid-client builds, authenticates and sends each request; what matters of the answer is read here. */
import * as client from 'openid-client';
import type { OidcOptions } from '../config/options.js';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import type { ClientCredential } from './client-credential.js';
import type { ClientCredentials } from './client-credentials.js';
import { parseJsonObject, type JsonObject } from './json.js';
import { jsonTextOf } from './json-answer.js';
import type { MetadataSource } from './metadata.source.js';
import type { ProviderMetadata } from './metadata.js';
import type { ProviderFetch } from './provider-fetch.js';
import { asProviderFailure, ProviderRefusal, UnacceptableAnswerError } from './provider-refusal.js';
import { readTokenResponse, tokenOf, type TokenResponse } from './token-response.js';

type Parameters = Readonly<Record<string, string>>;
type Rewrite = (response: Response) => Promise<Response>;

export interface ProtocolClientDependencies {
  readonly options: OidcOptions;
  readonly metadata: Pick<MetadataSource, 'get' | 'known'>;
  readonly fetch: ProviderFetch;
  readonly credentials: ClientCredentials;
}

/** One request to the provider. */
interface Call {
  readonly metadata: ProviderMetadata;
  readonly credential: ClientCredential;
  /** Milliseconds. */
  readonly timeout: number;
  readonly rewrite?: Rewrite;
}

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
  constructor(private readonly dependencies: ProtocolClientDependencies) {}

  /** The URL of the authorization request; pushed first (RFC 9126) when the options or the provider ask for that. */
  async authorizationUrl(parameters: Parameters): Promise<URL> {
    const { options, metadata: source } = this.dependencies;
    const metadata = await source.get();
    const pushed = options.usePar ?? metadata.require_pushed_authorization_requests === true;
    if (!pushed) return client.buildAuthorizationUrl(this.unauthenticated(metadata), parameters);
    return this.authenticated(async (credential) =>
      client.buildAuthorizationUrlWithPAR(
        await this.configuration({ metadata, credential, timeout: options.httpTimeout }),
        parameters,
      ),
    );
  }

  /** A token request with any grant (RFC 6749 section 4.5). Nothing of the answer is verified but its form. */
  async requestTokens(grantType: string, parameters: Parameters): Promise<TokenResponse> {
    const { options, metadata: source } = this.dependencies;
    const metadata = await source.get();
    let body: JsonObject = {};
    const rewrite = async (response: Response): Promise<Response> => {
      if (response.status !== 200) return refusal(response);
      body = parseJsonObject(await jsonTextOf(response));
      // openid-client would refuse the whole answer over an `expires_in` or an ID Token it does not like, and with it a refresh token that
      // has already replaced the old one. Both are checked by our own rules, which also know templated issuers.
      return jsonResponse({ access_token: tokenOf(body['access_token']), token_type: body['token_type'] });
    };
    const { access_token: accessToken } = await this.authenticated(async (credential) =>
      client.genericGrantRequest(
        await this.configuration({ metadata, credential, timeout: options.tokenRequestTimeout, rewrite }),
        grantType,
        { ...parameters },
      ),
    );
    return readTokenResponse(accessToken, body);
  }

  /** Revokes a token (RFC 7009). False when the provider has no revocation endpoint. */
  async revoke(token: string, hint: 'access_token' | 'refresh_token'): Promise<boolean> {
    const { options, metadata: source } = this.dependencies;
    const metadata = await source.get();
    if (metadata.revocation_endpoint === undefined) return false;
    await this.authenticated(async (credential) =>
      client.tokenRevocation(await this.configuration({ metadata, credential, timeout: options.httpTimeout }), token, {
        token_type_hint: hint,
      }),
    );
    return true;
  }

  /** The claims of the UserInfo endpoint. Checked: `sub`, and the signature of a signed answer (OpenID Connect Core section 5.3.4). */
  async userInfo({ accessToken, subject, verifyJwt }: UserInfoRequest): Promise<JsonObject> {
    const { options, metadata: source, credentials } = this.dependencies;
    const metadata = await source.get();
    if (metadata.userinfo_endpoint === undefined)
      throw new UnacceptableAnswerError('the provider has no UserInfo endpoint');
    const rewrite = async (response: Response): Promise<Response> => {
      assertUserInfo(response);
      const claims = isJwt(response)
        ? await verifyJwt(await response.text())
        : parseJsonObject(await jsonTextOf(response));
      if (claims['sub'] !== subject)
        throw new UnacceptableAnswerError('the UserInfo response is about another subject');
      return jsonResponse(claims);
    };
    const credential = await credentials.current();
    const configuration = await this.configuration({ metadata, credential, timeout: options.httpTimeout, rewrite });
    return attempt(client.fetchUserInfo(configuration, accessToken, subject));
  }

  /** The logout URL (RP-Initiated Logout 1.0 section 2), or undefined when the provider has none. */
  endSessionUrl(parameters: Parameters): URL | undefined {
    const metadata = this.dependencies.metadata.known;
    if (metadata?.end_session_endpoint === undefined) return undefined;
    return client.buildEndSessionUrl(this.unauthenticated(metadata), parameters);
  }

  /**
   * A request that says who the client is, and once more with another credential when the provider refuses the first one. That cannot replay a
   * refresh token or a code: a client that is not authenticated has had nothing processed (RFC 6749 section 3.2.1, 5.2).
   */
  private async authenticated<Result>(request: (credential: ClientCredential) => Promise<Result>): Promise<Result> {
    const { credentials } = this.dependencies;
    const credential = await credentials.current();
    try {
      return await attempt(request(credential));
    } catch (error) {
      const other = isRefusalOfClient(error) ? await credentials.after(credential) : undefined;
      if (other === undefined) throw error;
      return attempt(request(other));
    }
  }

  /** For what only makes a URL. */
  private unauthenticated(metadata: ProviderMetadata): client.Configuration {
    const { options } = this.dependencies;
    const configuration = new client.Configuration(metadata, options.clientId, undefined, client.None());
    if (options.allowInsecure) client.allowInsecureRequests(configuration);
    return configuration;
  }

  private async configuration({ metadata, credential, timeout, rewrite }: Call): Promise<client.Configuration> {
    const { options, fetch } = this.dependencies;
    const { isMutualTls, transport } = credential;
    const authentication = await credential.authenticate(metadata);
    const registered = { use_mtls_endpoint_aliases: isMutualTls };
    const configuration = new client.Configuration(metadata, options.clientId, registered, authentication);
    // Our own deadline ends a request; openid-client's, in seconds, only backs it.
    configuration.timeout = timeout / 1000 + 1;
    configuration[client.customFetch] = async (url, { method, headers, body }) => {
      const request = { method, headers, body: textOf(body), timeout, transport: transport?.fetch };
      const response = await fetch.send(url, request);
      return rewrite === undefined ? response : rewrite(response);
    };
    if (options.allowInsecure) client.allowInsecureRequests(configuration);
    return configuration;
  }
}

/** Providers say `invalid_client` (RFC 6749 section 5.2), some with another code and status 401. */
function isRefusalOfClient(error: unknown): boolean {
  if (!(error instanceof ProviderRefusal)) return false;
  return error.error === 'invalid_client' || (error.status === 401 && error.error !== 'invalid_grant');
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
