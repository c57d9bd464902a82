/** The addresses of the application itself: its origin, the redirect URI, where logout and a failed sign-in end. */
import { OidcConfigurationException } from '../errors/configuration.exception.js';
import { createFindings, type Findings } from './findings.js';
import type { Settings } from './option-shape.js';
import type { OidcOptions } from './options.js';
import { isBare, isPath, isProtected, parseUrl } from './url.js';

type ResolvedOrigin = Pick<
  OidcOptions,
  'publicUrl' | 'callbackUrl' | 'callbackPath' | 'postLogoutRedirectUri' | 'errorPath'
>;

/** A path that both HTTP adapters serve as it stands: no parameter, no wildcard, no slash at the end. */
const ROUTE = /^(\/[\w.~-]+)+$/;

/** Browsers would refuse both (RFC 6265bis section 4.1.3.2). */
const HTTP_WARNING = 'is http: cookies go without the prefix __Host- and without Secure; for development only';

interface Addresses {
  readonly settings: Settings;
  readonly issuer: URL | undefined;
  readonly callback: Callback;
}

interface Callback {
  readonly path: string;
  /** Undefined when only the path was given. */
  readonly url: URL | undefined;
}

/** Checks the addresses against each other and against the issuer; a `publicUrl` function is checked when it is first used. */
export function checkOrigin(settings: Settings, issuer: URL | undefined, findings: Findings): ResolvedOrigin {
  const { errorPath, postLogoutRedirectUri } = settings;
  if (errorPath !== undefined && !isPath(errorPath)) {
    findings.problem('errorPath', 'must be a path on this origin, such as /sign-in-failed');
  }
  if (postLogoutRedirectUri !== undefined && !isWebUrl(postLogoutRedirectUri)) {
    findings.problem('postLogoutRedirectUri', 'must be an absolute http or https URL');
  }
  const callback = readCallback(settings.callbackUrl, findings);
  const publicUrl = originSource({ settings, issuer, callback }, findings);
  return {
    publicUrl,
    callbackPath: callback.path,
    callbackUrl: () => {
      const origin = publicUrl();
      return callback.url === undefined ? `${origin}${callback.path}` : settings.callbackUrl;
    },
    postLogoutRedirectUri: () => postLogoutRedirectUri ?? publicUrl(),
    errorPath,
  };
}

function isWebUrl(text: string): boolean {
  const url = parseUrl(text);
  return url !== undefined && /^https?:$/.test(url.protocol);
}

function readCallback(text: string, findings: Findings): Callback {
  const url = parseUrl(text);
  const path = url === undefined ? text : url.pathname;
  const clean = url === undefined || (isWebUrl(text) && isBare(url, text));
  if (!clean || !ROUTE.test(path) || !isPath(path)) {
    findings.problem(
      'callbackUrl',
      'must be a path or an absolute URL with one, without query and without a slash at the end, such as /auth/callback',
    );
  }
  return { path, url };
}

function originSource(addresses: Addresses, findings: Findings): () => string {
  const { publicUrl } = addresses.settings;
  if (typeof publicUrl !== 'function') {
    const origin = publicUrl === undefined ? '' : checkPublicUrl(publicUrl, addresses, findings);
    return () => origin;
  }
  let origin: string | undefined;
  return () => (origin ??= checkedLater(publicUrl(), addresses, findings));
}

/** The same rules at first use, when start-up is over: what is wrong is thrown. */
function checkedLater(text: string, addresses: Addresses, { nameOf }: Findings): string {
  const findings = createFindings(nameOf);
  const origin = checkPublicUrl(text, addresses, findings);
  if (findings.problems.length > 0) throw new OidcConfigurationException(findings.problems);
  return origin;
}

function checkPublicUrl(text: string, { settings, issuer, callback }: Addresses, findings: Findings): string {
  const url = parseUrl(text);
  if (url === undefined) {
    findings.problem('publicUrl', 'must be the origin that browsers use, such as https://app.example.com');
    return '';
  }
  if (!isProtected(url)) findings.problem('publicUrl', 'must be an https URL; http is accepted on loopback only');
  else if (url.protocol === 'http:') findings.warn('publicUrl', HTTP_WARNING);
  if (!isBare(url, text) || url.pathname !== '/') {
    findings.problem('publicUrl', 'must be an origin only, without user, path, query or fragment');
  }
  if (callback.url !== undefined && callback.url.origin !== url.origin) {
    findings.problem('callbackUrl', `must be on the origin of ${findings.nameOf('publicUrl')}, or only a path`);
  }
  if (settings.responseMode === 'form_post' && losesTransaction(url, issuer)) {
    findings.problem(
      'responseMode',
      `form_post over http works only when provider and application have the same host; use query, or https in ${findings.nameOf('publicUrl')}`,
    );
  }
  return url.origin;
}

/** The provider's POST is cross-site, and a browser sends it a cookie over https only (`SameSite=None; Secure`). */
function losesTransaction(application: URL, issuer: URL | undefined): boolean {
  if (application.protocol === 'https:' || issuer === undefined) return false;
  return application.protocol !== issuer.protocol || application.hostname !== issuer.hostname;
}
