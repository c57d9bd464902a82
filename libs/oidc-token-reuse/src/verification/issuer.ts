/** Decides whether a token was issued by our provider, also when the provider serves many tenants. */
import type { OidcOptions } from '../config/options.js';
import type { JsonObject } from '../provider/json.js';
import { unexpected } from './claims.js';

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TENANT_TEMPLATE = '{tenantid}';

export interface IssuerPolicy {
  /** `issuer` of the provider's metadata; may hold `{tenantid}`. */
  readonly metadataIssuer: string;
  readonly options: Pick<OidcOptions, 'preset' | 'tenants'>;
  /** The key's own `issuer` member, if it has one. */
  readonly keyIssuer: string | undefined;
}

/**
 * Validates `iss`: byte for byte, or, where tenants are allowed, as the template filled with the token's own `tid`. Where the key has an `issuer`, it
 * is of the same tenant.
 *
 * @returns the tenant, for a provider with tenants
 * @see https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer
 */
export function validateIssuer(claims: JsonObject, policy: IssuerPolicy): string | undefined {
  const { iss } = claims;
  if (typeof iss !== 'string') unexpected('iss', 'missing or malformed');
  const tenant = policy.options.tenants.length > 0 ? tenantOf(claims, policy.options.tenants) : undefined;
  const issuers = issuersOf(tenant, policy);
  if (!issuers.includes(iss)) unexpected('iss');
  if (policy.keyIssuer !== undefined && !issuers.includes(fill(policy.keyIssuer, tenant))) unexpected('iss');
  return tenant;
}

/** The one name of the issuer of a tenant, whichever of its forms a token has: half of the end-user's identity. */
export function issuerOf(metadataIssuer: string, tenant: string | undefined): string {
  return fill(metadataIssuer, tenant);
}

/** True for `iss` of an authorization response (RFC 9207 section 2.4) that one of our tenants, or our only issuer, may send. */
export function isOwnIssuer(iss: string, metadataIssuer: string, options: IssuerPolicy['options']): boolean {
  const tenants = options.tenants.length > 0 ? options.tenants : [undefined];
  return tenants.some((tenant) => issuersOf(tenant, { metadataIssuer, options }).includes(iss));
}

function tenantOf(claims: JsonObject, allowed: readonly string[]): string {
  const { tid } = claims;
  if (typeof tid !== 'string' || !GUID.test(tid) || !allowed.includes(tid)) unexpected('tid', 'missing or not allowed');
  return tid;
}

/** The issuers a token of this tenant may name: for Entra its v1 and its v2 form, since the application's manifest chooses between them. */
function issuersOf(
  tenant: string | undefined,
  { metadataIssuer, options }: Omit<IssuerPolicy, 'keyIssuer'>,
): readonly string[] {
  const own = fill(metadataIssuer, tenant);
  if (options.preset !== 'entra' || tenant === undefined) return [own];
  return [own, `https://sts.windows.net/${tenant}/`, `https://login.microsoftonline.com/${tenant}/v2.0`];
}

function fill(template: string, tenant: string | undefined): string {
  return tenant === undefined ? template : template.replace(TENANT_TEMPLATE, tenant);
}
