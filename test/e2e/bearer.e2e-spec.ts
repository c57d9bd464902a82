/** Bearer tokens of every kind, good and hostile, on protected routes: what is accepted, and what the refusal says. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generateKeyPair } from 'jose';
import { createTestProvider, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { answerOf, type Answer } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { startListener } from '../support/listener.js';
import { publicKeyForms } from '../support/public-key-forms.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';
import { until } from '../support/until.js';

const refused = (description: string): Answer => ({
  status: 401,
  body: { error: 'invalid_token', error_description: description },
  challenge: `Bearer error="invalid_token", error_description="${description}"`,
});
const NOT_VALID = refused('the access token is not valid');
const EXPIRED = refused('the access token has expired');

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe.each(ADAPTERS)('bearer tokens on %s', (adapter) => {
  let harness: Harness;
  let provider: TestProvider;
  const present = async (token: string, path = '/api/subject', at = harness): Promise<Answer> =>
    answerOf(await fetch(at.url + path, { headers: { authorization: `Bearer ${token}` } }));
  const alice: Answer = { status: 200, body: { subject: 'user-alice' }, challenge: null };
  const jwksRequests = (): number => provider.requests.count('jwks');
  /** Signs any payload with the provider's own key, under any header. */
  const signText = async (payload: string, header: object = {}): Promise<string> => {
    const { alg, kid, privateKey } = provider.keys.current;
    const input = `${encode({ alg, kid, typ: 'at+jwt', ...header })}.${Buffer.from(payload).toString('base64url')}`;
    const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', privateKey, Buffer.from(input));
    return `${input}.${Buffer.from(signature).toString('base64url')}`;
  };
  const goodClaims = (): string =>
    JSON.stringify({ iss: provider.issuer, sub: 'user-alice', aud: API_AUDIENCE, exp: now() + 60 });
  /** Why tokens were refused, which callers are not told. */
  const reasons = (): readonly string[] =>
    harness.events.flatMap((event) => (event.type === 'token.rejected' ? [event.reason] : []));
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
    expect(new Set(reasons())).toEqual(new Set(['the algorithm is not allowed']));
  });

  it('T1 refuses a secret that is the public key, in whatever form it is written', async () => {
    const forms = Object.entries(publicKeyForms(provider));
    for (const [form, key] of forms)
      for (const alg of ['HS256', 'HS384', 'HS512'])
        expect([form, await present(await provider.signAccessToken({}, { header: { alg }, key }))]).toEqual([
          form,
          NOT_VALID,
        ]);
    expect(new Set(reasons())).toEqual(new Set(['the algorithm is not allowed']));
  });

  it('T1 takes a key for the algorithm that it is published for, and for no other', async () => {
    const { privateJwk } = provider.keys.current;
    for (const alg of ['PS256', 'RS512', 'ES256'])
      expect(
        await present(
          alg === 'ES256'
            ? await signText(goodClaims(), { alg })
            : await provider.signAccessToken({}, { header: { alg }, key: { ...privateJwk, alg } }),
        ),
      ).toEqual(NOT_VALID);
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
    for (const kid of ['../../../etc/passwd', "' OR 1=1 --", 'a\u0000b', '__proto__', 'k'.repeat(256)]) {
      expect(await present(await provider.signAccessToken({}, { header: { kid } }))).toEqual(NOT_VALID);
      expect(JSON.stringify(harness.events)).not.toContain(kid.slice(0, 100));
    }
    expect(new Set(reasons())).toEqual(new Set(['no published key fits the token']));
  });

  it('T3 looks for no key by a kid that is no short string', async () => {
    const kids = ['k'.repeat(257), 'k'.repeat(9000), 7, null, true, {}, [provider.keys.current.kid]];
    const before = jwksRequests();
    for (const kid of kids) expect(await present(await signText(goodClaims(), { kid }))).toEqual(NOT_VALID);
    expect({ reasons: reasons(), asked: jwksRequests() - before }).toEqual({
      reasons: kids.map(() => '"kid" is no short string'),
      asked: 0,
    });
  });

  it('T4 fetches the keys once for a flood of ten thousand unknown kids, and lets good tokens pass meanwhile', async () => {
    const good = await provider.signAccessToken();
    expect(await present(good)).toEqual(alice);
    const another = await provider.signAccessToken();
    const [, claims = '', signature = ''] = another.split('.');
    const flood = (count: number): Promise<Answer[]> =>
      Promise.all(
        Array.from({ length: count }, () =>
          present(`${encode({ alg: 'RS256', kid: randomUUID(), typ: 'at+jwt' })}.${claims}.${signature}`),
        ),
      );
    freezeTime();
    advance(30);
    const hold = provider.faults.hold('jwks');
    const before = jwksRequests();
    const first = flood(200);
    await hold.arrived;
    expect([await present(good), await present(another)]).toEqual([alice, alice]);
    hold.release();
    const answers = await first;
    while (answers.length < 10_000) {
      answers.push(...(await flood(200)));
      expect([await present(good), jwksRequests() - before]).toEqual([alice, 1]);
    }
    expect(answers.every(({ status }) => status === 401)).toBe(true);
    advance(30);
    await flood(200);
    expect(jwksRequests() - before).toBe(2);
  }, 120_000);

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
    for (let count = 0; count < 3; count += 1) expect(await present(token)).toEqual(alice);
    const bytes = Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url');
    const sameBytes = Array.from(BASE64URL, (last) => token.slice(0, -1) + last).filter(
      (spelling) =>
        spelling !== token && Buffer.from(spelling.slice(spelling.lastIndexOf('.') + 1), 'base64url').equals(bytes),
    );
    expect(sameBytes).toHaveLength(15);
    for (const spelling of [
      ...sameBytes,
      `${token}=`,
      `${token}==`,
      `${token}.`,
      `.${token}`,
      `${token} `.trim() + '~',
    ])
      expect(await present(spelling)).toEqual(NOT_VALID);
  });

  it('T7 refuses other claims under a signature that was just accepted', async () => {
    const token = await provider.signAccessToken();
    // From its second use on it is remembered.
    for (let count = 0; count < 3; count += 1) expect(await present(token)).toEqual(alice);
    const [header = '', claims = '', signature = ''] = token.split('.');
    const forged = { ...(JSON.parse(Buffer.from(claims, 'base64url').toString()) as object), sub: 'user-mallory' };
    expect(await present(`${header}.${encode(forged)}.${signature}`)).toEqual(NOT_VALID);
  });

  it('T8 refuses critical extensions, though the signature is good', async () => {
    expect(await present(await signText(goodClaims()))).toEqual(alice);
    const headers = [
      ...[['x'], ['x', 'x'], ['alg'], ['b64'], 'x', [], null, {}].map((crit) => ({ crit, x: true })),
      { b64: false },
      { b64: true, crit: ['b64'] },
    ];
    for (const header of headers)
      expect([header, await present(await signText(goodClaims(), header))]).toEqual([header, NOT_VALID]);
    expect(new Set(reasons())).toEqual(new Set(['the header has critical extensions, and none is understood']));
  });

  it('T9 refuses tokens as long and as deep as a header allows', async () => {
    const deep = `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`;
    const parts = [encode({ alg: 'RS256' }), Buffer.from(deep).toString('base64url'), 'AAAA'];
    const jwes = [
      { alg: 'dir', enc: 'A256GCM', zip: 'DEF' },
      { alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 2 ** 31, p2s: 'AAAA' },
    ].map((header) => `${encode(header)}.AAAA.AAAA.AAAA.AAAA`);
    for (const token of ['x'.repeat(15_000), '.'.repeat(15_000), parts.join('.'), ...jwes])
      expect(await present(token)).toEqual(NOT_VALID);
  });

  it('T9 refuses what is signed and nested more than twenty deep', async () => {
    const nested = (depth: number): Promise<string> =>
      signText(goodClaims().replace('{', `{"a":${'['.repeat(depth)}${']'.repeat(depth)},`));
    expect(await present(await nested(19))).toEqual(alice);
    expect(await present(await nested(20))).toEqual(NOT_VALID);
  });

  it('T9 reads no token that is longer than a header may be, where a body brings it', async () => {
    const send = (token: string): Promise<Response> =>
      fetch(`${harness.url}/auth/backchannel-logout`, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: token }),
      });
    const long = await provider.signLogoutToken({ sid: 's', filler: 'x'.repeat(20_000) });
    for (const token of [long, '.'.repeat(90_000), 'x'.repeat(90_000)])
      expect((await answerOf(await send(token))).body).toEqual({
        error: 'invalid_request',
        error_description: "parameter 'logout_token' is too long",
      });
    for (const size of [1_500_000, 10_000_000]) expect((await send('.'.repeat(size))).status).toBe(413);
    expect(reasons()).toEqual([]);
  });

  it('T9 survives a header of ten megabytes', async () => {
    const token = await provider.signAccessToken();
    await expect(
      present('x'.repeat(10_000_000)).then(
        ({ status }) => status,
        () => 431,
      ),
    ).resolves.toBe(431);
    expect(await present(token)).toEqual(alice);
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
    for (let count = 0; count < 3; count += 1) expect(await present(token)).toEqual(alice);
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
    const claims = goodClaims();
    const polluted = claims.replace('{', '{"__proto__":{"roles":["admin"]},');
    const deeper = claims.replace('{', '{"constructor":{"prototype":{"roles":["admin"]}},');
    expect(await present(await signText(polluted))).toEqual(NOT_VALID);
    expect(await present(await signText(deeper))).toEqual(alice);
    expect(await present(await signText(deeper), '/api/admin')).toMatchObject({ status: 403 });
    expect(({} as Record<string, unknown>)['roles']).toBeUndefined();
  });

  it('T16 refuses claims that are there twice, though the signature is good', async () => {
    const claims = goodClaims();
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

    it('T4 are found for a session that another instance has renewed, though somebody presents unknown ones all the time', async () => {
      const other = await startHarness({ adapter, provider: own, oidc: { publicUrl: application.url } });
      const browser = await application.signedIn();
      const profile = () => browser.fetch(`${other.url}/api/profile`);
      expect((await profile()).status).toBe(200);
      const unknown = await own.signAccessToken({}, { header: { kid: 'made-up' } });
      expect(await present(unknown, '/api/subject', other)).toEqual(NOT_VALID);
      await own.keys.rotate();
      expect((await browser.fetch(`${application.url}/auth/refresh`, { method: 'POST' })).status).toBe(200);
      const { status } = await profile();
      await other.close();
      expect(status).toBe(200);
    });

    it('take with them what they signed when they are withdrawn, also what was accepted before', async () => {
      const token = await own.signAccessToken();
      for (let count = 0; count < 3; count += 1) expect(await outcome(token)).toEqual(alice);
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
