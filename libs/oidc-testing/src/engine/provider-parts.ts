/** What the pieces of one provider share. */
import type { SigningKeys } from '../keys/signing-keys.js';
import type { TokenSigner } from '../keys/token-signer.js';
import type { Lifetimes, ProviderOptions } from '../provider-options.js';
import type { RequestLog } from '../request-log.js';
import type { Users } from '../users.js';
import type { ClientRegistry } from './client-registry.js';
import type { RecordStore } from './record-store.js';
import type { RefreshTokenFamilies } from './refresh-token-families.js';

/** Identifier and secret of a client. */
export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** The parts of a provider that outlive a change of its keys. */
export interface ProviderParts {
  readonly issuer: string;
  /** Where clients with certificates are served. */
  readonly mutualTlsOrigin: string | undefined;
  readonly options: ProviderOptions;
  readonly lifetimes: Lifetimes;
  readonly cookieKeys: string[];
  /** The default client. */
  readonly client: ClientCredentials;
  readonly keys: SigningKeys;
  readonly signer: TokenSigner;
  readonly users: Users;
  readonly clients: ClientRegistry;
  readonly store: RecordStore;
  readonly families: RefreshTokenFamilies;
  readonly requests: RequestLog;
  /** Seconds by which the provider's clock is off when it dates tokens. */
  readonly clock: { skew: number };
}

/** `aud` of exchanged tokens. */
export const graphAudience = (issuer: string): string => `${issuer}/graph`;

/** Where a Graph-like UserInfo response is had. */
export const graphUserInfoPath = '/graph/oidc/userinfo';
