/** Decides where a sign-in may lead: to a path on this origin, and nowhere else (CWE-601). */

/** Longer paths do not fit into the cookie of an attempt. */
const MAX_BYTES = 300;
/** Any origin will do: a path that leaves it is no path. */
const BASE = 'https://origin.invalid';
const SUSPICIOUS = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029\ufeff\\]|%(?:0[0-9a-f]|1[0-9a-f]|5c|2f|7f)/i;

/**
 * The path itself, or `/` for everything that is not a plain path on this origin: other origins in any spelling, control characters, backslashes,
 * encoded slashes, and anything longer than 300 bytes.
 */
export function safeReturnTo(value: string | undefined): string {
  if (value === undefined || Buffer.byteLength(value) > MAX_BYTES) return '/';
  if (!value.startsWith('/') || value.startsWith('//') || SUSPICIOUS.test(pathOf(value)) || /[\u0000-\u0020\\]/.test(value)) return '/';
  if (!URL.canParse(value, BASE)) return '/';
  const url = new URL(value, BASE);
  const path = `${url.pathname}${url.search}${url.hash}`;
  return url.origin === BASE && !url.pathname.startsWith('//') && Buffer.byteLength(path) <= MAX_BYTES ? path : '/';
}

/** What comes before the query: an encoded slash is harmless after it. */
function pathOf(value: string): string {
  return value.split(/[?#]/, 1)[0] ?? '';
}
