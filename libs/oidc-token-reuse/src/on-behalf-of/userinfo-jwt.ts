/** Validates the claims of a signed UserInfo response (OpenID Connect Core section 5.3.2). Pure: claims in, claims out, or throw. */
import type { JsonObject } from '../provider/json.js';
import { audiencesOf, unexpected, validateTimes, type TimePolicy } from '../verification/claims.js';

export interface UserInfoJwtPolicy extends TimePolicy {
  /** Issuer of the principal. */
  readonly issuer: string;
  readonly clientId: string;
}

/**
 * `iss`, `aud` and `exp` are optional there; where they are present they hold. `sub` is compared by the caller.
 *
 * @throws UnacceptableClaimError
 */
export function validateUserInfoJwt(claims: JsonObject, { issuer, clientId, ...times }: UserInfoJwtPolicy): JsonObject {
  if (claims['iss'] !== undefined && claims['iss'] !== issuer) unexpected('iss');
  if (claims['aud'] !== undefined && !audiencesOf(claims).includes(clientId)) unexpected('aud');
  if (claims['exp'] !== undefined) validateTimes(claims, times);
  return claims;
}
