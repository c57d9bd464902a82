/** Makes the parts of a provider from its options. */
import { randomBytes } from 'node:crypto';
import type { SigningKeys } from '../keys/signing-keys.js';
import { TokenSigner } from '../keys/token-signer.js';
import { defaultLifetimes, type ProviderOptions } from '../provider-options.js';
import { RequestLog } from '../request-log.js';
import type { ChangeSignal } from '../signals.js';
import { Users } from '../users.js';
import { ClientRegistry } from './client-registry.js';
import type { ClientCredentials, ProviderParts } from './provider-parts.js';
import { RecordStore } from './record-store.js';
import { RefreshTokenFamilies } from './refresh-token-families.js';

/** Who is told about changes. */
export interface Changes {
  /** Anything that would be exported. */
  ofState: ChangeSignal;
  /** The signing keys. */
  ofKeys: ChangeSignal;
}

interface Source {
  options: ProviderOptions;
  keys: SigningKeys;
  origin: string;
  mutualTlsOrigin: string | undefined;
  changes: Changes;
}

/** All parts, with the clients registered and `onStateChanged` subscribed. */
export function assembleParts({ options, keys, origin, mutualTlsOrigin, changes }: Source): ProviderParts {
  const { accessTokenLifetime, onStateChanged, state } = options;
  if (onStateChanged) changes.ofState.subscribe(onStateChanged);
  const store = new RecordStore(changes.ofState.emit, state?.records);
  const clients = new ClientRegistry(keys, options.signedUserInfo);
  const client = defaultClient(options);
  clients.register({ client_id: client.clientId, client_secret: client.clientSecret });
  for (const metadata of options.clients) clients.register(metadata);
  return {
    issuer: options.issuer ?? origin,
    mutualTlsOrigin,
    options,
    lifetimes: {
      ...defaultLifetimes,
      ...(accessTokenLifetime === undefined ? {} : { accessToken: accessTokenLifetime }),
      ...options.lifetimes,
    },
    cookieKeys: state?.cookieKeys ?? [randomSecret()],
    client,
    keys,
    signer: new TokenSigner(keys),
    users: new Users(options.users),
    clients,
    store,
    families: new RefreshTokenFamilies(store, options.mode),
    requests: new RequestLog(),
    clock: { skew: 0 },
  };
}

function defaultClient({ defaultClient: given, state }: ProviderOptions): ClientCredentials {
  return {
    clientId: given.clientId ?? 'web',
    clientSecret: given.clientSecret ?? state?.clientSecret ?? randomSecret(),
  };
}

/** 256 bits of chance, for secrets. */
export const randomSecret = (): string => randomBytes(32).toString('base64url');
