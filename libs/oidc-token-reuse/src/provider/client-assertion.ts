/** `private_key_jwt` (RFC 7523, OpenID Connect Core section 9): openid-client writes and sends the assertion, here is decided what is in it. */
import { createHash, type X509Certificate } from 'node:crypto';
import { importPKCS8, type CryptoKey } from 'jose';
import { modifyAssertion, PrivateKeyJwt, type ClientAuth, type ServerMetadata } from 'openid-client';
import type { ClientKey } from '../config/client-key.js';
import { withoutWellKnown } from '../config/issuer.js';

export interface AssertionOptions {
  readonly discoveryUrl: string;
  /** The certificate of the key, for providers that know keys by it, as Entra does. */
  readonly certificate: X509Certificate | undefined;
}

/** Authenticates with assertions that this key signs: for the issuer alone, for a minute, each with a `jti` of its own. */
export function assertionBy(
  key: ClientKey,
  options: AssertionOptions,
): (server: ServerMetadata) => Promise<ClientAuth> {
  const imported = new Map<string, Promise<CryptoKey>>();
  return async (server) => {
    const alg = algorithmFor(key, server);
    const signing = imported.get(alg) ?? importPKCS8(pkcs8Of(key), alg);
    imported.set(alg, signing);
    return PrivateKeyJwt(
      { key: await signing, ...(key.kid === undefined ? {} : { kid: key.kid }) },
      {
        [modifyAssertion]: (header, payload) => {
          header['alg'] = alg;
          if (options.certificate !== undefined) header['x5t#S256'] = thumbprintOf(options.certificate);
          payload['aud'] = audienceOf(server, options);
        },
      },
    );
  };
}

/** The first that the provider supports; the key's first when it does not say, or knows none of them and is asked all the same. */
export function algorithmFor({ algorithms }: Pick<ClientKey, 'algorithms'>, server: ServerMetadata): string {
  const [preferred = ''] = algorithms;
  const supported = server.token_endpoint_auth_signing_alg_values_supported ?? [];
  return algorithms.find((alg) => supported.includes(alg)) ?? preferred;
}

/**
 * The issuer, as one string (draft-ietf-oauth-rfc7523bis section 4). Never an endpoint: those come out of a document, and a document of somebody else could
 * name an endpoint of the provider that the assertion is then good for (CVE-2025-27370). Where one issuer stands for many tenants, the configured one.
 */
function audienceOf({ issuer }: ServerMetadata, { discoveryUrl }: AssertionOptions): string {
  return issuer.includes('{tenantid}') ? withoutWellKnown(discoveryUrl) : issuer;
}

function thumbprintOf({ raw }: X509Certificate): string {
  return createHash('sha256').update(raw).digest('base64url');
}

function pkcs8Of({ key }: ClientKey): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}
