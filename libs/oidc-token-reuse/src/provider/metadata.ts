/** Checks what a provider publishes about itself (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2). */
import { isIP } from 'node:net';
import type { ServerMetadata } from 'openid-client';
import { ProviderUnavailableException } from '../errors/exceptions.js';
import { isJsonObject, isStringList } from './json.js';

/** Provider metadata whose issuer is the configured one and whose endpoints may be asked. */
export type ProviderMetadata = ServerMetadata & {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
};

const REQUIRED = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const;
const OPTIONAL = [
  'userinfo_endpoint',
  'end_session_endpoint',
  'revocation_endpoint',
  'introspection_endpoint',
  'pushed_authorization_request_endpoint',
] as const;

const STRING_LISTS = [
  'id_token_signing_alg_values_supported',
  'code_challenge_methods_supported',
  'token_endpoint_auth_signing_alg_values_supported',
] as const;

/** Endpoints that may have an alias for mutual TLS (RFC 8705 section 5), of those that are asked. */
const ALIASED = [
  'token_endpoint',
  'userinfo_endpoint',
  'revocation_endpoint',
  'introspection_endpoint',
  'pushed_authorization_request_endpoint',
] as const;

export interface MetadataPolicy {
  /** As configured; holds `{tenantid}` where the provider serves many tenants. */
  readonly issuer: string;
  readonly allowInsecure: boolean;
}

/**
 * Validates a discovery document. Checked: the issuer, required endpoints, and that every
 * endpoint, aliases for mutual TLS included, is https on a public host, unless the issuer itself is not. Not checked: whether the endpoints answer.
 *
 * @throws ProviderUnavailableException naming the member that is wrong
 */
export function validateMetadata(document: unknown, policy: MetadataPolicy): ProviderMetadata {
  if (!isJsonObject(document)) throw unacceptable('is no JSON object');
  assertIssuer(document['issuer'], policy);
  for (const name of REQUIRED) assertEndpoint(name, document[name], policy);
  for (const name of OPTIONAL) if (document[name] !== undefined) assertEndpoint(name, document[name], policy);
  assertAliases(document['mtls_endpoint_aliases'], policy);
  for (const name of STRING_LISTS) assertStrings(name, document[name]);
  // The members read by this library have just been checked; openid-client checks what it reads of the others.
  return document as ProviderMetadata;
}

/** Byte for byte (Discovery 1.0 section 4.3), but for one slash at the end, which a `.well-known` URL does not carry. */
function assertIssuer(issuer: unknown, policy: MetadataPolicy): void {
  if (typeof issuer === 'string' && issuer.replace(/\/$/, '') === policy.issuer.replace(/\/$/, '')) return;
  throw unacceptable('names another issuer than the configured one; set OPENID_ISSUER to exactly what it names');
}

function assertEndpoint(name: string, value: unknown, policy: MetadataPolicy): void {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined) throw unacceptable(`member '${name}' is missing or no URL`);
  if (!isProtected(url, policy)) throw unacceptable(`member '${name}' is not https`);
  // RFC 6749 sections 3.1 and 3.2; `fetch` refuses URLs with credentials.
  if (url.username + url.password + url.hash !== '') throw unacceptable(`member '${name}' holds a user or a fragment`);
  if (isPrivateHost(url.hostname) && !isPrivateHost(new URL(policy.issuer).hostname))
    throw unacceptable(`member '${name}' names a private host`);
}

function assertAliases(aliases: unknown, policy: MetadataPolicy): void {
  if (aliases === undefined) return;
  if (!isJsonObject(aliases)) throw unacceptable("member 'mtls_endpoint_aliases' is no JSON object");
  for (const name of ALIASED)
    if (aliases[name] !== undefined) assertEndpoint(`mtls_endpoint_aliases.${name}`, aliases[name], policy);
}

function isProtected({ protocol }: URL, { allowInsecure }: MetadataPolicy): boolean {
  return protocol === 'https:' || (allowInsecure && protocol === 'http:');
}

function assertStrings(name: string, value: unknown): void {
  if (value === undefined || isStringList(value)) return;
  throw unacceptable(`member '${name}' is no list of strings`);
}

/** This host, loopback, private, shared, link-local, benchmarking, multicast and reserved addresses (RFC 6890). */
const SPECIAL_IPV4 =
  /^(0|10|127|169\.254|192\.168|192\.0\.0|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])|198\.1[89]|22[4-9]|2[3-5]\d)\./;
/** The same, and every form that has an IPv4 address inside. */
const SPECIAL_IPV6 = /^\[(::|64:ff9b:|f[cd]|fe[89a-f]|ff)/;

/** True for address literals that are not public and for `localhost`; names that resolve to such addresses are not looked up. */
function isPrivateHost(hostname: string): boolean {
  if (isIP(hostname) === 4) return SPECIAL_IPV4.test(hostname);
  return hostname.startsWith('[') ? SPECIAL_IPV6.test(hostname) : /(^|\.)localhost\.?$/.test(hostname);
}

function unacceptable(what: string): ProviderUnavailableException {
  return new ProviderUnavailableException(`the discovery document ${what}`, { retryAfter: 30 });
}
