import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ProviderUnavailableException } from '../../src/errors/exceptions.js';
import type { OidcModuleOptions } from '../../src/config/options.js';
import type { ProtocolClient } from '../../src/provider/protocol.client.js';
import { LostResponseException } from '../../src/provider/provider-fetch.js';
import { ProviderRefusal, UnacceptableAnswerError } from '../../src/provider/provider-refusal.js';
import {
  deadAddress,
  failureOf,
  held,
  json,
  metadataOf,
  providerFor,
  respond,
  startIssuer,
  type Handler,
  type TestIssuer,
} from './support.js';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('ProtocolClient', () => {
  let issuer: TestIssuer;
  const clientFor = (options: Partial<OidcModuleOptions> = {}): ProtocolClient =>
    providerFor({ issuer: issuer.url, options }).provider.client;
  /** From now on the metadata holds this too. */
  const publish = (more: Record<string, string | boolean>): void => {
    issuer.discovery = json(metadataOf(issuer.url, more));
  };

  beforeEach(async () => {
    issuer = await startIssuer();
  });
  afterEach(() => issuer.close());

  describe('requestTokens', () => {
    const request = (): ReturnType<ProtocolClient['requestTokens']> =>
      clientFor().requestTokens('refresh_token', { refresh_token: 'spent' });
    let sent: { path: string | undefined; authorization: string | undefined; form: Record<string, string> }[];
    const recording =
      (next: Handler): Handler =>
      (incoming, response) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
          sent.push({ path: incoming.url, authorization: incoming.headers.authorization, form });
          next(incoming, response);
        });
      };

    beforeEach(() => {
      sent = [];
    });

    it.each<[OidcModuleOptions['clientAuthMethod'], boolean, Record<string, string>]>([
      ['client_secret_basic', true, {}],
      ['client_secret_post', false, { client_id: 'web', client_secret: 'a-client-secret' }],
      ['none', false, { client_id: 'web' }],
    ])('authenticates with %s', async (clientAuthMethod, hasHeader, form) => {
      issuer.others = recording(json({ access_token: 'a', token_type: 'Bearer' }));
      const secret = clientAuthMethod === 'none' ? { clientSecret: undefined } : {};
      await clientFor({ clientAuthMethod, ...secret }).requestTokens('refresh_token', { refresh_token: 'r' });
      const authorization = hasHeader
        ? `Basic ${Buffer.from('web:a%2Dclient%2Dsecret').toString('base64')}`
        : undefined;
      expect(sent).toEqual([
        { path: '/token', authorization, form: { grant_type: 'refresh_token', refresh_token: 'r', ...form } },
      ]);
    });

    it('reads the tokens, whatever openid-client thinks of the other members', async () => {
      issuer.others = json({
        access_token: 'a',
        token_type: 'bearer',
        expires_in: -7,
        id_token: 'no token',
        refresh_token: 'r2',
        scope: ['odd'],
      });
      expect(await request()).toEqual({
        accessToken: 'a',
        expiresIn: undefined,
        refreshToken: 'r2',
        refreshExpiresIn: undefined,
        idToken: 'no token',
        scope: undefined,
      });
    });

    it.each<[string, Handler]>([
      ['HTML with status 200', respond(200, '<!doctype html>', { 'content-type': 'text/html' })],
      [
        'JSON of another type',
        respond(200, '{"access_token":"a","token_type":"Bearer"}', { 'content-type': 'text/plain' }),
      ],
      ['cut JSON', respond(200, '{"access_token":"a","refresh_token":"s3cret', JSON_TYPE)],
      ['a repeated member', respond(200, '{"access_token":"a","token_type":"Bearer","access_token":"b"}', JSON_TYPE)],
      ['nothing', respond(200, '', JSON_TYPE)],
      ['no access token', json({ token_type: 'Bearer' })],
      [
        'an access token of other characters',
        respond(200, '{"access_token":"\\ud800","token_type":"Bearer"}', JSON_TYPE),
      ],
      ['no token type', json({ access_token: 'a' })],
      ['a token type that is not understood', json({ access_token: 'a', token_type: 'mac' })],
      ['too much', json({ access_token: 'a', token_type: 'Bearer', padding: 'x'.repeat(600_000) })],
      ['202', respond(202, '{}', JSON_TYPE)],
      ['500', respond(500)],
      ['502 with a body', respond(502, '<html>', { 'content-type': 'text/html' })],
    ])('knows that the tokens may be lost: %s', async (_what, bad) => {
      issuer.others = bad;
      const failure = await failureOf(request());
      expect(failure).toBeInstanceOf(LostResponseException);
      expect(String((failure as Error).stack) + String((failure as Error).cause)).not.toContain('s3cret');
    });

    it.each<[string, Handler]>([
      ['404 of somebody else', respond(404, '<html>', { 'content-type': 'text/html' })],
      ['403 without a reason', respond(403)],
      ['400 with JSON that is no error response', respond(400, '{"message":"no"}', JSON_TYPE)],
      ['400 with an error that is no string', respond(400, '{"error":7}', JSON_TYPE)],
      ['429', respond(429)],
      ['a redirect', respond(307, '', { location: '/elsewhere' })],
    ])('knows that nothing was spent: %s', async (_what, bad) => {
      issuer.others = bad;
      const failure = await failureOf(request());
      expect(failure).toBeInstanceOf(ProviderUnavailableException);
      expect(failure).not.toBeInstanceOf(LostResponseException);
    });

    it('knows that nothing was spent when there is no connection', async () => {
      publish({ token_endpoint: `${await deadAddress()}/token` });
      expect(await failureOf(request())).not.toBeInstanceOf(LostResponseException);
    });

    it.each<[string, Record<string, string>]>([
      ['', {}],
      [' beside a challenge', { 'www-authenticate': 'Basic realm="id"' }],
    ])('names the error of a refusal%s', async (_how, headers) => {
      issuer.others = respond(401, '{"error":"invalid_client","error_description":"of alice"}', {
        ...JSON_TYPE,
        ...headers,
      });
      const failure = await failureOf(request());
      expect(failure).toBeInstanceOf(ProviderRefusal);
      expect(failure).toMatchObject({
        error: 'invalid_client',
        status: 401,
        message: 'the OpenID Provider refused with "invalid_client"',
      });
    });

    it('gives up after its own timeout', async () => {
      issuer.others = held(json({})).handler;
      const client = clientFor({ tokenRequestTimeout: 40, httpTimeout: 5000 });
      const failure = await failureOf(client.requestTokens('refresh_token', { refresh_token: 'r' }));
      expect(failure).toBeInstanceOf(LostResponseException);
    });
  });

  describe('authorizationUrl', () => {
    it('is the authorization endpoint with the parameters', async () => {
      const url = await clientFor().authorizationUrl({ scope: 'openid', state: 's' });
      expect([url.origin + url.pathname, Object.fromEntries(url.searchParams)]).toEqual([
        `${issuer.url}/auth`,
        { client_id: 'web', response_type: 'code', scope: 'openid', state: 's' },
      ]);
      expect(issuer.paths).toEqual(['/.well-known/openid-configuration']);
    });

    it.each<[string, Partial<OidcModuleOptions>, Record<string, boolean>]>([
      ['the options', { usePar: true }, {}],
      ['the provider', {}, { require_pushed_authorization_requests: true }],
    ])('is pushed first when %s ask for it', async (_who, options, metadata) => {
      publish({ pushed_authorization_request_endpoint: `${issuer.url}/par`, ...metadata });
      issuer.others = respond(201, '{"request_uri":"urn:x:1","expires_in":60}', JSON_TYPE);
      const url = await clientFor(options).authorizationUrl({ scope: 'openid' });
      expect([Object.fromEntries(url.searchParams), issuer.count('/par')]).toEqual([
        { client_id: 'web', request_uri: 'urn:x:1' },
        1,
      ]);
    });

    it('is not pushed when the options say so', async () => {
      publish({
        pushed_authorization_request_endpoint: `${issuer.url}/par`,
        require_pushed_authorization_requests: true,
      });
      await clientFor({ usePar: false }).authorizationUrl({ scope: 'openid' });
      expect(issuer.count('/par')).toBe(0);
    });

    it('fails with the refusal of a pushed request', async () => {
      publish({ pushed_authorization_request_endpoint: `${issuer.url}/par` });
      issuer.others = respond(400, '{"error":"invalid_request"}', JSON_TYPE);
      expect(await failureOf(clientFor({ usePar: true }).authorizationUrl({ scope: 'openid' }))).toMatchObject({
        error: 'invalid_request',
        status: 400,
      });
    });
  });

  describe('userInfo', () => {
    const request = (): ReturnType<ProtocolClient['userInfo']> =>
      clientFor().userInfo({
        accessToken: 'a',
        subject: 'alice',
        verifyJwt: (jwt) =>
          jwt === 'good'
            ? Promise.resolve({ sub: 'alice', signed: true })
            : Promise.reject(new UnacceptableAnswerError('bad')),
      });

    beforeEach(() => {
      publish({ userinfo_endpoint: `${issuer.url}/me` });
    });

    it('gives the claims', async () => {
      issuer.others = (incoming, response) => {
        json({ sub: 'alice', bearer: incoming.headers.authorization })(incoming, response);
      };
      expect(await request()).toEqual({ sub: 'alice', bearer: 'Bearer a' });
    });

    it('N9 gives the claims of a signed answer, once they are verified', async () => {
      issuer.others = respond(200, 'good', { 'content-type': 'Application/JWT; charset=utf-8' });
      expect(await request()).toEqual({ sub: 'alice', signed: true });
      issuer.others = respond(200, 'bad', { 'content-type': 'application/jwt' });
      expect(await failureOf(request())).toMatchObject({ message: 'bad' });
    });

    it.each<[string, Handler]>([
      ['HTML', respond(200, '<!doctype html>', { 'content-type': 'text/html' })],
      ['a signed answer that does not say so', respond(200, 'good', { 'content-type': 'text/plain' })],
      ['cut JSON', respond(200, '{"sub":"alice"', JSON_TYPE)],
      ['a list', json([])],
      ['nothing', respond(200)],
      ['500', respond(500)],
    ])('N9 takes %s for no answer', async (_what, bad) => {
      issuer.others = bad;
      expect(await failureOf(request())).toBeInstanceOf(LostResponseException);
    });

    it.each([{ sub: 'mallory' }, { sub: ['alice'] }, { name: 'alice' }, {}])(
      'N8 does not believe claims about somebody else: %j',
      async (claims) => {
        issuer.others = json(claims);
        const failure = await failureOf(request());
        expect(failure).toBeInstanceOf(UnacceptableAnswerError);
        expect(failure).toMatchObject({ message: 'the UserInfo response is about another subject' });
      },
    );

    it('T15 refuses claims with a member __proto__', async () => {
      issuer.others = respond(200, '{"sub":"alice","__proto__":{"admin":true}}', JSON_TYPE);
      expect(await failureOf(request())).toBeInstanceOf(LostResponseException);
    });

    it.each([
      [401, ProviderRefusal, 'the OpenID Provider refused with "invalid_token"'],
      [403, ProviderRefusal, 'the OpenID Provider refused with "insufficient_scope"'],
      [404, UnacceptableAnswerError, 'the UserInfo endpoint answered 404'],
    ])('understands status %d', async (status, Failure, message) => {
      issuer.others = respond(status, '', { 'www-authenticate': 'Bearer error="something_else"' });
      const failure = await failureOf(request());
      expect(failure).toBeInstanceOf(Failure);
      expect(failure).toMatchObject({ message });
    });

    it('knows when there is no UserInfo endpoint', async () => {
      publish({});
      expect(await failureOf(request())).toMatchObject({ message: 'the provider has no UserInfo endpoint' });
    });
  });

  describe('revoke', () => {
    it('does nothing without a revocation endpoint', async () => {
      expect(await clientFor().revoke('t', 'refresh_token')).toBe(false);
    });

    it('asks the provider to revoke the token', async () => {
      publish({ revocation_endpoint: `${issuer.url}/revoke` });
      issuer.others = respond(200);
      expect(await clientFor().revoke('t', 'access_token')).toBe(true);
      expect(issuer.count('/revoke')).toBe(1);
      issuer.others = respond(503);
      expect(await failureOf(clientFor().revoke('t', 'access_token'))).toBeInstanceOf(ProviderUnavailableException);
    });
  });

  describe('endSessionUrl', () => {
    it('is there once the provider is known, if it has one', async () => {
      const { provider } = providerFor({ issuer: issuer.url });
      expect(provider.client.endSessionUrl({})).toBeUndefined();
      await provider.metadata.get();
      expect(provider.client.endSessionUrl({})).toBeUndefined();
      publish({ end_session_endpoint: `${issuer.url}/end` });
      const other = providerFor({ issuer: issuer.url });
      await other.provider.metadata.get();
      expect(other.provider.client.endSessionUrl({ state: 's' })?.href).toBe(`${issuer.url}/end?state=s&client_id=web`);
    });
  });
});
