import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { algorithmFor } from '../../src/provider/client-assertion.js';
import { json, metadataOf, providerFor, startIssuer, type TestIssuer } from './support.js';

const RSA = ['RS256', 'PS256', 'RS384', 'PS384', 'RS512', 'PS512'];

describe('algorithmFor', () => {
  it.each([
    [RSA, undefined, 'RS256'],
    [RSA, ['PS256', 'ES256'], 'PS256'],
    [RSA, ['PS512', 'RS384'], 'RS384'],
    [RSA, ['ES256'], 'RS256'],
    [['PS256'], ['RS256', 'PS256'], 'PS256'],
    [['EdDSA', 'Ed25519'], undefined, 'EdDSA'],
    [['EdDSA', 'Ed25519'], ['Ed25519'], 'Ed25519'],
    [['ES384'], [], 'ES384'],
  ])('a key for %j at a provider that supports %j signs with %s', (algorithms, supported, alg) => {
    const server = {
      issuer: 'https://id.example.com',
      ...(supported && { token_endpoint_auth_signing_alg_values_supported: supported }),
    };
    expect(algorithmFor({ algorithms }, server)).toBe(alg);
  });
});

describe('an assertion', () => {
  let issuer: TestIssuer;
  let assertions: string[];

  beforeEach(async () => {
    issuer = await startIssuer();
    assertions = [];
    issuer.others = (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const form = new URLSearchParams(Buffer.concat(chunks).toString());
        assertions.push(form.get('client_assertion') ?? '');
        json({ access_token: 'a', token_type: 'Bearer' })(request, response);
      });
    };
  });
  afterEach(() => issuer.close());

  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const clientKeys = [JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: 'key-7' })];
  const options = { clientAuthMethod: 'private_key_jwt', clientSecret: undefined, clientKeys } as const;

  it("L13 is for the issuer as one string, though the endpoints are somebody else's", async () => {
    const elsewhere = metadataOf(issuer.url, { token_endpoint: `${issuer.url}/somebody-else/token` });
    issuer.discovery = json(elsewhere);
    const { client } = providerFor({ issuer: issuer.url, options }).provider;
    await client.requestTokens('refresh_token', { refresh_token: 'r' });
    expect(issuer.paths).toContain('/somebody-else/token');
    expect(decodeJwt(assertions[0] ?? '')).toMatchObject({ aud: issuer.url, iss: 'web', sub: 'web' });
  });

  it('says which key signed it, and with what the provider supports', async () => {
    issuer.discovery = json(metadataOf(issuer.url, { token_endpoint_auth_signing_alg_values_supported: ['PS384'] }));
    const { client } = providerFor({ issuer: issuer.url, options }).provider;
    await client.requestTokens('refresh_token', { refresh_token: 'r' });
    expect(decodeProtectedHeader(assertions[0] ?? '')).toEqual({ alg: 'PS384', kid: 'key-7' });
  });

  it('is never sent twice', async () => {
    const { client } = providerFor({ issuer: issuer.url, options }).provider;
    await client.requestTokens('refresh_token', { refresh_token: 'r' });
    await client.requestTokens('refresh_token', { refresh_token: 'r' });
    expect(new Set(assertions.map((assertion) => decodeJwt(assertion).jti)).size).toBe(2);
  });

  it('is for the configured issuer where the provider names all its tenants at once', async () => {
    const issuers = `${issuer.url}/organizations/v2.0`;
    const document = metadataOf(issuer.url, { issuer: `${issuer.url}/{tenantid}/v2.0` });
    const respondTo = issuer.handler;
    issuer.handler = (request, response) => {
      if (request.url?.startsWith('/organizations/') === true) json(document)(request, response);
      else respondTo(request, response);
    };
    const tenants = ['11111111-2222-3333-4444-55555555555a'];
    const setup = { issuer: issuers, options: { ...options, preset: 'entra', tenants } } as const;
    await providerFor(setup).provider.client.requestTokens('refresh_token', { refresh_token: 'r' });
    expect(decodeJwt(assertions[0] ?? '').aud).toBe(issuers);
  });
});
