/** The `claims` parameter of the authorization request (OpenID Connect Core section 5.5). */
import type { Findings } from './findings.js';
import type { Settings } from './option-shape.js';

/** The members that are defined; others may be there, and providers ignore those they do not know. */
const PARTS = ['userinfo', 'id_token'] as const;

/** Checked: each part is an object, and so is each claim's request that is not null. Not checked: whether the provider knows the claims. */
export function checkClaims({ claims }: Settings, findings: Findings): void {
  if (claims === undefined) return;
  const parts = PARTS.filter((part) => claims[part] !== undefined);
  if (parts.length === 0) findings.problem('claims', 'must hold "id_token" or "userinfo", with the claims to ask for');
  for (const part of parts) {
    if (isClaims(claims[part])) continue;
    findings.problem('claims', `must hold claims in "${part}", each null or an object such as {"essential":true}`);
  }
}

function isClaims(part: unknown): boolean {
  return isRecord(part) && Object.values(part).every((request) => request === null || isRecord(request));
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
