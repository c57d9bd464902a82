/** Clients that present a certificate (RFC 8705): where they are served, and what their certificate says. */
import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { ProviderOptions } from '../provider-options.js';
import type { RequestHandler } from './captured-call.js';
import { listen, type Listener } from './listener.js';

/** Endpoints that have an alias. */
const aliased = [
  'token_endpoint',
  'userinfo_endpoint',
  'revocation_endpoint',
  'introspection_endpoint',
  'pushed_authorization_request_endpoint',
];

/** Starts the second address, where one is asked for. @throws Error without `https` */
export async function listenForCertificates(
  { mutualTls, https, host }: ProviderOptions,
  handler: RequestHandler,
): Promise<Listener | undefined> {
  if (mutualTls === undefined) return undefined;
  if (https === undefined) throw new Error('the option mutualTls needs https');
  // who a certificate belongs to is decided when a client authenticates: self-signed ones have no authority
  const asking = { ...https, requestCert: true, rejectUnauthorized: false };
  return listen(
    { port: 0, host, https: mutualTls.ca === undefined ? asking : { ...asking, ca: mutualTls.ca } },
    handler,
  );
}

/** The certificate that a request came with, if any. */
export function certificateOf({ socket }: IncomingMessage): X509Certificate | undefined {
  return socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
}

/** Whether that certificate comes from the authority. */
export function isAuthorized({ socket }: IncomingMessage): boolean {
  return socket instanceof TLSSocket && socket.authorized;
}

/** Whether the certificate is about what was registered (RFC 8705, section 2.1.2); other properties than these two match nothing. */
export function matchesSubject(certificate: X509Certificate, property: string, expected: string): boolean {
  if (property === 'tls_client_auth_san_dns')
    return certificate.checkHost(expected, { subject: 'never' }) !== undefined;
  return property === 'tls_client_auth_subject_dn' && certificate.subject.split('\n').reverse().join(',') === expected;
}

/** The aliases of a discovery document's endpoints at another origin. */
export function aliasesAt(origin: string, document: Record<string, unknown>): Record<string, string> {
  const aliases: Record<string, string> = {};
  for (const name of aliased) {
    const endpoint = document[name];
    if (typeof endpoint === 'string') aliases[name] = origin + new URL(endpoint).pathname;
  }
  return aliases;
}
