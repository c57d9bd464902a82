/** What survives a restart of the provider, in one JSON value. */
import type { JWK } from 'jose';
import type { StoredRecord } from './engine/record-store.js';

/**
 * The state of a provider as plain JSON. It holds private keys, the client secret and live tokens: keep the file
 * that stores it readable by its owner only.
 */
export interface ProviderState {
  version: 1;
  /** Private signing keys, the current one first. */
  signingKeys: JWK[];
  /** Secrets that sign the provider's cookies. */
  cookieKeys: string[];
  /** Secret of the default client. */
  clientSecret: string;
  /** Sessions, grants, codes and tokens. */
  records: StoredRecord[];
}
