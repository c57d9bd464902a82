/** The code flow at a provider that misbehaves on purpose: one test for each rule, named after the module of OpenID's conformance suite that asks for it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPair } from 'jose';
import {
  createTestProvider,
  type IdTokenMutation,
  type SigningAlgorithm,
  type TestBrowser,
  type TestProvider,
  type TokenClaims,
} from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { failureOf, refused } from '../support/failed-login.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { authorize, comeBack, redirectOf, withParameters } from '../support/login.js';
import { publicKeyForms } from '../support/public-key-forms.js';
import { RecordingFetch } from '../support/recording-fetch.js';

const CODE_GRANT = { kind: 'token', grant: 'authorization_code' } as const;
const SIGNED_IN = { status: 302, location: '/' };
const now = (): number => Math.floor(Date.now() / 1000);
const notAcceptable = (reason: string) => refused(502, 'id_token_invalid', `the ID Token is not acceptable: ${reason}`);

describe.each(ADAPTERS)('code flow on %s', (adapter) => {
  let provider: TestProvider;
  let harness: Harness;
  let browser: TestBrowser;
  const recording = new RecordingFetch();
  const running: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
    harness = await startHarness({ adapter, provider, oidc: { resource: API_AUDIENCE, fetch: recording.fetch } });
    browser = harness.browser();
    await authorize(harness, browser);
  });
  afterEach(async () => {
    provider.faults.clear();
    for (const each of running.splice(0)) await each.close();
  });
  afterAll(async () => {
    await harness.close();
    await provider.close();
  });

  /** Another provider, and an application at it. */
  const startWith = async (alg: SigningAlgorithm, prepare?: (provider: TestProvider) => void) => {
    const own = await createTestProvider({ audience: API_AUDIENCE, alg });
    prepare?.(own);
    const application = await startHarness({ adapter, provider: own });
    running.push(application, own);
    return { own, application };
  };
  const endAt = async (application: Harness) => {
    const visitor = application.browser();
    return failureOf(visitor, await authorize(application, visitor));
  };
  const landAt = async (application: Harness) => {
    const visitor = application.browser();
    return redirectOf(await comeBack(application, visitor, await authorize(application, visitor)));
  };
  const failure = async (url?: string) => failureOf(browser, url ?? (await authorize(harness, browser)));
  const success = async (url?: string) =>
    redirectOf(await comeBack(harness, browser, url ?? (await authorize(harness, browser))));

  it('oidcc-client-test-client-secret-basic: redeems the code with PKCE, the redirect URI and the resource, authenticated as configured', async () => {
    const started = await harness.browser().navigate(`${harness.url}/auth/login`, { follow: false });
    const location = new URL(started.headers.get('location') ?? '');
    const url = await authorize(harness, browser);
    recording.sent.length = 0;
    await comeBack(harness, browser, url);
    const [form] = recording.forms('authorization_code');
    const headers = recording.sent.find(({ form: sent }) => sent['grant_type'] === 'authorization_code')?.headers;
    expect(form).toEqual({
      grant_type: 'authorization_code',
      code: new URL(url).searchParams.get('code'),
      redirect_uri: `${harness.url}/auth/callback`,
      code_verifier: expect.stringMatching(/^[\w-]{43}$/),
      resource: API_AUDIENCE,
    });
    const [scheme, credentials = ''] = headers?.get('authorization')?.split(' ') ?? [];
    const pair = Buffer.from(credentials, 'base64').toString().split(':').map(decodeURIComponent);
    expect([scheme, ...pair]).toEqual(['Basic', provider.client.clientId, provider.client.clientSecret]);
    expect(location.searchParams.get('resource')).toBe(API_AUDIENCE);
  });

  it('oidcc-client-test-scope-userinfo-claims: gets the claims of the scopes with the access token in the header', async () => {
    const own = await createTestProvider({ audience: API_AUDIENCE, userInfo: 'provider', opaqueAccessTokens: true });
    const sent = new RecordingFetch();
    const oidc = { userInfoOnBehalfOf: false, audience: [], scope: 'openid email', fetch: sent.fetch };
    const application = await startHarness({ adapter, provider: own, oidc });
    running.push(application, own);
    const visitor = await application.signedIn();
    const answer = await answerOf(await visitor.fetch(`${application.url}/auth/userinfo`));
    expect(answer).toMatchObject({ status: 200, body: { sub: 'user-alice', email: 'alice@example.test' } });
    expect(answer.body).not.toHaveProperty('name');
    const request = sent.sent.at(-1);
    expect([
      request?.headers.get('authorization')?.split(' ')[0],
      request?.form,
      new URL(request?.url ?? '').search,
    ]).toEqual(['Bearer', {}, '']);
  });

  describe('an ID Token', () => {
    type Change = (claims: TokenClaims) => TokenClaims;
    const change = (changes: TokenClaims | ((claims: TokenClaims) => TokenClaims)): Change => {
      return (claims) => ({ ...claims, ...(typeof changes === 'function' ? changes(claims) : changes) });
    };
    const without = (name: string): Change => {
      return (claims) => Object.fromEntries(Object.entries(claims).filter(([each]) => each !== name));
    };
    /** The rule that the module is named after, what is wrong, and what is said of it. */
    const cases: readonly (readonly [string, string, Change, string])[] = [
      ['invalid-iss', 'of another issuer', change({ iss: 'https://evil.example' }), 'unexpected "iss" claim value'],
      [
        'invalid-iss',
        'whose issuer has a slash more',
        change(({ iss }) => ({ iss: `${String(iss)}/` })),
        'unexpected "iss" claim value',
      ],
      [
        'invalid-iss',
        'whose issuer is a list',
        change(({ iss }) => ({ iss: [iss] })),
        'missing or malformed "iss" claim value',
      ],
      ['missing-iss', 'without iss', without('iss'), 'missing or malformed "iss" claim value'],
      ['missing-sub', 'without sub', without('sub'), 'missing or malformed "sub" claim value'],
      ['missing-sub', 'with an empty sub', change({ sub: '' }), 'missing or malformed "sub" claim value'],
      ['invalid-sub', 'with a sub that is a number', change({ sub: 42 }), 'missing or malformed "sub" claim value'],
      [
        'invalid-sub',
        'with a sub of 256 characters',
        change({ sub: 's'.repeat(256) }),
        'missing or malformed "sub" claim value',
      ],
      ['invalid-aud', 'for another client', change({ aud: 'other' }), 'unexpected "aud" claim value'],
      ['invalid-aud', 'for other clients', change({ aud: ['other', 'another'] }), 'unexpected "aud" claim value'],
      ['missing-aud', 'without aud', without('aud'), 'missing or malformed "aud" claim value'],
      ['missing-aud', 'for nobody', change({ aud: [] }), 'missing or malformed "aud" claim value'],
      [
        'missing-azp',
        'for two clients without azp',
        change(({ aud }) => ({ aud: [aud, 'other'] })),
        'missing "azp" claim value',
      ],
      ['invalid-azp', 'for another azp', change({ azp: 'other' }), 'unexpected "azp" claim value'],
      [
        'invalid-azp',
        'for two clients with the azp of the other',
        change(({ aud }) => ({ aud: [aud, 'other'], azp: 'other' })),
        'unexpected "azp" claim value',
      ],
      ['missing-iat', 'without iat', without('iat'), 'missing "iat" claim value'],
      ['invalid-iat', 'from the future by iat', change(() => ({ iat: now() + 3600 })), 'future "iat" claim value'],
      [
        'invalid-iat',
        'with an iat that is text',
        change(() => ({ iat: String(now()) })),
        'malformed "iat" claim value',
      ],
      ['invalid-nbf', 'from the future by nbf', change(() => ({ nbf: now() + 3600 })), 'future "nbf" claim value'],
      ['missing-exp', 'without exp', without('exp'), 'missing "exp" claim value'],
      ['invalid-exp', 'that has expired', change(() => ({ exp: now() - 3600 })), 'the token has expired'],
      ['invalid-exp', 'with an exp that is text', change({ exp: 'never' }), 'malformed "exp" claim value'],
      [
        'invalid-exp',
        'with an exp of digits in text',
        change(() => ({ exp: String(now() + 3600) })),
        'malformed "exp" claim value',
      ],
      ['invalid-exp', 'with an absurd exp', change({ exp: 1e308 }), 'malformed "exp" claim value'],
      ['nonce-invalid', 'with another nonce', change({ nonce: 'other' }), 'unexpected "nonce" claim value'],
      [
        'nonce-invalid',
        'with the nonce in a list',
        change(({ nonce }) => ({ nonce: [nonce] })),
        'unexpected "nonce" claim value',
      ],
      ['missing-nonce', 'without nonce', without('nonce'), 'unexpected "nonce" claim value'],
      [
        'invalid-at-hash',
        'of another access token',
        change({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }),
        'unexpected "at_hash" claim value',
      ],
      [
        'invalid-at-hash',
        'with a whole hash for at_hash',
        change({ at_hash: 'A'.repeat(43) }),
        'unexpected "at_hash" claim value',
      ],
      ['invalid-at-hash', 'with an at_hash that is no text', change({ at_hash: 7 }), 'malformed "at_hash" claim value'],
      ['invalid-type', 'that is a logout token', change({ events: {} }), 'the token is no ID Token'],
    ];

    it.each(cases)('oidcc-client-test-%s: %s is refused', async (_rule, _what, changed, reason) => {
      provider.faults.idToken((claims) => ({ claims: changed(claims) }));
      expect(await failure()).toEqual(notAcceptable(reason));
    });

    it('oidcc-client-test-invalid-type: that is an access token by its type is refused', async () => {
      provider.faults.idToken((claims, header) => ({ claims, header: { ...header, typ: 'at+jwt' } }));
      expect(await failure()).toEqual(notAcceptable('the token is no ID Token'));
    });

    const malformed = [
      ['no JWT', 'no-jwt', 'the token has not three parts'],
      ['three parts of nothing', 'x.y.z', 'a part of the token is not base64url'],
      ['a JWT of null', 'eyJhbGciOiJSUzI1NiJ9.bnVsbA.c2ln', 'the signature is not valid'],
      ['a JWT of a list', 'eyJhbGciOiJSUzI1NiJ9.W10.c2ln', 'the signature is not valid'],
      ['a JWT with a header of null', 'bnVsbA.e30.c2ln', 'a part of the token is no JSON object'],
      ['a JWE', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.AAAA.AAAA.AAAA.AAAA', 'the token has not three parts'],
      ['four hundred thousand dots', '.'.repeat(400_000), 'the token is too long'],
      ['one letter longer than 64 KiB', 'a'.repeat(65_537), 'the token is too long'],
    ] as const;

    it.each(malformed)('T9 that is %s is refused', async (_what, idToken, reason) => {
      provider.faults.rewrite(CODE_GRANT, (body) => ({ ...body, id_token: idToken }));
      expect(await failure()).toEqual(notAcceptable(reason));
    });

    it.each([undefined, null, '', 42, {}, ['a.b.c'], true])('that is %p in the answer is refused', async (idToken) => {
      provider.faults.rewrite(CODE_GRANT, (body) => ({ ...body, id_token: idToken }));
      expect(await failure()).toEqual(
        refused(502, 'id_token_invalid', 'the OpenID Provider sent no ID Token; is "openid" in OPENID_SCOPE?'),
      );
    });

    it('is accepted within the tolerance of 30 seconds', async () => {
      provider.faults.idToken((claims) => ({ claims: { ...claims, iat: now() + 25, exp: now() - 25 } }));
      expect(await success()).toEqual(SIGNED_IN);
    });

    it('for several clients is accepted where it names this one as the authorized party', async () => {
      const { clientId } = provider.client;
      provider.faults.idToken((claims) => ({ claims: { ...claims, aud: ['other', clientId], azp: clientId } }));
      expect(await success()).toEqual(SIGNED_IN);
    });
  });

  describe('the signature of an ID Token', () => {
    const algorithms = ['RS256', 'ES256', 'PS256', 'EdDSA'] as const;
    const moduleOf = (alg: SigningAlgorithm): string => alg.toLowerCase();

    it.each(algorithms.map((alg) => [moduleOf(alg), alg] as const))(
      'oidcc-client-test-idtoken-sig-%s: with the key of the provider is accepted',
      async (_module, alg) => {
        const { application } = await startWith(alg);
        expect(await landAt(application)).toEqual(SIGNED_IN);
      },
    );

    it.each(algorithms.map((alg) => [moduleOf(alg), alg] as const))(
      'oidcc-client-test-invalid-sig-%s: of random bytes, of another key, over other claims is refused',
      async (_module, alg) => {
        const { own, application } = await startWith(alg);
        const { privateKey } = await generateKeyPair(alg);
        const wrong: readonly IdTokenMutation[] = [
          () => ({ sign: 'garbage' }),
          () => ({ header: { alg, kid: own.keys.current.kid }, key: privateKey }),
        ];
        for (const mutation of wrong) {
          own.faults.idToken(mutation);
          expect(await endAt(application)).toEqual(notAcceptable('the signature is not valid'));
        }
        own.faults.rewrite(CODE_GRANT, (body) => ({ ...body, id_token: withOtherSubject(String(body['id_token'])) }));
        expect(await endAt(application)).toEqual(notAcceptable('the signature is not valid'));
      },
    );

    it('oidcc-client-test-idtoken-sig-none: that is left out is refused, T1', async () => {
      provider.faults.idToken(() => ({ sign: 'none' }));
      expect(await failure()).toEqual(notAcceptable('the algorithm is not allowed'));
      provider.faults.rewrite(CODE_GRANT, (body) => ({
        ...body,
        id_token: String(body['id_token']).replace(/[^.]*$/, ''),
      }));
      expect(await failure()).toEqual(notAcceptable('the signature is not base64url'));
      provider.faults.rewrite(CODE_GRANT, (body) => {
        const [, claims = '', signature = ''] = String(body['id_token']).split('.');
        return { ...body, id_token: `${encode({ alg: 'none' })}.${claims}.${signature}` };
      });
      expect(await failure()).toEqual(notAcceptable('the algorithm is not allowed'));
    });

    it('oidcc-client-test-invalid-sig-hs256: with the public key or the client secret for a secret is refused, T1', async () => {
      const secrets = [...Object.values(publicKeyForms(provider)), Buffer.from(provider.client.clientSecret)];
      for (const key of secrets) {
        provider.faults.idToken((_claims, header) => ({ header: { ...header, alg: 'HS256' }, key }));
        expect(await failure()).toEqual(notAcceptable('the algorithm is not allowed'));
      }
    });

    it('oidcc-client-test-idtoken-wrong-alg: in an algorithm that the provider does not announce is refused', async () => {
      const { application } = await startWith('ES256', ({ faults }) => {
        faults.rewrite({ kind: 'discovery', times: Infinity }, (body) => ({
          ...body,
          id_token_signing_alg_values_supported: ['RS256'],
        }));
      });
      expect(await endAt(application)).toEqual(notAcceptable('the provider does not sign with this algorithm'));
    });

    it('oidcc-client-test-kid-absent-single-jwks: without kid is accepted where there is one key', async () => {
      provider.faults.idToken((_claims, { kid: _, ...header }) => ({ header: { ...header, kid: undefined } }));
      expect(await success()).toEqual(SIGNED_IN);
    });

    it('oidcc-client-test-kid-absent-multiple-jwks: without kid is refused where several keys fit, accepted where one fits', async () => {
      const withoutKid: IdTokenMutation = (_claims, header) => ({ header: { ...header, kid: undefined } });
      const { own, application } = await startWith('ES256');
      await own.keys.rotate({ announce: true, alg: 'RS256' });
      own.faults.idToken(withoutKid);
      expect(await landAt(application)).toEqual(SIGNED_IN);
      const { own: crowded, application: other } = await startWith('ES256');
      await crowded.keys.rotate({ announce: true });
      crowded.faults.idToken(withoutKid);
      expect(await endAt(other)).toEqual(notAcceptable('more than one published key fits the token'));
    });

    it('of a kid that is not published is refused', async () => {
      provider.faults.idToken((_claims, header) => ({ header: { ...header, kid: 'unknown' } }));
      expect(await failure()).toEqual(notAcceptable('no published key fits the token'));
    });
  });

  describe('an authorization response', () => {
    const MISMATCH = refused(
      400,
      'issuer_mismatch',
      'the response does not come from the OpenID Provider that was asked',
    );

    it.each([
      ['invalid', 'https://evil.example'],
      ['invalid', 'issuer/'],
      ['invalid', 'ISSUER'],
      ['missing', ''],
      ['missing', undefined],
    ])('oidcc-client-test-authorization-response-%s-iss: is refused with iss %j, L4', async (_rule, written) => {
      const iss = written?.replace('issuer', provider.issuer).replace('ISSUER', provider.issuer.toUpperCase());
      expect(new URL(await authorize(harness, browser)).searchParams.get('iss')).toBe(provider.issuer);
      const url = withParameters(await authorize(harness, browser), { iss });
      provider.requests.reset();
      expect({ ...(await failure(url)), asked: provider.requests.count('token') }).toEqual({ ...MISMATCH, asked: 0 });
    });

    it('oidcc-client-test-authorization-response-missing-iss: is accepted without iss where the provider announces none', async () => {
      const { application } = await startWith('ES256', ({ faults }) => {
        faults.rewrite(
          { kind: 'discovery', times: Infinity },
          ({ authorization_response_iss_parameter_supported: _, ...body }) => body,
        );
      });
      const visitor = application.browser();
      const url = withParameters(await authorize(application, visitor), { iss: undefined });
      expect(redirectOf(await comeBack(application, visitor, url))).toEqual(SIGNED_IN);
    });

    it('oidcc-client-test-invalid-state: is refused with a state of nobody or of another browser, and the code is not used', async () => {
      const url = await authorize(harness, browser);
      const other = new URL(await authorize(harness, harness.browser())).searchParams.get('state') ?? '';
      const state = new URL(url).searchParams.get('state') ?? '';
      provider.requests.reset();
      for (const wrong of ['wrong', other, `${state}x`, state.slice(0, -1), state.toUpperCase()])
        expect(await failure(withParameters(url, { state: wrong }))).toMatchObject({
          status: 400,
          error: 'transaction_missing',
          signedIn: [],
        });
      expect(provider.requests.count('token')).toBe(0);
      expect(await success(url)).toEqual(SIGNED_IN);
    });

    it.each(['state', 'code', 'iss', 'error'])('T16 refuses %s sent twice', async (name) => {
      const visitor = harness.browser();
      const url = await authorize(harness, visitor);
      const twice = `${withParameters(url, { [name]: '1' })}&${name}=2`;
      expect((await answerOf(await visitor.fetch(twice))).body).toEqual({
        error: 'invalid_request',
        error_description: `parameter '${name}' has to be sent once, as one string`,
      });
      expect(redirectOf(await comeBack(harness, visitor, twice))).toEqual({
        status: 302,
        location: '/auth/error?error=invalid_request',
      });
      expect(redirectOf(await comeBack(harness, visitor, url))).toEqual(SIGNED_IN);
    });

    it.each([
      '',
      '?',
      '?code=c',
      '?error=access_denied',
      '?state=',
      '?state[]=s&code=c',
      '?state[a]=s&code=c',
      '?__proto__[state]=s',
    ])(
      'oidcc-client-test-missing-state: refuses /auth/callback%s, which belongs to no attempt, and begins none',
      async (query) => {
        const visitor = harness.browser();
        provider.requests.reset();
        const response = await visitor.fetch(`${harness.url}/auth/callback${query}`);
        expect({ ...(await answerOf(response)), cookies: response.headers.getSetCookie() }).toEqual({
          status: 400,
          body: { error: 'invalid_request', error_description: "parameter 'state' is missing" },
          challenge: 'Bearer error="invalid_request", error_description="parameter \'state\' is missing"',
          cookies: [],
        });
        expect(provider.requests.count('token')).toBe(0);
      },
    );
  });
});

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Another subject under the same signature. */
function withOtherSubject(token: string): string {
  const [header = '', claims = '', signature = ''] = token.split('.');
  const changed = { ...(JSON.parse(Buffer.from(claims, 'base64url').toString()) as object), sub: 'user-mallory' };
  return `${header}.${encode(changed)}.${signature}`;
}
