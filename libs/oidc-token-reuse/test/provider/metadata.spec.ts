import { describe, expect, it } from '@jest/globals';
import { validateMetadata, type MetadataPolicy } from '../../src/provider/metadata.js';
import { metadataOf } from './support.js';

const PUBLIC: MetadataPolicy = { issuer: 'https://id.example.com', allowInsecure: false };
const LOOPBACK: MetadataPolicy = { issuer: 'http://127.0.0.1:3001', allowInsecure: true };
const check = (more: Record<string, unknown>, policy = PUBLIC): unknown =>
  validateMetadata(metadataOf(policy.issuer, more), policy);

describe('validateMetadata', () => {
  it.each([[null], ['text'], [[]], [1]])('refuses what is no object: %j', (document) => {
    expect(() => validateMetadata(document, PUBLIC)).toThrow('the discovery document is no JSON object');
  });

  it.each([
    ['https://other.example.com'],
    ['https://id.example.com/tenant'],
    ['https://id.example.com.evil.example'],
    ['HTTPS://ID.EXAMPLE.COM'],
    ['https://id.example.com//'],
    [undefined],
    [null],
    [['https://id.example.com']],
  ])('refuses the issuer %j', (issuer) => {
    expect(() => check({ issuer })).toThrow(
      'the discovery document names another issuer than the configured one; set OPENID_ISSUER to exactly what it names',
    );
  });

  it('takes the issuer byte for byte, but for one slash at the end', () => {
    expect(check({})).toMatchObject({ issuer: 'https://id.example.com' });
    expect(check({ issuer: 'https://id.example.com/' })).toMatchObject({ issuer: 'https://id.example.com/' });
    expect(check({ issuer: 'https://id.example.com' }, { ...PUBLIC, issuer: 'https://id.example.com/' })).toMatchObject(
      {
        issuer: 'https://id.example.com',
      },
    );
  });

  it.each(['authorization_endpoint', 'token_endpoint', 'jwks_uri'])('requires %s', (name) => {
    for (const value of [undefined, null, '', 'no url', '/relative', 7, ['https://id.example.com/x']])
      expect(() => check({ [name]: value })).toThrow(`the discovery document member '${name}' is missing or no URL`);
  });

  it.each([
    'userinfo_endpoint',
    'end_session_endpoint',
    'revocation_endpoint',
    'introspection_endpoint',
    'pushed_authorization_request_endpoint',
  ])('checks %s where it is there', (name) => {
    expect(check({ [name]: 'https://id.example.com/x' })).toMatchObject({ [name]: 'https://id.example.com/x' });
    expect(() => check({ [name]: 'http://id.example.com/x' })).toThrow(`member '${name}' is not https`);
  });

  it.each([
    'token_endpoint',
    'userinfo_endpoint',
    'revocation_endpoint',
    'introspection_endpoint',
    'pushed_authorization_request_endpoint',
  ])('N1 checks the alias of %s for mutual TLS as the endpoint itself', (name) => {
    const aliases = (url: unknown) => check({ mtls_endpoint_aliases: { [name]: url } });
    const good = { [name]: 'https://mtls.example.com/x' };
    expect(check({ mtls_endpoint_aliases: good })).toMatchObject({ mtls_endpoint_aliases: good });
    const member = `member 'mtls_endpoint_aliases.${name}'`;
    expect(() => aliases(7)).toThrow(`${member} is missing or no URL`);
    expect(() => aliases('http://mtls.example.com/x')).toThrow(`${member} is not https`);
    expect(() => aliases('https://mtls.example.com/x#a')).toThrow(`${member} holds a user or a fragment`);
    expect(() => aliases('https://10.0.0.1/x')).toThrow(`${member} names a private host`);
  });

  it.each([null, [], 'https://mtls.example.com'])(
    'refuses aliases for mutual TLS that are no object: %j',
    (aliases) => {
      expect(() => check({ mtls_endpoint_aliases: aliases })).toThrow(
        "member 'mtls_endpoint_aliases' is no JSON object",
      );
    },
  );

  it('refuses a list of algorithms for assertions that is none', () => {
    expect(() => check({ token_endpoint_auth_signing_alg_values_supported: 'RS256' })).toThrow(
      "member 'token_endpoint_auth_signing_alg_values_supported' is no list of strings",
    );
  });

  it.each(['http://id.example.com/jwks', 'file:///etc/passwd', 'data:application/json,{}', 'ftp://id.example.com/'])(
    'N1 refuses an endpoint that is not https: %s',
    (url) => {
      expect(() => check({ jwks_uri: url })).toThrow("member 'jwks_uri' is not https");
    },
  );

  it.each(['https://user@id.example.com/jwks', 'https://:secret@id.example.com/jwks', 'https://id.example.com/jwks#a'])(
    'N1 refuses an endpoint with a user or a fragment: %s',
    (url) => {
      expect(() => check({ jwks_uri: url })).toThrow("member 'jwks_uri' holds a user or a fragment");
    },
  );

  it.each([
    'localhost',
    'localhost.',
    'app.localhost',
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '192.0.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.127.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::7f00:1]',
    '[64:ff9b::a9fe:a9fe]',
    '[fc00::1]',
    '[fd12::1]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
  ])('N1 refuses an endpoint on %s, since the issuer is public', (host) => {
    expect(() => check({ token_endpoint: `https://${host}/token` })).toThrow(
      "member 'token_endpoint' names a private host",
    );
  });

  it.each([
    '172.15.0.1',
    '172.32.0.1',
    '100.63.0.1',
    '100.128.0.1',
    '192.169.0.1',
    '198.20.0.1',
    '223.1.1.1',
    '8.8.8.8',
  ])('N1 accepts an endpoint on %s', (host) => {
    expect(check({ token_endpoint: `https://${host}/token` })).toBeDefined();
  });

  it.each(['www.googleapis.com', 'localhost.example.com', 'mylocalhost', '[2606:4700::1]'])(
    'N1 accepts an endpoint on another public host: %s',
    (host) => {
      expect(check({ jwks_uri: `https://${host}/keys` })).toBeDefined();
    },
  );

  it('N1 accepts http and private hosts where the issuer itself is such', () => {
    expect(check({}, LOOPBACK)).toMatchObject({ token_endpoint: 'http://127.0.0.1:3001/token' });
    expect(() => check({ token_endpoint: 'file:///token' }, LOOPBACK)).toThrow('is not https');
  });

  it.each(['id_token_signing_alg_values_supported', 'code_challenge_methods_supported'])(
    'takes %s for a list of strings or nothing',
    (name) => {
      expect(check({ [name]: ['RS256'] })).toMatchObject({ [name]: ['RS256'] });
      for (const value of ['RS256', [1], {}, null])
        expect(() => check({ [name]: value })).toThrow(`member '${name}' is no list of strings`);
    },
  );
});
