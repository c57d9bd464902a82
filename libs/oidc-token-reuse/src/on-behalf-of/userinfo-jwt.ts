/** Validates the claims of a signed UserInfo response (OpenID Connect Core section 5.3.2). Pure: claims in, claims out, or throw. */
import type { JsonObject } from '../provider/json.js';
import { audiencesOf, unexpected } from '../verification/claims.js';

/** `iss` and `aud` are optional there; where they are present they are ours. `sub` is compared by the caller. */
export function validateUserInfoJwt(
  claims: JsonObject,
  { issuer, clientId }: { readonly issuer: string; readonly clientId: string },
): JsonObject {
  if (claims['iss'] !== undefined && claims['iss'] !== issuer) unexpected('iss');
  if (claims['aud'] !== undefined && !audiencesOf(claims).includes(clientId)) unexpected('aud');
  return claims;
}
