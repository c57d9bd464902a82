/** The registered clients; looked up on every request, so registrations count at once. */
import type { SigningKeys } from '../keys/signing-keys.js';
import type { ClientMetadata } from '../provider-options.js';
import { exchangeGrantTypes } from './exchange-grants.js';
import type { RecordPayload } from './record-store.js';

const allGrants = ['authorization_code', 'refresh_token', 'client_credentials', ...exchangeGrantTypes];

/** Clients by identifier, with the redirect URIs that were added while running. */
export class ClientRegistry {
  readonly #clients = new Map<string, ClientMetadata>();

  constructor(
    private readonly keys: SigningKeys,
    private readonly signedUserInfo: boolean,
  ) {}

  /** Adds a client, or replaces the one with the same `client_id`. */
  register(metadata: ClientMetadata): void {
    this.#clients.set(metadata.client_id, { ...metadata });
  }

  /** Merges more metadata into a client. @throws Error when there is no such client. */
  update(clientId: string, metadata: Partial<ClientMetadata>): void {
    this.#clients.set(clientId, { ...this.#get(clientId), ...metadata, client_id: clientId });
  }

  /** Adds a redirect URI, once. @throws Error when there is no such client. */
  addUri(clientId: string, member: 'redirect_uris' | 'post_logout_redirect_uris', uri: string): void {
    const uris = this.#get(clientId)[member] ?? [];
    if (!uris.includes(uri)) this.update(clientId, { [member]: [...uris, uri] });
  }

  /** The full metadata of a client as the engine wants it, or `undefined`. */
  metadata(clientId: string): RecordPayload | undefined {
    const client = this.#clients.get(clientId);
    if (!client) return undefined;
    const { alg } = this.keys.current;
    return {
      grant_types: allGrants,
      // the engine refuses a response type without a redirect URI to send it to
      response_types: client.redirect_uris?.length ? ['code'] : [],
      id_token_signed_response_alg: alg,
      ...(this.signedUserInfo ? { userinfo_signed_response_alg: alg } : {}),
      ...client,
      redirect_uris: [...(client.redirect_uris ?? [])],
    };
  }

  #get(clientId: string): ClientMetadata {
    const client = this.#clients.get(clientId);
    if (!client) throw new Error(`no client "${clientId}" is registered`);
    return client;
  }
}
