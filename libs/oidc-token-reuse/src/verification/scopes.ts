/** Reads what an access token may be used for. */
import type { JsonObject } from '../provider/json.js';

export class Scopes {
  /** Most tokens have the scope of the one before. */
  private latest: { readonly value: unknown; readonly list: readonly string[] } = {
    value: undefined,
    list: listOf([]),
  };

  /** `scope` (RFC 9068 section 2.2.3) or Entra's `scp`, as one string or a list: each scope once, frozen. */
  of(claims: JsonObject): readonly string[] {
    const value = claims['scope'] ?? claims['scp'];
    if (value === this.latest.value) return this.latest.list;
    const list = listOf(typeof value === 'string' ? value.split(' ') : value);
    this.latest = { value, list };
    return list;
  }
}

function listOf(value: unknown): readonly string[] {
  const listed: readonly unknown[] = Array.isArray(value) ? value : [];
  return Object.freeze(
    listed.filter(
      (scope, index): scope is string => typeof scope === 'string' && scope !== '' && listed.indexOf(scope) === index,
    ),
  );
}
