/** Which Entra tenants may sign in, and the issuer that their tokens carry. */
import type { Findings } from './findings.js';
import type { PresetName } from './options.js';
import { isHostOf, PRESETS } from './presets.js';

const GUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The tenant of all personal Microsoft accounts: what the metadata of `consumers` names as issuer. */
const PERSONAL_ACCOUNTS = '9188040d-6c67-4c5b-b112-36a304b66dad';

/** What the metadata of such an issuer writes in place of the tenant. */
const ANY_TENANT = '{tenantid}';

/** Path segments that stand for more than one tenant. */
const SEVERAL_TENANTS = ['common', 'organizations'];

interface TenantQuestion {
  readonly issuer: string;
  readonly url: URL;
  readonly preset: PresetName;
  readonly tenants: readonly string[];
}

interface TenantAnswer {
  readonly issuer: string;
  readonly tenants: readonly string[];
}

export function isGuid(text: string): boolean {
  return GUID.test(text);
}

/**
 * The issuer with its tenant as Entra's metadata writes it: `{tenantid}` for `common` and `organizations`, the id in lower
 * case for one tenant. An issuer on another host that names no tenant is left as it is.
 */
export function checkTenants({ issuer, url, preset, ...given }: TenantQuestion, findings: Findings): TenantAnswer {
  const tenants = [...new Set(given.tenants.map((tenant) => tenant.toLowerCase()))];
  if (!PRESETS[preset].multiTenant) {
    const fix = `remove it, or set ${findings.nameOf('preset')} to entra`;
    if (tenants.length > 0) findings.problem('tenants', `means nothing with preset ${preset}; ${fix}`);
    return { issuer, tenants: [] };
  }
  if (!tenants.every(isGuid)) findings.problem('tenants', 'must hold tenant ids (GUIDs), not names');
  const [, segment = '', version] = url.pathname.split('/');
  if (isHostOf(preset, url)) checkMicrosoftPath({ url, segment, version }, findings);

  const tenant = tenantNamed(segment.toLowerCase());
  if (tenant === undefined) return { issuer, tenants };
  const template = `${url.origin}/${tenant}${url.pathname.slice(1 + segment.length)}`;
  return { issuer: template, tenants: allowedTenants(tenant, tenants, findings) };
}

/** What the metadata writes for the first path segment of an issuer; undefined when that names no tenant. */
function tenantNamed(segment: string): string | undefined {
  if (SEVERAL_TENANTS.includes(segment)) return ANY_TENANT;
  if (segment === 'consumers') return PERSONAL_ACCOUNTS;
  return isGuid(segment) ? segment : undefined;
}

function allowedTenants(named: string, tenants: readonly string[], findings: Findings): readonly string[] {
  if (named === ANY_TENANT) {
    const fix = 'list the ids of the tenants allowed';
    if (tenants.length === 0) findings.problem('tenants', `is required with an issuer of several tenants; ${fix}`);
    return tenants;
  }
  if (tenants.some((tenant) => tenant !== named)) {
    const fix = 'for several tenants write "organizations" in place of the id in the issuer';
    findings.problem('tenants', `names another tenant than the issuer; ${fix}`);
  }
  return [named];
}

interface MicrosoftPath {
  readonly url: URL;
  readonly segment: string;
  readonly version: string | undefined;
}

/** What Microsoft's metadata could never confirm: a tenant by name, or a v1 issuer under the host of v2. */
function checkMicrosoftPath({ url, segment, version }: MicrosoftPath, findings: Findings): void {
  if (tenantNamed(segment.toLowerCase()) === undefined) {
    findings.problem('issuer', 'must name the tenant by its id (a GUID), or "organizations" or "common"');
  }
  if (url.hostname !== 'sts.windows.net' && version !== 'v2.0') {
    findings.problem('issuer', `must end in /v2.0, such as ${url.origin}/TENANT-ID/v2.0`);
  }
}
