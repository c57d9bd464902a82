/** Says why something failed in words that are safe to log: codes and names, never a value that came from outside. */

const SAFE = /^[\w .:'"()/-]{1,200}$/;

/** The chain of names and codes of an error and its causes, such as `TypeError < ECONNREFUSED`. */
export function reasonOf(error: unknown): string {
  const parts: string[] = [];
  let current = error;
  for (let depth = 0; depth < 4 && current instanceof Error; depth += 1) {
    parts.push(describe(current));
    current = current.cause;
  }
  return parts.length === 0 ? typeof error : parts.join(' < ');
}

function describe(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return code !== undefined && SAFE.test(code) ? `${error.name} ${code}` : error.name;
}
