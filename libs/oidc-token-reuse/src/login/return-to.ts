/** Decides where a sign-in may lead: to a path on this origin, and nowhere else (CWE-601). */
import { MAX_RETURN_TO_BYTES } from '../config/routes.js';

/** Any origin will do: a path that leaves it is no path. */
const BASE = 'https://origin.invalid';
/** Blanks, control characters and backslashes, which browsers drop or read as slashes. */
const UNSAFE = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029\ufeff\\]/;
/** The same and slashes, percent-encoded in the path. */
const UNSAFE_ENCODED = /%(?:[01][0-9a-f]|5c|2f|7f)/i;

/**
 * The path itself, or `/` for everything that is not a plain path on this origin: other origins in any spelling, control characters, backslashes,
 * encoded slashes, and anything longer than 300 bytes.
 */
export function safeReturnTo(value: string | undefined): string {
  if (value === undefined || Buffer.byteLength(value) > MAX_RETURN_TO_BYTES || !isPlainPath(value)) return '/';
  const url = new URL(value, BASE);
  const path = `${url.pathname}${url.search}${url.hash}`;
  return url.origin === BASE && !path.startsWith('//') && Buffer.byteLength(path) <= MAX_RETURN_TO_BYTES ? path : '/';
}

/**
 * The path of an absolute URL on our own origin, or `/` for every other: for `target_link_uri`, which comes from another site (OpenID Connect Core
 * section 4).
 */
export function safeTarget(link: string, origin: string): string {
  if (!URL.canParse(link)) return '/';
  const url = new URL(link);
  return url.origin === origin ? safeReturnTo(`${url.pathname}${url.search}${url.hash}`) : '/';
}

/** One slash in front and nothing that a browser would read differently than it is written; always a valid URL with a base. */
function isPlainPath(value: string): boolean {
  const [path = ''] = value.split(/[?#]/, 1);
  return /^\/(?!\/)/.test(value) && !UNSAFE.test(value) && !UNSAFE_ENCODED.test(path) && URL.canParse(value, BASE);
}
