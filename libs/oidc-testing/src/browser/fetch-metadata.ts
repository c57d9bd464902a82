/** How far a request goes from where it started: the values of `Sec-Fetch-Site` (Fetch Metadata, section 2.4). */

/** From the nearest to the farthest. */
const sites = ['none', 'same-origin', 'same-site', 'cross-site'] as const;

/** Relation between the page that starts a request and its target; `none` when no page did. */
export type FetchSite = (typeof sites)[number];

/** The relation of a target to the page that starts the request. */
export function siteOf(target: URL, initiator: string | undefined): FetchSite {
  if (initiator === undefined) return 'none';
  const page = new URL(initiator);
  if (page.origin === target.origin) return 'same-origin';
  const isSameSite = page.protocol === target.protocol && siteName(page) === siteName(target);
  return isSameSite ? 'same-site' : 'cross-site';
}

/** A chain of redirects counts as its farthest hop. */
export function fartherSite(a: FetchSite, b: FetchSite): FetchSite {
  return sites.indexOf(a) > sites.indexOf(b) ? a : b;
}

/** Registrable domain, near enough for tests: the last two labels of a name, or the whole address. */
function siteName({ hostname }: URL): string {
  return /^[\d.]+$|:/.test(hostname) ? hostname : hostname.split('.').slice(-2).join('.');
}
