/** The issuer: where discovery is read, what differs for this provider, whose tokens are accepted. */
import type { Findings } from './findings.js';
import type { Settings } from './option-shape.js';
import type { OidcOptions } from './options.js';
import { presetFor } from './presets.js';
import { checkTenants } from './tenants.js';
import { isBare, isProtected, parseUrl } from './url.js';

/** OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3. */
const WELL_KNOWN = /\/\.well-known\/(openid-configuration|oauth-authorization-server)$/;

/** The issuer that a discovery URL belongs to. */
export function withoutWellKnown(url: string): string {
  return url.replace(WELL_KNOWN, '');
}

type ResolvedIssuer = Pick<OidcOptions, 'issuer' | 'discoveryUrl' | 'allowInsecure' | 'preset' | 'tenants'> & {
  readonly url: URL;
};

/**
 * Splits what was configured into issuer and discovery URL. A trailing slash is kept in the issuer and does not double
 * in the discovery URL (OpenID Connect Discovery 1.0 section 4.1).
 */
export function checkIssuer(settings: Settings, findings: Findings): ResolvedIssuer | undefined {
  if (settings.issuer === undefined) return undefined;
  const written = withoutWellKnown(settings.issuer);
  const url = issuerUrl(written, findings);
  if (url === undefined) return undefined;
  const preset = settings.preset ?? presetFor(url);
  return {
    ...checkTenants({ issuer: written, url, preset, tenants: settings.tenants }, findings),
    discoveryUrl:
      written === settings.issuer ? `${written.replace(/\/$/, '')}/.well-known/openid-configuration` : settings.issuer,
    allowInsecure: url.protocol === 'http:',
    preset,
    url,
  };
}

/** OpenID Connect Discovery 1.0 section 2: https, and neither query nor fragment. */
function issuerUrl(text: string, findings: Findings): URL | undefined {
  const url = parseUrl(text);
  if (url === undefined) {
    findings.problem('issuer', 'must be an absolute URL, such as https://id.example.com');
    return undefined;
  }
  if (!isProtected(url)) findings.problem('issuer', 'must be an https URL; http is accepted on loopback only');
  if (!isBare(url, text)) findings.problem('issuer', 'must not hold a user, a password, a query or a fragment');
  if (text.includes('/.well-known/')) findings.problem('issuer', 'must be the issuer itself, without /.well-known/');
  return url;
}
