import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { createTestProvider, type FaultTarget, type LoginTokens, type TestProvider } from '../src/index.js';
import { exchange, get, onBehalfOf, post, refresh, send } from './support.js';

let provider: TestProvider;
let tokens: LoginTokens;

beforeAll(async () => {
  provider = await createTestProvider({ mode: { lenient: 3600 }, alg: 'ES256' });
  tokens = await provider.login();
});

afterEach(() => provider.faults.clear());
afterAll(() => provider.close());

const discovery = (): Promise<Response> => send(`${provider.issuer}/.well-known/openid-configuration`);
const jwks = (): Promise<Response> => send(`${provider.issuer}/jwks`);
const refreshed = () => refresh(provider, tokens.refresh_token);

describe('instead of processing', () => {
  it('answers with a status and Retry-After, once', async () => {
    provider.faults.status('token', 429, { retryAfter: 7, body: { error: 'slow_down' } });
    const { status, headers, body } = await refreshed();
    expect([status, headers.get('retry-after'), body]).toEqual([429, '7', { error: 'slow_down' }]);
    expect((await refreshed()).status).toBe(200);
  });

  it('answers as often as it is told to, or until cleared', async () => {
    provider.faults.status({ kind: 'jwks', times: 2 }, 502);
    expect([(await jwks()).status, (await jwks()).status, (await jwks()).status]).toEqual([502, 502, 200]);
    const outage = provider.faults.status({ kind: 'jwks', times: Infinity }, 500);
    expect([(await jwks()).status, (await jwks()).status, outage.applied]).toEqual([500, 500, 2]);
    outage.clear();
    expect((await jwks()).status).toBe(200);
  });

  it('applies to the grant it names only', async () => {
    provider.faults.status({ kind: 'token', grant: 'token-exchange' }, 500);
    expect((await refreshed()).status).toBe(200);
    expect((await exchange(provider, tokens.access_token)).status).toBe(500);
  });

  it.each<[FaultTarget, string, string]>([
    ['userinfo', 'GET', '/graph/oidc/userinfo'],
    ['graph', 'GET', '/graph/me'],
    ['authorization', 'GET', '/auth'],
    ['end_session', 'GET', '/session/end'],
    ['revocation', 'POST', '/token/revocation'],
    ['introspection', 'POST', '/token/introspection'],
    ['par', 'POST', '/request'],
    ['discovery', 'GET', '/.well-known/openid-configuration'],
  ])('reaches the %s endpoint', async (target, method, path) => {
    provider.faults.status(target, 503);
    expect((await send(`${provider.issuer}${path}`, { method })).status).toBe(503);
  });

  it('answers with HTML and 200', async () => {
    provider.faults.html('discovery');
    const response = await discovery();
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  });

  it('redirects', async () => {
    provider.faults.redirect('token', 'https://elsewhere.test/token', 307);
    const response = await send(`${provider.issuer}/token`, { method: 'POST' });
    expect([response.status, response.headers.get('location')]).toEqual([307, 'https://elsewhere.test/token']);
  });

  it('drops the connection before anything happened', async () => {
    const first = await provider.login();
    provider.faults.drop('token');
    await expect(refresh(provider, first.refresh_token)).rejects.toThrow('fetch failed');
    const { replays } = provider;
    expect((await refresh(provider, first.refresh_token)).status).toBe(200);
    expect(provider.replays).toBe(replays);
  });
});

describe('time', () => {
  it('holds requests until they are released', async () => {
    const held = provider.faults.hold({ kind: 'jwks', times: 2 });
    let answered = 0;
    const requests = [jwks(), jwks()].map((request) => request.then(() => (answered += 1)));
    await held.arrived;
    expect((await discovery()).status).toBe(200);
    expect(answered).toBe(0);
    held.release();
    await Promise.all(requests);
    expect([answered, held.applied]).toEqual([2, 2]);
  });

  it('holds the response of a request that was processed', async () => {
    const first = await provider.login();
    const held = provider.faults.hold('token', 'after');
    const slow = refresh(provider, first.refresh_token);
    await held.arrived;
    const { replays } = provider;
    expect((await refresh(provider, first.refresh_token)).status).toBe(200);
    expect(provider.replays - replays).toBe(1);
    held.release();
    expect((await slow).status).toBe(200);
  });

  it('delays by milliseconds', async () => {
    provider.faults.slow('jwks', 40);
    const start = performance.now();
    await jwks();
    expect(performance.now() - start).toBeGreaterThanOrEqual(38);
  });

  it('dates tokens by a clock that is off, at_hash included', async () => {
    provider.faults.clockSkew(-100_000);
    const { id_token: id, access_token: access } = await provider.login();
    const now = Math.floor(Date.now() / 1000);
    for (const token of [id, access]) expect(Math.abs((decodeJwt(token).iat ?? 0) + 100_000 - now)).toBeLessThan(5);
    const verify = jwtVerify(id, createLocalJWKSet(provider.keys.publicJwks()));
    await expect(verify).rejects.toMatchObject({ code: 'ERR_JWT_EXPIRED' });
    expect((await exchange(provider, access)).status).toBe(200);
  });
});

describe('responses that are wrong', () => {
  it('are lost after the refresh token was spent', async () => {
    const first = await provider.login();
    provider.faults.dropResponse({ kind: 'token', grant: 'refresh_token' });
    await expect(refresh(provider, first.refresh_token)).rejects.toThrow('fetch failed');
    const { replays } = provider;
    await refresh(provider, first.refresh_token);
    expect(provider.replays - replays).toBe(1);
  });

  it('have another content type', async () => {
    provider.faults.contentType('jwks', 'text/plain');
    expect((await jwks()).headers.get('content-type')).toBe('text/plain');
  });

  it('stop in the middle of the JSON', async () => {
    provider.faults.truncate('discovery');
    await expect((await discovery()).json()).rejects.toThrow('in JSON at position');
  });

  it('are too large', async () => {
    provider.faults.oversize('jwks', 3_000_000);
    expect((await (await jwks()).text()).length).toBeGreaterThan(3_000_000);
  });

  it('have no keys', async () => {
    provider.faults.emptyJwks();
    expect(await (await jwks()).json()).toEqual({ keys: [] });
  });

  it('name another issuer', async () => {
    provider.faults.wrongIssuer('https://other.test');
    expect(await (await discovery()).json()).toMatchObject({ issuer: 'https://other.test' });
  });

  it('lack tokens', async () => {
    provider.faults.omit('token', 'id_token', 'refresh_token');
    expect(Object.keys((await refreshed()).body).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type']);
  });

  it.each([[undefined], ['300'], [0], [-5], ['soon'], [1e308]])('say expires_in is %p', async (value) => {
    provider.faults.expiresIn(value);
    expect((await refreshed()).body.expires_in).toBe(value);
  });

  it('are rewritten by a function', async () => {
    provider.faults.rewrite('token', (body) => ({ ...body, token_type: 'mac' }));
    expect((await refreshed()).body.token_type).toBe('mac');
    provider.faults.rewrite('token', () => {
      throw new Error('mistake in the function');
    });
    const { status, body } = await refreshed();
    expect([status, body.error_description]).toEqual([500, 'Error: mistake in the function']);
  });

  it('are about somebody else', async () => {
    const { body } = await exchange(provider, tokens.access_token);
    provider.faults.userInfoSubject();
    const url = `${provider.issuer}/graph/oidc/userinfo`;
    expect((await get(url, String(body.access_token))).body.sub).toBe('user-mallory');
  });

  it('are about somebody else in a signed UserInfo response too', async () => {
    const other = await createTestProvider({ alg: 'ES256', signedUserInfo: true });
    try {
      const { access_token: token } = await other.login();
      const { body } = await exchange(other, token);
      other.faults.userInfoSubject();
      const headers = { authorization: `Bearer ${String(body.access_token)}` };
      const response = await send(`${other.issuer}/graph/oidc/userinfo`, { headers });
      const { payload } = await jwtVerify(await response.text(), createLocalJWKSet(other.keys.publicJwks()));
      expect(payload).toMatchObject({ sub: 'user-mallory', aud: 'web' });
    } finally {
      await other.close();
    }
  });
});

describe('ID Tokens', () => {
  it('are changed and signed again with the real key', async () => {
    provider.faults.idToken((claims) => ({ claims: { ...claims, nonce: 'other' } }));
    const { id_token: token } = await provider.login();
    const { payload } = await jwtVerify(token, createLocalJWKSet(provider.keys.publicJwks()));
    expect(payload).toMatchObject({ nonce: 'other', sub: 'user-alice' });
  });

  it.each([
    ['none', 'none'],
    ['hs256-public', 'HS256'],
    ['garbage', 'ES256'],
  ] as const)('are signed wrongly: %s', async (sign, alg) => {
    provider.faults.idToken((claims, header) => ({ claims, header, sign }), { grant: 'refresh_token' });
    const token = String((await refreshed()).body.id_token);
    expect(decodeProtectedHeader(token).alg).toBe(alg);
    await expect(jwtVerify(token, createLocalJWKSet(provider.keys.publicJwks()))).rejects.toThrow();
  });

  it('wait for a response that has one', async () => {
    const fault = provider.faults.idToken((claims) => ({ claims: { ...claims, sub: 'user-bob' } }));
    await exchange(provider, tokens.access_token);
    expect(fault.applied).toBe(0);
    expect(decodeJwt(String((await refreshed()).body.id_token)).sub).toBe('user-bob');
  });
});

describe('exchanges', () => {
  it('are refused with a claims challenge', async () => {
    const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
    provider.faults.refuseExchange({ error: 'interaction_required', claims, times: 2 });
    for (const ask of [exchange, onBehalfOf]) {
      const { status, body } = await ask(provider, tokens.access_token);
      expect([status, body.error, body.claims]).toEqual([400, 'interaction_required', claims]);
    }
    expect((await onBehalfOf(provider, tokens.access_token)).status).toBe(200);
  });
});

describe('keys', () => {
  const kidOf = async (): Promise<unknown> => decodeProtectedHeader((await provider.login()).access_token).kid;
  const published = async (): Promise<unknown[]> => {
    const { keys } = (await (await jwks()).json()) as { keys: { kid: string }[] };
    return keys.map(({ kid }) => kid);
  };

  it('are announced, used and withdrawn, and sessions go on', async () => {
    const old = provider.keys.current.kid;
    const { kid } = await provider.keys.rotate({ announce: true });
    expect([await published(), await kidOf()]).toEqual([[old, kid], old]);
    expect((await provider.keys.rotate()).kid).toBe(kid);
    expect([await published(), await kidOf()]).toEqual([[kid, old], kid]);
    provider.keys.withdraw();
    expect(await published()).toEqual([kid]);
    expect((await refreshed()).status).toBe(200);
  });

  it.each(['RS256', 'PS256', 'EdDSA', 'ES256'] as const)('change at once, to %s', async (alg) => {
    const { kid } = await provider.keys.rotate({ alg });
    const { id_token: id, access_token: access } = await provider.login();
    for (const token of [id, access]) expect(decodeProtectedHeader(token)).toMatchObject({ alg, kid });
    await jwtVerify(id, createLocalJWKSet(provider.keys.publicJwks()));
  });
});

describe('an end', () => {
  it('leaves nothing waiting', async () => {
    const other = await createTestProvider({ alg: 'ES256' });
    const held = other.faults.hold('jwks');
    other.faults.slow('discovery', 60_000);
    const requests = ['/jwks', '/.well-known/openid-configuration'].map((path) => send(`${other.issuer}${path}`));
    await held.arrived;
    await other.close();
    const results = await Promise.allSettled(requests);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('of all faults comes with clear', async () => {
    provider.faults.status({ kind: 'par', times: Infinity }, 500);
    provider.faults.clear();
    expect((await post(provider, '/request', {})).status).toBe(400);
  });
});
