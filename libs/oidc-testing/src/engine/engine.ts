/** The running OpenID Provider: oidc-provider on the parts of this provider, rebuilt when its keys change. */
import type Provider from 'oidc-provider';
import type { Client } from 'oidc-provider';
import { logoutTokenClaims } from '../keys/token-signer.js';
import { engineConfiguration } from './configuration.js';
import type { EngineModule } from './engine-module.js';
import { registerExchangeGrants } from './exchange-grants.js';
import type { ProviderParts } from './provider-parts.js';

/** How long a client may take to answer a logout token, in milliseconds. */
const logoutTimeout = 2500;

/** A new engine on the same sessions and tokens, with the signing keys of this moment. */
export function buildEngine(parts: ProviderParts, module: EngineModule): Provider {
  const engine = new module.Provider(parts.issuer, engineConfiguration(parts, module));
  registerExchangeGrants(engine, parts, module);
  engine.on('access_token.issued', ({ jti, grantId, remainingTTL }) => {
    parts.store.set({ model: 'IssuedAccessToken', id: jti, payload: { grantId }, ttl: remainingTTL });
  });
  engine.on('grant.revoked', (ctx, grantId) => parts.families.grantRevoked(ctx, grantId));
  extendClients(engine, parts);
  return engine;
}

/**
 * Two changes to the client model of this engine. The ID Token always has a `sid`; and logout tokens go out by plain
 * fetch, since the engine closes connections to loopback addresses, where clients under test live.
 */
function extendClients(engine: Provider, parts: ProviderParts): void {
  engine.Client.prototype.includeSid = () => true;
  Object.defineProperty(engine.Client.prototype, 'backchannelLogout', {
    value: function backchannelLogout(this: Client, sub: string, sid: string): Promise<void> {
      return sendLogoutToken(parts, this, { sub, sid });
    },
  });
}

async function sendLogoutToken(parts: ProviderParts, client: Client, who: { sub: string; sid: string }): Promise<void> {
  const logged = parts.requests.arrived({ kind: 'backchannel_logout', method: 'POST', grant: undefined });
  const defaults = { issuer: parts.issuer, clientId: client.clientId, audience: '', scope: '', lifetime: 0 };
  const logoutToken = await parts.signer.sign({
    claims: { ...logoutTokenClaims(defaults), ...who },
    header: { typ: 'logout+jwt' },
  });
  const response = await fetch(String(client.backchannelLogoutUri), {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ logout_token: logoutToken }),
    signal: AbortSignal.timeout(logoutTimeout),
  });
  logged.status = response.status;
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`the client answered its logout token with status ${response.status}`);
}
