/** Reads the roles of an end-user from the claims that name them. */
import { readPath } from '../config/claim-path.js';
import { isStringList, type JsonObject } from '../provider/json.js';

/** Roles at a path of claims: a list of strings, or one string with separators, as some providers write it. */
export function rolesAt(claims: JsonObject, path: string): readonly string[] {
  const value = readPath(claims, path);
  if (typeof value === 'string') return value.split(/[\s,]+/).filter((role) => role !== '');
  if (isStringList(value)) return value;
  return Array.isArray(value) ? value.filter((role) => typeof role === 'string') : [];
}
