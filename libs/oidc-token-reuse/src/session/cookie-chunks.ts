/** Spreads a value over cookies that browsers accept, and puts it together again from what came back. */
import { MAX_COOKIE_BYTES } from '../http/cookie-writer.js';
import type { CookieJar } from '../http/cookie-header.js';

/** More pieces than this are never read: Node refuses request headers over 16 KB. */
const MAX_CHUNKS = 4;
/** A browser that holds more has them from somebody else; they go little by little. */
const MAX_HELD = 16;
/** Room for the name and the attributes of each cookie. */
const ATTRIBUTE_BYTES = 160;
const CHUNK_LENGTH = MAX_COOKIE_BYTES - ATTRIBUTE_BYTES;

/** How many cookies a value of this length takes. */
export function chunkCount(length: number): number {
  return Math.max(1, Math.ceil(length / CHUNK_LENGTH));
}

export function toChunks(value: string): readonly string[] {
  return Array.from({ length: chunkCount(value.length) }, (_, index) =>
    value.slice(index * CHUNK_LENGTH, (index + 1) * CHUNK_LENGTH),
  );
}

/** The chunks `name.0`, `name.1` and so on up to the first gap. A chunk that was sent twice counts as a gap. */
export function readChunks(cookies: CookieJar, name: string): readonly string[] {
  const chunks: string[] = [];
  for (let index = 0; index < MAX_CHUNKS; index += 1) {
    const chunk = cookies.get(chunkName(name, index));
    if (chunk === undefined) break;
    chunks.push(chunk);
  }
  return chunks;
}

/** Indices of all chunks that the browser holds, up to a bound, also of those that belong to no value. */
export function heldChunks(cookies: CookieJar, name: string): readonly number[] {
  const held: number[] = [];
  for (const candidate of cookies.names()) {
    if (!candidate.startsWith(`${name}.`)) continue;
    const suffix = candidate.slice(name.length + 1);
    if (/^\d{1,4}$/.test(suffix) && String(Number(suffix)) === suffix) held.push(Number(suffix));
    if (held.length === MAX_HELD) break;
  }
  return held;
}

export function chunkName(name: string, index: number): string {
  return `${name}.${String(index)}`;
}
