/** Bearer tokens of every kind, good and hostile, on protected routes: what is accepted, and what the refusal says. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CompactSign, generateKeyPair } from 'jose';
import { createTestProvider, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { answerOf, type Answer } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { startListener } from '../support/listener.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';
import { until } from '../support/until.js';

const refused = (description: string): Answer => ({
  status: 401,
  body: { error: 'invalid_token', error_description: description },
  challenge: `Bearer error="invalid_token", error_description="${description}"`,
});
const NOT_VALID = refused('the access token is not valid');
const EXPIRED = refused('the access token has expired');

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe.each(ADAPTERS)('bearer tokens on %s', (adapter) => {
  let harness: Harness;
  let provider: TestProvider;
  const present = async (token: string, path = '/api/subject', at = harness): Promise<Answer> =>
    answerOf(await fetch(at.url + path, { headers: { authorization: `Bearer ${token}` } }));
  const alice: Answer = { status: 200, body: { subject: 'user-alice' }, challenge: null };
  const jwksRequests = (): number => provider.requests.count('jwks');
  /** Signs any payload with the provider's own key. */
  const signText = (payload: string): Promise<string> => {
    const { alg, kid, privateKey } = provider.keys.current;
    return new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg, kid, typ: 'at+jwt' }).sign(privateKey);
  };
  const now = (): number => Math.floor(Date.now() / 1000);

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
  });
  beforeEach(async () => {
    harness = await startHarness({ adapter, provider });
  });
  afterEach(async () => {
    releaseTime();
    provider.faults.clear();
    await harness.close();
  });
  afterAll(() => provider.close());

  it('a good one says who calls', async () => {
    const expiresAt = now() + 300;
    const token = await provider.signAccessToken({ exp: expiresAt });
    const { status, body } = await present(token, '/api/profile');
    expect([status, body]).toEqual([
      200,
      {
        kind: 'bearer',
        issuer: provider.issuer,
        subject: 'user-alice',
        claims: expect.objectContaining({ sub: 'user-alice', aud: API_AUDIENCE }),
        scopes: ['access_user'],
        roles: ['admin'],
        expiresAt,
      },
    ]);
    expect(JSON.stringify(body)).not.toContain(token.slice(-40));
  });

  it.each(['RS256', 'PS256', 'ES256', 'EdDSA'] as const)('may be signed with %s', async (alg) => {
    const other = await createTestProvider({ audience: API_AUDIENCE, alg });
    const application = await startHarness({ adapter, provider: other });
    expect(await present(await other.signAccessToken(), '/api/subject', application)).toEqual(alice);
    expect(await present(await other.signAccessToken({}, { sign: 'garbage' }), '/api/subject', application)).toEqual(
      NOT_VALID,
    );
    await application.close();
    await other.close();
  });

  it.each(['none', 'hs256-public', 'garbage'] as const)('T1 refuses a signature that is %s', async (sign) => {
    expect(await present(await provider.signAccessToken({}, { sign }))).toEqual(NOT_VALID);
  });

  it('T1 refuses alg none in every spelling', async () => {
    const [, claims = ''] = (await provider.signAccessToken()).split('.');
    for (const alg of ['none', 'None', 'nOnE', 'NONE', ''])
      for (const signature of ['', 'AAAA'])
        expect(await present(`${encode({ alg, typ: 'at+jwt' })}.${claims}.${signature}`)).toEqual(NOT_VALID);
  });

  it('T2 takes no key from a token, and fetches none that it names', async () => {
    const listener = await startListener();
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), use: 'sig' };
    for (const header of [{ jwk }, { jku: listener.url }, { x5u: listener.url }, { x5c: ['MIIB'] }])
      for (const kid of ['mine', provider.keys.current.kid])
        expect(
          await present(
            await provider.signAccessToken({}, { key: privateKey, header: { alg: 'RS256', kid, ...header } }),
          ),
        ).toEqual(NOT_VALID);
    expect(listener.requests()).toBe(0);
    await listener.close();
  });

  it('T3 takes a hostile kid for an unknown one, and says nothing of it', async () => {
    for (const kid of [
      '../../../etc/passwd',
      "' OR 1=1 --",
      'a\u0000b',
      '__proto__',
      'k'.repeat(256),
      'k'.repeat(9000),
    ]) {
      expect(await present(await provider.signAccessToken({}, { header: { kid } }))).toEqual(NOT_VALID);
      expect(JSON.stringify(harness.events)).not.toContain(kid.slice(0, 100));
    }
  });

  it('T4 fetches the keys once for a flood of unknown kids, and lets good tokens pass meanwhile', async () => {
    const good = await provider.signAccessToken();
    expect(await present(good)).toEqual(alice);
    const another = await provider.signAccessToken();
    const hold = provider.faults.hold('jwks');
    const before = jwksRequests();
    const flood = Array.from({ length: 300 }, async (_value, index) =>
      present(await provider.signAccessToken({}, { header: { kid: `random-${String(index)}` } })),
    );
    await hold.arrived;
    expect([await present(good), await present(another)]).toEqual([alice, alice]);
    hold.release();
    expect(await Promise.all(flood)).toEqual(flood.map(() => NOT_VALID));
    expect(jwksRequests() - before).toBe(1);
  });

  it('T5 answers an unknown key as it answers a bad signature', async () => {
    const unknown = await provider.signAccessToken({}, { header: { kid: 'unknown' } });
    const bad = await provider.signAccessToken({}, { sign: 'garbage' });
    const headersOf = async (token: string): Promise<[number, string, string[]]> => {
      const response = await fetch(`${harness.url}/api/subject`, { headers: { authorization: `Bearer ${token}` } });
      return [response.status, await response.text(), [...response.headers.keys()]];
    };
    expect(await headersOf(unknown)).toEqual(await headersOf(bad));
  });

  it('T6 refuses every other spelling of a token that was just accepted', async () => {
    const token = await provider.signAccessToken();
    expect(await present(token)).toEqual(alice);
    const last = token.charCodeAt(token.length - 1);
    for (const spelling of [`${token}=`, token.slice(0, -1) + String.fromCharCode(last ^ 1), `${token}.`, `.${token}`])
      expect(await present(spelling)).toEqual(NOT_VALID);
  });

  it('T7 refuses other claims under a signature that was just accepted', async () => {
    const token = await provider.signAccessToken();
    expect(await present(token)).toEqual(alice);
    const [header = '', claims = '', signature = ''] = token.split('.');
    const forged = { ...(JSON.parse(Buffer.from(claims, 'base64url').toString()) as object), sub: 'user-mallory' };
    expect(await present(`${header}.${encode(forged)}.${signature}`)).toEqual(NOT_VALID);
  });

  it('T8 refuses critical extensions', async () => {
    const [, claims = '', signature = ''] = (await provider.signAccessToken()).split('.');
    const { alg, kid } = provider.keys.current;
    for (const crit of [['x'], 'x', [], null])
      expect(await present(`${encode({ alg, kid, crit })}.${claims}.${signature}`)).toEqual(NOT_VALID);
  });

  it('T9 refuses tokens as long and as deep as a header allows', async () => {
    const deep = `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`;
    const parts = [encode({ alg: 'RS256' }), Buffer.from(deep).toString('base64url'), 'AAAA'];
    const jwe = `${encode({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' })}.AAAA.AAAA.AAAA.AAAA`;
    for (const token of ['x'.repeat(15_000), '.'.repeat(15_000), parts.join('.'), jwe])
      expect(await present(token)).toEqual(NOT_VALID);
  });

  describe('T10 tokens of other kinds', () => {
    it('are not accepted in the place of an access token', async () => {
      const { id_token: idToken, refresh_token: refreshToken } = await provider.login();
      const others = [
        idToken,
        refreshToken,
        await provider.signIdToken(),
        await provider.signIdToken({ nonce: 'n' }),
        await provider.signIdToken({ aud: API_AUDIENCE }, { header: { typ: 'JWT' } }),
        await provider.signLogoutToken(),
        await provider.signLogoutToken({ aud: API_AUDIENCE }, { header: { typ: 'at+jwt' } }),
        await provider.signAccessToken({ typ: 'Refresh' }),
        await provider.signAccessToken({ typ: 'ID' }),
        await provider.signAccessToken({}, { header: { typ: 'secevent+jwt' } }),
        await provider.signAccessToken(
          { scope: undefined, client_id: undefined, name: 'Alice' },
          { header: { typ: 'JWT' } },
        ),
      ];
      for (const [index, token] of others.entries())
        expect([index, await present(String(token))]).toEqual([index, NOT_VALID]);
    });

    it('are not accepted in the place of a logout token', async () => {
      const send = async (token: string): Promise<number> => {
        const body = new URLSearchParams({ logout_token: token });
        return (await fetch(`${harness.url}/auth/backchannel-logout`, { method: 'POST', body })).status;
      };
      const { id_token: idToken, access_token: accessToken } = await provider.login();
      for (const token of [idToken, accessToken, await provider.signIdToken(), await provider.signAccessToken()])
        expect(await send(String(token))).toBe(400);
      expect(await send(await provider.signLogoutToken({ sid: 'session-1' }))).toBe(200);
    });

    it('are not accepted in the place of an ID Token at a sign-in', async () => {
      const kinds = [{ typ: 'at+jwt' }, { typ: 'logout+jwt' }, { typ: 'secevent+jwt' }];
      for (const header of kinds) {
        provider.faults.idToken((claims) => ({ claims, header }));
        const response = await harness.signIn(harness.browser());
        expect(new URL(response.url).searchParams.get('error')).toBe('id_token_invalid');
      }
      provider.faults.idToken((claims) => ({ claims: { ...claims, events: {} } }));
      const response = await harness.signIn(harness.browser());
      expect(new URL(response.url).searchParams.get('error')).toBe('id_token_invalid');
    });

    it('are not accepted in the place of an ID Token as bearer', async () => {
      const application = await startHarness({ adapter, provider, oidc: { reusedToken: 'id_token' } });
      const { access_token: accessToken } = await provider.login();
      const others = [
        accessToken,
        await provider.signAccessToken(),
        await provider.signAccessToken({ aud: provider.client.clientId }, { header: { typ: 'JWT' } }),
        await provider.signLogoutToken(),
        await provider.signIdToken({ aud: 'another-client' }),
        await provider.signIdToken({ azp: 'another-client' }),
        await provider.signIdToken({ aud: [provider.client.clientId, 'another-client'] }),
      ];
      for (const [index, token] of others.entries())
        expect([index, await present(String(token), '/api/subject', application)]).toEqual([index, NOT_VALID]);
      expect(await present(await provider.signIdToken(), '/api/subject', application)).toEqual(alice);
      await application.close();
    });
  });

  it('T11 accepts its own audience among several, and nothing that looks like it', async () => {
    const { clientId } = provider.client;
    for (const aud of [API_AUDIENCE, [API_AUDIENCE, 'https://other.example'], clientId])
      expect(await present(await provider.signAccessToken({ aud }))).toEqual(alice);
    for (const aud of [
      'https://other.example',
      API_AUDIENCE.slice(0, -1),
      `${API_AUDIENCE}/x`,
      [],
      undefined,
      `api://${clientId}`,
      [[API_AUDIENCE]],
    ])
      expect(await present(await provider.signAccessToken({ aud }))).toEqual(NOT_VALID);
  });

  it('accepts its own issuer only', async () => {
    for (const iss of ['https://other.example', `${provider.issuer}/`, undefined, [provider.issuer]])
      expect(await present(await provider.signAccessToken({ iss }))).toEqual(NOT_VALID);
  });

  it('requires a subject', async () => {
    for (const sub of [undefined, '', 7, 's'.repeat(256)])
      expect(await present(await provider.signAccessToken({ sub }))).toEqual(NOT_VALID);
  });

  it('T14 refuses absurd times', async () => {
    const times = [
      ...[undefined, '9999999999', -1, 1e308, 27_000_000_000, null, now() + 0.5].map((exp) => ({ exp })),
      ...[now() + 60, '1', -1, null].map((iat) => ({ iat })),
      ...[now() + 60, 'x', 1e300].map((nbf) => ({ nbf })),
    ];
    for (const claims of times)
      expect([claims, await present(await provider.signAccessToken(claims))]).toEqual([claims, NOT_VALID]);
  });

  it('tells an expired token from a bad one, after 30 s of tolerance, also when it was accepted before', async () => {
    freezeTime();
    const token = await provider.signAccessToken({ exp: now() + 10 });
    expect(await present(token)).toEqual(alice);
    advance(39);
    expect(await present(token)).toEqual(alice);
    advance(1);
    expect(await present(token)).toEqual(EXPIRED);
  });

  it('accepts a provider whose clock is ahead or behind by no more than the tolerance', async () => {
    freezeTime();
    expect(await present(await provider.signAccessToken({ iat: now() + 30, nbf: now() + 30 }))).toEqual(alice);
    expect(await present(await provider.signAccessToken({ iat: now() + 31 }))).toEqual(NOT_VALID);
  });

  it('T15 lets no claim reach the prototype of anything', async () => {
    const claims = JSON.stringify({ iss: provider.issuer, sub: 'user-alice', aud: API_AUDIENCE, exp: now() + 60 });
    const polluted = claims.replace('{', '{"__proto__":{"roles":["admin"]},');
    const deeper = claims.replace('{', '{"constructor":{"prototype":{"roles":["admin"]}},');
    expect(await present(await signText(polluted))).toEqual(NOT_VALID);
    expect(await present(await signText(deeper))).toEqual(alice);
    expect(await present(await signText(deeper), '/api/admin')).toMatchObject({ status: 403 });
    expect(({} as Record<string, unknown>)['roles']).toBeUndefined();
  });

  it('T16 refuses claims that are there twice, though the signature is good', async () => {
    const claims = JSON.stringify({ iss: provider.issuer, sub: 'user-alice', aud: API_AUDIENCE, exp: now() + 60 });
    expect(await present(await signText(claims))).toEqual(alice);
    expect(await present(await signText(claims.replace('{', '{"sub":"user-bob",')))).toEqual(NOT_VALID);
  });

  it('T17 refuses a token that is bound to a key, which nobody checks here', async () => {
    for (const cnf of [{ jkt: 'thumbprint' }, { 'x5t#S256': 'thumbprint' }, {}, null])
      expect(await present(await provider.signAccessToken({ cnf }))).toEqual(NOT_VALID);
  });

  describe('signing keys that change', () => {
    let own: TestProvider;
    let application: Harness;
    const outcome = (token: string): Promise<Answer> => present(token, '/api/subject', application);
    const asked = (): number => own.requests.count('jwks');

    beforeEach(async () => {
      own = await createTestProvider({ audience: API_AUDIENCE, alg: 'ES256' });
      application = await startHarness({ adapter, provider: own });
    });
    afterEach(async () => {
      await application.close();
      await own.close();
    });

    it('are known in time when they were announced', async () => {
      freezeTime();
      expect(await outcome(await own.signAccessToken())).toEqual(alice);
      await own.keys.rotate({ announce: true });
      advance(480);
      expect(await outcome(await own.signAccessToken())).toEqual(alice);
      await until(
        () => own.requests.list().filter(({ kind, status }) => kind === 'jwks' && status === 200).length === 2,
      );
      await own.keys.rotate();
      expect(await outcome(await own.signAccessToken())).toEqual(alice);
      expect(asked()).toBe(2);
    });

    it('are fetched once when a hundred requests come with a new one', async () => {
      expect(await outcome(await own.signAccessToken())).toEqual(alice);
      await own.keys.rotate();
      const tokens = await Promise.all(Array.from({ length: 100 }, () => own.signAccessToken()));
      expect(await Promise.all(tokens.map(outcome))).toEqual(tokens.map(() => alice));
      expect(asked()).toBe(2);
    });

    it('take with them what they signed when they are withdrawn, also what was accepted before', async () => {
      const token = await own.signAccessToken();
      expect(await outcome(token)).toEqual(alice);
      await own.keys.rotate();
      own.keys.withdraw();
      expect(await outcome(await own.signAccessToken())).toEqual(alice);
      expect(await outcome(token)).toEqual(NOT_VALID);
    });

    it('are fetched for each verification when caching is off', async () => {
      const uncached = await startHarness({ adapter, provider: own, oidc: { jwksCache: false } });
      const token = await own.signAccessToken();
      const before = asked();
      for (let count = 0; count < 3; count += 1) expect(await present(token, '/api/subject', uncached)).toEqual(alice);
      expect(asked() - before).toBe(3);
      await own.keys.rotate();
      own.keys.withdraw();
      expect(await present(token, '/api/subject', uncached)).toEqual(NOT_VALID);
      await uncached.close();
    });
  });
});
