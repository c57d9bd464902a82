import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  generateKeyPair,
  exportJWK,
  jwtVerify,
  SignJWT,
} from 'jose';
import { createTestProvider, TestBrowser, type TestProvider } from '../src/index.js';
import { exchange, get, onBehalfOf, post, receiver, refresh, send, type Received } from './support.js';

let provider: TestProvider;
let app: { url: string; received: Received[]; close: () => Promise<void> };

const authorizationUrl = (params: Record<string, string>): string => {
  const defaults = { client_id: 'web', response_type: 'code', scope: 'openid', redirect_uri: `${app.url}/callback` };
  const pkce = { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' };
  return `${provider.issuer}/auth?${new URLSearchParams({ ...defaults, ...pkce, ...params }).toString()}`;
};

beforeAll(async () => {
  app = await receiver();
  provider = await createTestProvider();
  provider.registerRedirectUri(`${app.url}/callback`);
  provider.registerPostLogoutRedirectUri(`${app.url}/bye`);
});

afterAll(async () => {
  await provider.close();
  await app.close();
});

beforeEach(() => {
  provider.requests.reset();
  app.received.length = 0;
});

describe('discovery', () => {
  it('names the issuer, the Graph-like UserInfo endpoint and what is supported', async () => {
    const { body } = await get(`${provider.issuer}/.well-known/openid-configuration`);
    expect(body).toMatchObject({
      issuer: provider.issuer,
      userinfo_endpoint: `${provider.issuer}/graph/oidc/userinfo`,
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      backchannel_logout_session_supported: true,
      pushed_authorization_request_endpoint: `${provider.issuer}/request`,
      id_token_signing_alg_values_supported: ['RS256'],
    });
    expect(body.grant_types_supported).toEqual(
      expect.arrayContaining([
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:token-exchange',
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
      ]),
    );
  });
});

describe('login', () => {
  it('answers a wrong password with 401 and an alert, then takes the right one', async () => {
    const browser = new TestBrowser();
    const refused = await browser.signIn(authorizationUrl({}), { login: 'alice', password: 'bob' });
    expect(refused.status).toBe(401);
    expect(await refused.text()).toContain('<p role="alert">The login name or the password is wrong.</p>');
    const accepted = await browser.signIn(refused.url, { login: 'alice', password: 'alice' });
    expect([accepted.status, new URL(accepted.url).pathname]).toEqual([200, '/callback']);
  });

  it('returns code, state and iss to the redirect URI', async () => {
    const response = await new TestBrowser().signIn(authorizationUrl({ state: 'st' }), {
      login: 'bob',
      password: 'bob',
    });
    const params = new URL(response.url).searchParams;
    expect([...params.keys()].sort()).toEqual(['code', 'iss', 'state']);
    expect([params.get('state'), params.get('iss')]).toEqual(['st', provider.issuer]);
  });

  it('posts the response itself in response mode form_post', async () => {
    const url = authorizationUrl({ state: 'st', response_mode: 'form_post' });
    await new TestBrowser().signIn(url, { login: 'alice', password: 'alice' });
    const [request] = app.received;
    expect([request?.method, request?.path, request?.form.get('state')]).toEqual(['POST', '/callback', 'st']);
    expect(request?.form.get('iss')).toBe(provider.issuer);
  });

  it('returns access_denied when the user cancels', async () => {
    const browser = new TestBrowser();
    const form = await browser.navigate(authorizationUrl({ state: 'st' }));
    const response = await browser.navigate(form.url, { method: 'POST', form: { cancel: 'yes' }, initiator: form.url });
    expect(new URL(response.url).searchParams.get('error')).toBe('access_denied');
  });

  it('issues a JWT access token for the API and an ID Token with the claims asked for', async () => {
    const tokens = await provider.login();
    const keys = createLocalJWKSet((await get(`${provider.issuer}/jwks`)).body as { keys: [] });
    const access = await jwtVerify(tokens.access_token, keys, {
      issuer: provider.issuer,
      audience: 'http://localhost:3000/api',
      typ: 'at+jwt',
    });
    expect(access.payload).toMatchObject({
      sub: 'user-alice',
      client_id: 'web',
      scope: 'access_user',
      roles: ['admin'],
    });
    const id = await jwtVerify(tokens.id_token, keys, { issuer: provider.issuer, audience: 'web' });
    expect(id.payload).toMatchObject({
      sub: 'user-alice',
      nonce: tokens.nonce,
      name: 'Alice Adams',
      preferred_username: 'alice',
      email: 'alice@example.test',
      email_verified: true,
      roles: ['admin'],
      sid: access.payload.sid,
    });
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'access_user' });
  });

  it('adds the scopes of the API that were asked for', async () => {
    const tokens = await provider.login({ scope: 'openid reports.read unknown' });
    expect(tokens.scope).toBe('access_user reports.read');
  });

  it('takes resource and audience when they name the API, and refuses others', async () => {
    const params = { resource: provider.audience, audience: provider.audience };
    const tokens = await provider.login({ params });
    expect(decodeJwt(tokens.access_token).aud).toBe(provider.audience);
    const response = await new TestBrowser().navigate(authorizationUrl({ audience: 'https://other.test' }));
    expect(new URL(response.url).searchParams.get('error')).toBe('invalid_target');
  });

  it('takes a pushed authorization request, with the scopes that were pushed', async () => {
    const pushed = await post(provider, '/request', {
      client_id: 'web',
      response_type: 'code',
      scope: 'openid offline_access reports.read',
      redirect_uri: `${app.url}/callback`,
    });
    expect(pushed.status).toBe(201);
    const query = new URLSearchParams({ client_id: 'web', request_uri: String(pushed.body.request_uri) });
    const url = `${provider.issuer}/auth?${query.toString()}`;
    const response = await new TestBrowser().signIn(url, { login: 'alice', password: 'alice' });
    const code = new URL(response.url).searchParams.get('code') ?? '';
    const tokens = await post(provider, '/token', {
      grant_type: 'authorization_code',
      code,
      redirect_uri: `${app.url}/callback`,
    });
    expect(tokens.body).toMatchObject({ scope: 'access_user reports.read', refresh_token: expect.any(String) });
  });

  it('signs in again when a requested acr is not met, and says which one was', async () => {
    const browser = new TestBrowser();
    await provider.login({ browser });
    provider.requests.reset();
    const same = await provider.login({ browser, params: { acr_values: 'urn:test:password' } });
    expect(decodeJwt(same.id_token).acr).toBe('urn:test:password');
    expect(provider.requests.count('interaction')).toBe(0);
    const higher = await provider.login({ browser, params: { acr_values: 'urn:test:mfa' } });
    expect(decodeJwt(higher.id_token).acr).toBe('urn:test:mfa');
  });

  it('answers prompt=none without a session with login_required', async () => {
    const response = await new TestBrowser().navigate(authorizationUrl({ prompt: 'none' }));
    expect(new URL(response.url).searchParams.get('error')).toBe('login_required');
  });

  it('takes private_key_jwt and public clients registered at run time', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'c1', alg: 'ES256', use: 'sig' };
    provider.registerClient({ client_id: 'jwt', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } });
    const assertion = await new SignJWT({ jti: 'j1' })
      .setProtectedHeader({ alg: 'ES256', kid: 'c1' })
      .setIssuer('jwt')
      .setSubject('jwt')
      .setAudience(provider.issuer)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey);
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'jwt',
      client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    expect((await send(`${provider.issuer}/token`, { method: 'POST', body })).status).toBe(200);
    const spa = provider.registerClient({ client_id: 'spa', token_endpoint_auth_method: 'none' });
    expect(spa).toEqual({ clientId: 'spa', clientSecret: '' });
  });
});

describe('refresh', () => {
  it('rotates, keeps the API scope for a request that names a scope, and refuses a removed user', async () => {
    const first = await provider.login();
    const second = await refresh(provider, first.refresh_token, { scope: 'openid profile email offline_access' });
    expect(second.body).toMatchObject({ scope: 'access_user', id_token: expect.any(String) });
    expect(second.body.refresh_token).not.toBe(first.refresh_token);
    provider.users.set({
      login: 'carol',
      password: 'carol',
      sub: 'user-carol',
      name: 'Carol',
      email: 'carol@example.test',
    });
    const carol = await provider.login({ login: 'carol' });
    provider.users.remove('carol');
    expect((await refresh(provider, carol.refresh_token)).body.error).toBe('invalid_grant');
  });

  it('revokes the family when a spent token comes back', async () => {
    const { replays, revokedFamilies } = provider;
    const { refresh_token: spent } = await provider.login();
    const { body } = await refresh(provider, spent);
    expect((await refresh(provider, spent)).body.error).toBe('invalid_grant');
    expect((await refresh(provider, String(body.refresh_token))).body.error).toBe('invalid_grant');
    expect([provider.replays - replays, provider.revokedFamilies - revokedFamilies]).toEqual([1, 1]);
  });

  it('counts two refreshes at once with one token as a replay', async () => {
    const { replays, revokedFamilies } = provider;
    const { refresh_token: token } = await provider.login();
    const answers = await Promise.all([refresh(provider, token), refresh(provider, token)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect([provider.replays - replays, provider.revokedFamilies - revokedFamilies]).toEqual([1, 1]);
  });

  it('forgives within the grace of lenient mode, with fresh tokens each time', async () => {
    const { replays, revokedFamilies } = provider;
    const { refresh_token: spent } = await provider.login();
    provider.mode = { lenient: 60 };
    const answers = [await refresh(provider, spent), await refresh(provider, spent)];
    provider.mode = 'strict';
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const [one, two] = answers.map(({ body }) => String(body.refresh_token));
    expect(one).not.toBe(two);
    expect((await refresh(provider, String(one))).status).toBe(200);
    expect((await refresh(provider, String(two))).status).toBe(200);
    expect([provider.replays - replays, provider.revokedFamilies - revokedFamilies]).toEqual([1, 0]);
  });

  it('revokes the family after the grace', async () => {
    const { revokedFamilies } = provider;
    const { refresh_token: spent } = await provider.login();
    provider.mode = { lenient: 60 };
    await refresh(provider, spent);
    const later = Date.now() + 62_000;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => later);
    const answer = await refresh(provider, spent);
    clock.mockRestore();
    provider.mode = 'strict';
    expect([answer.body.error, provider.revokedFamilies - revokedFamilies]).toEqual(['invalid_grant', 1]);
  });

  it('refuses a refresh token that has expired', async () => {
    const { refresh_token: token } = await provider.login();
    const later = Date.now() + (provider.lifetimes.refreshToken + 1) * 1000;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => later);
    const answer = await refresh(provider, token);
    clock.mockRestore();
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
  });

  it('follows lifetimes changed at run time', async () => {
    const before = provider.lifetimes.accessToken;
    provider.lifetimes.accessToken = 7;
    const tokens = await provider.login();
    provider.lifetimes.accessToken = before;
    const { iat = 0, exp = 0 } = decodeJwt(tokens.access_token);
    expect([tokens.expires_in, exp - iat]).toEqual([7, 7]);
  });
});

describe('token exchange', () => {
  it('gives a token for the downstream API that says who acts', async () => {
    const { access_token: token } = await provider.login();
    const { body } = await exchange(provider, token, { audience: `${provider.issuer}/graph` });
    expect(body).toMatchObject({
      token_type: 'Bearer',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      expires_in: 300,
      scope: 'User.Read',
    });
    expect(decodeJwt(String(body.access_token))).toMatchObject({
      sub: 'user-alice',
      aud: `${provider.issuer}/graph`,
      azp: 'web',
      act: { sub: 'web' },
    });
  });

  it('does the same on behalf of the user in the manner of Entra', async () => {
    const { access_token: token } = await provider.login();
    const { body } = await onBehalfOf(provider, token);
    expect(body).toMatchObject({ scope: 'User.Read', expires_in: 300, ext_expires_in: 300 });
    expect((await get(`${provider.issuer}/graph/me`, String(body.access_token))).status).toBe(200);
  });

  it.each([
    ['an ID Token', async () => (await provider.login()).id_token],
    ['a token for another API', () => provider.signAccessToken({ aud: 'https://other.test' })],
    ['an expired token', () => provider.signAccessToken({ exp: 1 })],
    ['a token of no grant', () => provider.signAccessToken()],
    ['an exchanged token', async () => exchangedToken()],
  ])('refuses %s in both grants', async (_name, makeToken) => {
    const token = await makeToken();
    for (const answer of [await exchange(provider, token), await onBehalfOf(provider, token)]) {
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
      expect(answer.body.error_description).toMatch(/^AADSTS50013: /);
    }
  });

  it('refuses a token whose grant was revoked, a foreign audience and an unknown scope', async () => {
    const { access_token: token, refresh_token: refreshToken } = await provider.login();
    expect((await exchange(provider, token, { audience: 'https://other.test' })).body.error).toBe('invalid_target');
    expect((await exchange(provider, token, { scope: 'Files.Read' })).body.error).toBe('invalid_scope');
    await post(provider, '/token/revocation', { token: refreshToken });
    expect((await exchange(provider, token)).body.error).toBe('invalid_grant');
  });
});

const exchangedToken = async (scope = 'user.read'): Promise<string> => {
  const { access_token: token } = await provider.login();
  return String((await exchange(provider, token, { scope })).body.access_token);
};

describe('the Graph-like API', () => {
  it('tells who the caller is', async () => {
    const token = await exchangedToken();
    expect((await get(`${provider.issuer}/graph/me`, token)).body).toEqual({
      id: 'user-alice',
      displayName: 'Alice Adams',
      mail: 'alice@example.test',
      userPrincipalName: 'alice@example.test',
      jobTitle: 'Administrator',
    });
    expect((await get(`${provider.issuer}/graph/oidc/userinfo`, token)).body).toMatchObject({ sub: 'user-alice' });
  });

  it("refuses the application's own token with 401 and a challenge", async () => {
    const { access_token: token } = await provider.login();
    for (const path of ['/graph/me', '/graph/oidc/userinfo']) {
      const { status, headers, body } = await get(`${provider.issuer}${path}`, token);
      expect([status, headers.get('www-authenticate')]).toEqual([
        401,
        `Bearer realm="", authorization_uri="${provider.issuer}/auth", error="invalid_token"`,
      ]);
      expect(body).toMatchObject({ error: { code: 'InvalidAuthenticationToken' } });
    }
  });

  it('refuses a token without the right scope with 403', async () => {
    const token = await exchangedToken('mail.read');
    expect((await get(`${provider.issuer}/graph/me`, token)).status).toBe(403);
  });
});

describe('the end of it', () => {
  it('introspects and revokes a refresh token', async () => {
    const { refresh_token: token } = await provider.login();
    expect((await post(provider, '/token/introspection', { token })).body).toMatchObject({ active: true });
    expect((await post(provider, '/token/revocation', { token })).status).toBe(200);
    expect((await post(provider, '/token/introspection', { token })).body).toEqual({ active: false });
  });

  it('ends the session by redirects alone, with state, and sends a logout token', async () => {
    provider.updateClient({ backchannel_logout_uri: `${app.url}/backchannel` });
    const browser = new TestBrowser();
    const { id_token: idToken } = await provider.login({ browser });
    const query = { id_token_hint: idToken, post_logout_redirect_uri: `${app.url}/bye`, state: 'st' };
    const url = `${provider.issuer}/session/end?${new URLSearchParams(query).toString()}`;
    const response = await browser.navigate(url);
    expect([response.status, response.url]).toEqual([200, `${app.url}/bye?state=st`]);

    const token = app.received[0]?.form.get('logout_token') ?? '';
    const keys = createLocalJWKSet(provider.keys.publicJwks());
    const { payload } = await jwtVerify(token, keys, { issuer: provider.issuer, audience: 'web', typ: 'logout+jwt' });
    expect(payload).toMatchObject({
      sub: 'user-alice',
      sid: decodeJwt(idToken).sid,
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    });
    const silent = await browser.navigate(authorizationUrl({ prompt: 'none' }));
    expect(new URL(silent.url).searchParams.get('error')).toBe('login_required');
    expect(provider.requests.count('backchannel_logout')).toBe(1);
  });

  it('shows a page of its own after a logout that names nowhere to go', async () => {
    const response = await new TestBrowser().navigate(`${provider.issuer}/session/end`);
    expect([response.status, new URL(response.url).pathname]).toEqual([200, '/session/end/success']);
  });
});

describe('signed tokens for tests of verifiers', () => {
  const verify = (token: string) => jwtVerify(token, createLocalJWKSet(provider.keys.publicJwks()));

  it('verify with the published keys', async () => {
    expect((await verify(await provider.signAccessToken({ scope: 'x' }))).payload).toMatchObject({ scope: 'x' });
    expect((await verify(await provider.signIdToken({ nonce: 'n' }))).payload).toMatchObject({
      aud: 'web',
      nonce: 'n',
    });
    expect((await verify(await provider.signLogoutToken({ sid: 's' }))).protectedHeader.typ).toBe('logout+jwt');
  });

  it('do not verify when signed by another key, by nobody, by the public key or by chance', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    for (const options of [
      { key: privateKey },
      { sign: 'none' as const },
      { sign: 'hs256-public' as const },
      { sign: 'garbage' as const },
      { header: { kid: 'unknown' } },
    ]) {
      await expect(verify(await provider.signAccessToken({}, options))).rejects.toThrow();
    }
  });

  it('say what to do when no key has the algorithm asked for', async () => {
    await expect(provider.signAccessToken({}, { header: { alg: 'ES256' } })).rejects.toThrow(
      'no signing key has alg "ES256": pass "key", or rotate to that alg',
    );
  });
});

describe('requests', () => {
  it('are counted by kind and grant, without anything that was sent', async () => {
    const { refresh_token: token } = await provider.login();
    await refresh(provider, token);
    expect(provider.requests.count('token')).toBe(2);
    expect(provider.requests.count('token', { grant: 'refresh_token' })).toBe(1);
    expect(provider.requests.count('token', { grant: 'token-exchange' })).toBe(0);
    expect(provider.requests.list().at(-1)).toEqual({
      time: expect.any(Number),
      kind: 'token',
      method: 'POST',
      grant: 'refresh_token',
      certificate: false,
      status: 200,
    });
    provider.requests.reset();
    expect(provider.requests.list()).toEqual([]);
  });
});

describe('another provider', () => {
  it('carries on from exported state: same keys, secret, sessions and tokens', async () => {
    let changes = 0;
    const first = await createTestProvider({ onStateChanged: () => (changes += 1) });
    const browser = new TestBrowser();
    const tokens = await first.login({ browser });
    const state = structuredClone(first.exportState());
    const port = Number(new URL(first.issuer).port);
    await first.close();
    expect(changes).toBeGreaterThan(0);

    const second = await createTestProvider({ port, state });
    try {
      expect(second.client).toEqual(first.client);
      expect(second.keys.publicJwks()).toEqual(first.keys.publicJwks());
      expect((await refresh(second, tokens.refresh_token)).status).toBe(200);
      expect((await exchange(second, tokens.access_token)).status).toBe(200);
      await second.login({ browser });
      expect(second.requests.count('interaction')).toBe(0);
    } finally {
      await second.close();
    }
  });

  it('speaks the dialect it is told to: opaque tokens, signed UserInfo, PKCE required, ES256', async () => {
    const other = await createTestProvider({
      alg: 'ES256',
      userInfo: 'provider',
      opaqueAccessTokens: true,
      signedUserInfo: true,
      requirePkce: true,
      lifetimes: { idToken: 60 },
    });
    try {
      const tokens = await other.login();
      const { iat = 0, exp = 0 } = decodeJwt(tokens.id_token);
      expect([decodeProtectedHeader(tokens.id_token).alg, exp - iat]).toEqual(['ES256', 60]);
      expect(tokens.access_token.split('.')).toHaveLength(1);
      const { body } = await get(`${other.issuer}/.well-known/openid-configuration`);
      expect(body.userinfo_endpoint).toBe(`${other.issuer}/me`);
      const headers = { authorization: `Bearer ${tokens.access_token}` };
      const userInfo = await send(`${other.issuer}/me`, { headers });
      expect(userInfo.headers.get('content-type')).toBe('application/jwt; charset=utf-8');
      expect(decodeJwt(await userInfo.text())).toMatchObject({ sub: 'user-alice', iss: other.issuer, aud: 'web' });
      const api = await other.login({ params: { resource: other.audience } });
      expect((await get(`${other.issuer}/me`, api.access_token)).status).toBe(401);
      const query = {
        client_id: 'web',
        response_type: 'code',
        scope: 'openid',
        redirect_uri: `${other.issuer}/signed-in`,
      };
      const bare = await new TestBrowser().navigate(`${other.issuer}/auth?${new URLSearchParams(query).toString()}`, {
        stopAt: `${other.issuer}/signed-in`,
      });
      expect(new URL(bare.headers.get('location') ?? '').searchParams.get('error')).toBe('invalid_request');
    } finally {
      await other.close();
    }
  });

  it('serves clients with certificates over https only', async () => {
    await expect(createTestProvider({ mutualTls: {} })).rejects.toThrow('the option mutualTls needs https');
  });

  it('refuses to start on a port in use, and refuses what was not pushed when told to', async () => {
    const port = Number(new URL(provider.issuer).port);
    await expect(createTestProvider({ port })).rejects.toThrow('EADDRINUSE');
    const other = await createTestProvider({ alg: 'ES256', requirePar: true });
    try {
      await expect(other.login()).rejects.toThrow('the login of "alice" ended without a code');
    } finally {
      await other.close();
    }
  });
});
