/** Puts the provider together, and is what users of this package hold in their hands. */
import { assembleParts, randomSecret, type Changes } from './engine/assemble-parts.js';
import { buildEngine } from './engine/engine.js';
import { loadEngine } from './engine/engine-module.js';
import type { ClientCredentials, ProviderParts } from './engine/provider-parts.js';
import { Faults } from './faults/faults.js';
import { Front } from './http/front.js';
import type { RequestHandler } from './http/captured-call.js';
import { listen, type Listener } from './http/listener.js';
import { listenForCertificates } from './http/mutual-tls.js';
import { SigningKeys } from './keys/signing-keys.js';
import {
  accessTokenClaims,
  idTokenClaims,
  logoutTokenClaims,
  type SignOptions,
  type TokenClaims,
  type TokenDefaults,
} from './keys/token-signer.js';
import { loginDirectly, type LoginOptions, type LoginTokens } from './login-driver.js';
import {
  resolveOptions,
  type ClientMetadata,
  type Lifetimes,
  type ProviderOptions,
  type ReplayMode,
} from './provider-options.js';
import type { ProviderState } from './provider-state.js';
import type { RequestLog } from './request-log.js';
import { ChangeSignal, Deferred } from './signals.js';
import type { Users } from './users.js';

/**
 * Starts a real OpenID Provider in this process. Ready when the promise resolves; {@link TestProvider.close} ends it.
 * @throws Error of `listen` when the port is in use, TypeError of the engine when a client's metadata is wrong.
 */
export async function createTestProvider(options: Partial<ProviderOptions> = {}): Promise<TestProvider> {
  const resolved = resolveOptions(options);
  const { alg, state } = resolved;
  const module = await loadEngine();
  const changes: Changes = { ofState: new ChangeSignal(), ofKeys: new ChangeSignal() };
  const keys = await SigningKeys.create({ alg, jwks: state?.signingKeys ?? [], changed: changes.ofKeys.emit });
  // the issuer names the port, which is known only after listening: requests that come in between wait
  const ready = new Deferred<Front>();
  const handler: RequestHandler = async (request, response) => (await ready.promise).handle(request, response);
  const listener = await listen(resolved, handler);
  let forCertificates: Listener | undefined;
  try {
    forCertificates = await listenForCertificates(resolved, handler);
    const parts = assembleParts({
      options: resolved,
      keys,
      origin: listener.origin,
      mutualTlsOrigin: forCertificates?.origin,
      changes,
    });
    const faults = new Faults(parts);
    let engine = buildEngine(parts, module);
    changes.ofKeys.subscribe(() => {
      engine = buildEngine(parts, module);
      changes.ofState.emit();
    });
    ready.resolve(new Front(parts, faults, () => engine));
    return new TestProvider(parts, faults, [listener, forCertificates]);
  } catch (error) {
    await closeAll([listener, forCertificates]);
    throw error;
  }
}

/** The address of the issuer, and that for clients with certificates. */
type Listeners = readonly (Listener | undefined)[];

async function closeAll(listeners: Listeners): Promise<void> {
  await Promise.all(listeners.map(async (each) => each?.close()));
}

/** A running OpenID Provider. */
export class TestProvider {
  readonly #parts: ProviderParts;
  readonly #listeners: Listeners;
  /** What goes wrong, and when. */
  readonly faults: Faults;

  /** @internal Use {@link createTestProvider}. */
  constructor(parts: ProviderParts, faults: Faults, listeners: Listeners) {
    this.#parts = parts;
    this.#listeners = listeners;
    this.faults = faults;
  }

  /** Issuer identifier, `http://127.0.0.1:PORT` by default. */
  get issuer(): string {
    return this.#parts.issuer;
  }

  /** The default client; its redirect URIs are registered at run time. */
  get client(): ClientCredentials {
    return this.#parts.client;
  }

  /** The signing keys: rotate, withdraw, read. */
  get keys(): SigningKeys {
    return this.#parts.keys;
  }

  /** What was asked of the provider. */
  get requests(): RequestLog {
    return this.#parts.requests;
  }

  /** Who can sign in. */
  get users(): Users {
    return this.#parts.users;
  }

  /** Lifetimes of tokens in seconds; assign to change them. */
  get lifetimes(): Lifetimes {
    return this.#parts.lifetimes;
  }

  /** Audience of access tokens for the API. */
  get audience(): string {
    return this.#parts.options.audience;
  }

  /** Times that a spent refresh token was presented, forgiven ones included. */
  get replays(): number {
    return this.#parts.families.replays;
  }

  /** Refresh token families revoked because of a replay. */
  get revokedFamilies(): number {
    return this.#parts.families.revokedFamilies;
  }

  /** What happens to spent refresh tokens; assign to change it. */
  get mode(): ReplayMode {
    return this.#parts.families.mode;
  }

  set mode(mode: ReplayMode) {
    this.#parts.families.mode = mode;
  }

  /** Allows a redirect URI of a client. */
  registerRedirectUri(uri: string, clientId = this.client.clientId): void {
    this.#parts.clients.addUri(clientId, 'redirect_uris', uri);
  }

  /** Allows a URI to return to after logout. */
  registerPostLogoutRedirectUri(uri: string, clientId = this.client.clientId): void {
    this.#parts.clients.addUri(clientId, 'post_logout_redirect_uris', uri);
  }

  /** Adds a client, with the metadata of RFC 7591; a secret is made when its authentication method needs one. */
  registerClient(metadata: ClientMetadata): ClientCredentials {
    const clientSecret = metadata.client_secret ?? randomSecret();
    const hasSecret = /^$|^client_secret/.test(metadata.token_endpoint_auth_method ?? '');
    this.#parts.clients.register({ ...metadata, ...(hasSecret ? { client_secret: clientSecret } : {}) });
    return { clientId: metadata.client_id, clientSecret: hasSecret ? clientSecret : '' };
  }

  /** Changes metadata of a client, of the default one for example its `backchannel_logout_uri`. */
  updateClient(metadata: Partial<ClientMetadata>, clientId = this.client.clientId): void {
    this.#parts.clients.update(clientId, metadata);
  }

  /**
   * An access token for the API that verifies, unless claims, header or key say otherwise. It belongs to no grant, so
   * the exchange grants refuse it.
   */
  signAccessToken(claims: TokenClaims = {}, options: SignOptions = {}): Promise<string> {
    const header = { typ: 'at+jwt', ...options.header };
    return this.#parts.signer.sign({
      ...options,
      claims: { ...accessTokenClaims(this.#defaults()), ...claims },
      header,
    });
  }

  /** An ID Token for the default client that verifies, unless claims, header or key say otherwise. */
  signIdToken(claims: TokenClaims = {}, options: SignOptions = {}): Promise<string> {
    const header = { ...options.header };
    return this.#parts.signer.sign({ ...options, claims: { ...idTokenClaims(this.#defaults()), ...claims }, header });
  }

  /** A logout token for the default client that verifies, unless claims, header or key say otherwise; without `sid`. */
  signLogoutToken(claims: TokenClaims = {}, options: SignOptions = {}): Promise<string> {
    const header = { typ: 'logout+jwt', ...options.header };
    return this.#parts.signer.sign({
      ...options,
      claims: { ...logoutTokenClaims(this.#defaults()), ...claims },
      header,
    });
  }

  /** Signs a user in at the default client and gives the tokens, without any application. */
  login(options: LoginOptions = {}): Promise<LoginTokens> {
    const redirectUri = `${this.issuer}/signed-in`;
    this.registerRedirectUri(redirectUri);
    const ca = this.#parts.options.https?.cert;
    return loginDirectly({ issuer: this.issuer, redirectUri, ca, ...this.client }, options);
  }

  /** Keys, secrets, sessions and tokens, to be given as the option `state` to a later provider. */
  exportState(): ProviderState {
    return {
      version: 1,
      signingKeys: this.keys.privateJwks(),
      cookieKeys: [...this.#parts.cookieKeys],
      clientSecret: this.client.clientSecret,
      records: this.#parts.store.export(),
    };
  }

  /** Ends everything: waiting requests, connections, the server. */
  async close(): Promise<void> {
    this.faults.close();
    await closeAll(this.#listeners);
  }

  #defaults(): TokenDefaults {
    return {
      issuer: this.issuer,
      audience: this.audience,
      clientId: this.client.clientId,
      lifetime: this.lifetimes.accessToken,
      scope: this.#parts.options.resourceScopes[0] ?? '',
    };
  }
}
