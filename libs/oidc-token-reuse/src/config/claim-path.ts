/** Reads a claim by the path that `rolePath` names. */

const PATH = /^[^\s.[\]]+(\.[^\s.[\]]+)*$/;

/** Names joined by dots: no blank, no empty name, no brackets. */
export function isClaimPath(path: string): boolean {
  return PATH.test(path);
}

/**
 * The value at a path inside claims, undefined when there is none.
 *
 * Claim names may hold dots themselves (`https://example.com/roles`, or a client id below Keycloak's `resource_access`):
 * at every level the longest name that exists is taken, so a whole name wins over its dotted reading. Own properties of
 * objects are read only, never a prototype's and never an array's.
 */
export function readPath(claims: unknown, path: string): unknown {
  if (!isObject(claims)) return undefined;
  if (Object.hasOwn(claims, path)) return claims[path];
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const name = path.slice(0, dot);
    if (Object.hasOwn(claims, name)) return readPath(claims[name], path.slice(dot + 1));
  }
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
