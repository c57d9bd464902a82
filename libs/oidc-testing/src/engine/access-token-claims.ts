/** The claims of access tokens beyond those the engine writes itself. */
import type { AccessToken, ClientCredentials } from 'oidc-provider';
import { exchangeGrantTypes } from './exchange-grants.js';
import type { ProviderParts } from './provider-parts.js';

/**
 * Roles and session for a user's token (RFC 9068, section 2.2.3.1); for an exchanged one also who acts
 * (`act`, RFC 8693, section 4.1) and the authorized party.
 */
export function extraTokenClaims(
  parts: ProviderParts,
  token: AccessToken | ClientCredentials,
): Record<string, unknown> | undefined {
  if (token.kind !== 'AccessToken') return undefined;
  const user = parts.users.findBySubject(token.accountId);
  const claims = { roles: user?.roles ?? [], ...(token.sid === undefined ? {} : { sid: token.sid }) };
  if (!exchangeGrantTypes.includes(token.gty)) return claims;
  return { ...claims, azp: token.clientId, act: { sub: token.clientId } };
}
