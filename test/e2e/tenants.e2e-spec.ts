/** A provider of many tenants, as Entra ID is: whose tokens are accepted, and that no tenant can speak for another. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createTestProvider,
  type TestBrowser,
  type TestProvider,
  type TokenClaims,
} from 'nestjs-oidc-token-reuse-testing';
import { sendLogout } from '../support/back-channel.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { comeBack, subjectOf, withParameters } from '../support/login.js';
import { PublicName } from '../support/public-name.js';

const HOST = 'https://login.microsoftonline.com';
const ONE = '11111111-2222-3333-4444-55555555555a';
const TWO = '22222222-3333-4444-5555-66666666666b';
const STRANGER = '33333333-4444-5555-6666-77777777777c';

const v1 = (tenant: string): string => `https://sts.windows.net/${tenant}/`;
const v2 = (tenant: string): string => `${HOST}/${tenant}/v2.0`;

describe.each(ADAPTERS)('T12 tenants on %s', (adapter) => {
  let provider: TestProvider;
  const running: Harness[] = [];

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE, alg: 'ES256' });
  });
  afterEach(async () => {
    provider.faults.clear();
    for (const harness of running.splice(0)) await harness.close();
  });
  afterAll(() => provider.close());

  /** An application for the tenants one and two. */
  const start = async (): Promise<Harness> => {
    const { issuer, fetch } = new PublicName(provider, v2('organizations'));
    provider.faults.rewrite({ kind: 'discovery', times: Infinity }, (body) => ({ ...body, issuer: v2('{tenantid}') }));
    const harness = await startHarness({ adapter, provider, oidc: { issuer, tenants: [ONE, TWO], fetch } });
    running.push(harness);
    return harness;
  };
  const statusOf = async ({ url }: Harness, claims: TokenClaims): Promise<number> => {
    const token = await provider.signAccessToken(claims);
    return (await fetch(`${url}/api/subject`, { headers: { authorization: `Bearer ${token}` } })).status;
  };

  it('that are in the list sign their own tokens, in both forms of the issuer', async () => {
    const harness = await start();
    for (const tid of [ONE, TWO])
      for (const iss of [v1(tid), v2(tid)]) expect([iss, await statusOf(harness, { iss, tid })]).toEqual([iss, 200]);
  });

  it('never sign for one another, and no stranger signs at all', async () => {
    const harness = await start();
    const tokens = [
      { iss: v2(ONE), tid: TWO },
      { iss: v2(TWO), tid: ONE },
      { iss: v1(ONE), tid: TWO },
      { iss: v2(STRANGER), tid: STRANGER },
      { iss: v1(STRANGER), tid: STRANGER },
      { iss: v2(ONE), tid: STRANGER },
      { iss: v2(STRANGER), tid: ONE },
    ];
    for (const claims of tokens) expect([claims, await statusOf(harness, claims)]).toEqual([claims, 401]);
  });

  it('are named by a GUID in the token itself', async () => {
    const harness = await start();
    const tids = [undefined, null, '', 7, [ONE], ONE.toUpperCase(), `${ONE} `, 'organizations', '{tenantid}', '*'];
    for (const tid of tids)
      for (const iss of [v2(ONE), v2(String(tid)), v2('{tenantid}')])
        expect([tid, iss, await statusOf(harness, { iss, tid })]).toEqual([tid, iss, 401]);
  });

  it('have issuers that are compared to the last character', async () => {
    const harness = await start();
    const issuers = [
      ...[`${v2(ONE)}/`, v2(ONE).toUpperCase(), `${HOST}/${ONE}`, `${HOST}:443/${ONE}/v2.0`, v1(ONE).slice(0, -1)],
      ...[`https://login.microsoftonline.us/${ONE}/v2.0`, `https://evil.example/${ONE}/v2.0`, v2(`${TWO}/../${ONE}`)],
    ];
    for (const iss of issuers) expect([iss, await statusOf(harness, { iss, tid: ONE })]).toEqual([iss, 401]);
  });

  it('have keys of their own, where a key says whose it is', async () => {
    const ofKey = async (issuer: string): Promise<readonly number[]> => {
      provider.faults.rewrite({ kind: 'jwks', times: Infinity }, ({ keys }) => ({
        keys: (keys as object[]).map((key) => ({ ...key, issuer })),
      }));
      const harness = await start();
      const statuses = [
        await statusOf(harness, { iss: v2(ONE), tid: ONE }),
        await statusOf(harness, { iss: v2(TWO), tid: TWO }),
      ];
      provider.faults.clear();
      return statuses;
    };
    expect(await ofKey(v2(ONE))).toEqual([200, 401]);
    expect(await ofKey(v2(TWO))).toEqual([401, 200]);
    expect(await ofKey(v2('{tenantid}'))).toEqual([200, 200]);
    expect(await ofKey(v2(STRANGER))).toEqual([401, 401]);
  });

  describe('that share the names of an end-user and of a session', () => {
    const SHARED = { sub: 'the-same-subject', sid: 'the-same-session' };

    /** Signs in with tokens of this tenant: the provider is asked under its own name, and names the tenant in its answer. */
    const signedInAt = async (harness: Harness, tid: string): Promise<TestBrowser> => {
      const tenant = { ...SHARED, iss: v2(tid), tid };
      const accessToken = await provider.signAccessToken(tenant);
      provider.faults.idToken(({ at_hash: _, ...claims }) => ({ claims: { ...claims, ...tenant } }));
      provider.faults.rewrite('token', (body) => ({ ...body, access_token: accessToken }));
      const browser = harness.browser();
      const begun = await browser.navigate(`${harness.url}/auth/login`, { follow: false });
      const request = begun.headers.get('location')?.replace(v2('organizations'), provider.issuer) ?? '';
      const credentials = { login: 'alice', password: 'alice' };
      const stopped = await browser.signIn(request, credentials, { stopAt: harness.url });
      const answer = withParameters(stopped.headers.get('location') ?? '', { iss: v2(tid) });
      await comeBack(harness, browser, answer);
      expect(await subjectOf(harness, browser)).toBe(SHARED.sub);
      return browser;
    };

    it.each([
      ['subject', { sid: undefined }],
      ['session', { sub: undefined }],
    ])('O2 end those of their own %s only', async (_what, left) => {
      const harness = await start();
      const [ofOne, ofTwo] = [await signedInAt(harness, ONE), await signedInAt(harness, TWO)];
      const claims = { ...SHARED, iss: v2(ONE), tid: ONE, aud: provider.client.clientId, ...left };
      const response = await sendLogout(harness, await provider.signLogoutToken(claims));
      expect(response.status).toBe(200);
      expect([await subjectOf(harness, ofOne), await subjectOf(harness, ofTwo)]).toEqual([undefined, SHARED.sub]);
    });

    it('O2 end bearer tokens of their own session only', async () => {
      const harness = await start();
      const bearerOf = (tid: string) => statusOf(harness, { ...SHARED, iss: v2(tid), tid });
      expect([await bearerOf(ONE), await bearerOf(TWO)]).toEqual([200, 200]);
      const claims = { ...SHARED, iss: v2(TWO), tid: TWO, aud: provider.client.clientId };
      expect((await sendLogout(harness, await provider.signLogoutToken(claims))).status).toBe(200);
      expect([await bearerOf(ONE), await bearerOf(TWO)]).toEqual([200, 401]);
    });
  });
});
