/** The few questions asked about URLs and paths while options are checked. */

/** The URL, undefined when the text is not absolute or the parser would have to repair it. */
export function parseUrl(text: string): URL | undefined {
  if (/[\s\\]/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return text.startsWith(`${url.protocol}//`) ? url : undefined;
}

/** Loopback as this project means it: `localhost`, 127.0.0.0/8 and `[::1]`. */
function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/** https, or http that does not leave this machine. */
export function isProtected(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}

/** No user, password, query or fragment, not even empty ones. */
export function isBare(url: URL, text: string): boolean {
  return url.username === '' && url.password === '' && !/[?#]/.test(text);
}

/** A path that stays on its origin and that a browser would not rewrite. */
export function isPath(text: string): boolean {
  return (
    text.startsWith('/') &&
    URL.canParse(text, 'http://origin') &&
    new URL(text, 'http://origin').href === `http://origin${text}` &&
    !/[?#]/.test(text)
  );
}
