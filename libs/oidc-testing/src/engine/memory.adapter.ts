/** Connects the engine to the record store, the client registry and the refresh token families. */
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';
import type { EngineModule } from './engine-module.js';
import type { ProviderParts } from './provider-parts.js';
import type { RecordStore } from './record-store.js';

/** The adapter factory of a provider (one adapter for each of the engine's models). */
export function createAdapterFactory(parts: ProviderParts, { Provider, errors }: EngineModule): AdapterFactory {
  const refreshTokens: Partial<Adapter> = {
    find: (id) => Promise.resolve(parts.families.find(id, Provider.ctx)),
    consume: (id) => {
      if (parts.families.consume(id, Provider.ctx)) return Promise.resolve();
      return Promise.reject(new errors.InvalidGrant('refresh token already used'));
    },
  };
  const clients: Partial<Adapter> = { find: (id) => Promise.resolve(parts.clients.metadata(id)) };
  return (model) => {
    const adapter = recordAdapter(parts.store, model);
    if (model === 'RefreshToken') return { ...adapter, ...refreshTokens };
    return model === 'Client' ? { ...adapter, ...clients } : adapter;
  };
}

function recordAdapter(store: RecordStore, model: string): Adapter {
  const resolve = (payload?: AdapterPayload): Promise<AdapterPayload | undefined> => Promise.resolve(payload);
  return {
    upsert: (id, payload, ttl) => {
      store.set({ model, id, payload, ttl });
      return Promise.resolve();
    },
    find: (id) => resolve(store.get(model, id)),
    findByUid: (uid) => resolve(store.findBy(model, 'uid', uid)),
    findByUserCode: (userCode) => resolve(store.findBy(model, 'userCode', userCode)),
    consume: (id) => {
      store.consume(model, id);
      return Promise.resolve();
    },
    destroy: (id) => {
      store.delete(model, id);
      return Promise.resolve();
    },
    revokeByGrantId: (grantId) => {
      store.deleteByGrant(model, grantId);
      return Promise.resolve();
    },
  };
}
