/** OpenID Connect Back-Channel Logout 1.0: which logout tokens end a session, and which do not. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPair } from 'jose';
import type { SignOptions, TokenClaims } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { isLetIn, providerSessionOf, sendLogout } from '../support/back-channel.js';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { publicKeyForms } from '../support/public-key-forms.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

describe.each(ADAPTERS)('back-channel logout on %s', (adapter) => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await startHarness({ adapter });
  });
  afterEach(() => {
    harness.provider.faults.clear();
    releaseTime();
  });
  afterAll(() => harness.close());

  const now = (): number => Math.floor(Date.now() / 1000);
  const logoutToken = (claims: TokenClaims, options: SignOptions = {}): Promise<string> =>
    harness.provider.signLogoutToken(claims, options);
  const send = (token: string | undefined): Promise<Response> => sendLogout(harness, token);

  it.each(['logout+jwt', 'application/logout+jwt', 'Logout+JWT', 'JWT', undefined])(
    'oidcc-client-test-rp-backchannel-rpinitlogout: ends the session that a logout token of type %p names',
    async (typ) => {
      const browser = await harness.signedIn();
      const token = await logoutToken({ sid: await providerSessionOf(harness, browser) }, { header: { typ } });
      const response = await send(token);
      expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
      expect(await isLetIn(harness, browser)).toBe(false);
    },
  );

  it('oidcc-client-test-rp-backchannel-rpinitlogout: takes a sub without sid, a sid without sub, and one of several audiences', async () => {
    const { clientId } = harness.provider.client;
    const tokens = [
      { sub: 'somebody' },
      { sub: undefined, sid: 'some-session' },
      { sid: 's', aud: ['other', clientId] },
    ];
    for (const claims of tokens) expect((await send(await logoutToken(claims))).status).toBe(200);
  });

  /** The rule that the module is named after, what is wrong, and how it comes about. */
  const foreign: readonly (readonly [string, string, TokenClaims, SignOptions?])[] = [
    ['alg-none', 'without a signature', {}, { sign: 'none' }],
    ['wrong-alg', 'signed with HS256 and the public key', {}, { sign: 'hs256-public' }],
    ['invalid-sig', 'with a signature that is garbage', {}, { sign: 'garbage' }],
    ['wrong-typ', 'of another type', {}, { header: { typ: 'at+jwt' } }],
    ['wrong-typ', 'that is a security event of another kind', {}, { header: { typ: 'secevent+jwt' } }],
    ['wrong-aud', 'for another audience', { aud: 'another-client' }],
    ['wrong-aud', 'without an audience', { aud: undefined }],
    ['wrong-iss', 'of another issuer', { iss: 'https://issuer.invalid' }],
    ['wrong-iss', 'without an issuer', { iss: undefined }],
    ['no-event', 'without the event', { events: undefined }],
    ['no-event', 'without any event', { events: {} }],
    ['wrong-event', 'with another event', { events: { 'http://schemas.openid.net/event/other': {} } }],
    ['wrong-event', 'with an event that is no object', { events: { [EVENT]: true } }],
    ['wrong-event', 'with events in a list', { events: [EVENT] }],
    ['with-nonce', 'with a nonce', { nonce: 'n' }],
    ['with-nonce', 'with a nonce of null', { nonce: null }],
    ['no-iat', 'without iat', { iat: undefined }],
    ['no-exp', 'without exp', { exp: undefined }],
    ['no-jti', 'without jti', { jti: undefined }],
    ['no-jti', 'with a jti that is no text', { jti: 7 }],
    ['no-sid-and-sub', 'without sid and sub', { sid: undefined, sub: undefined }],
    ['wrong-sid', 'with a sid that is no text', { sid: ['x'] }],
    ['wrong-sub', 'with a sub that is no text', { sub: 7 }],
  ];

  it.each(foreign)(
    'oidcc-client-test-rp-backchannel-rpinitlogout-%s: O1 refuses a logout token %s',
    async (...[, , claims, options]) => {
      const browser = await harness.signedIn();
      const sid = await providerSessionOf(harness, browser);
      expect(await answerOf(await send(await logoutToken({ sid, ...claims }, options)))).toMatchObject({
        status: 400,
        body: { error: 'invalid_request', error_description: 'the logout token is not acceptable' },
      });
      expect(await isLetIn(harness, browser)).toBe(true);
    },
  );

  it('oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg: O1 refuses every form of the public key for a secret, and the client secret', async () => {
    const { client } = harness.provider;
    const secrets = [...Object.values(publicKeyForms(harness.provider)), Buffer.from(client.clientSecret)];
    for (const key of secrets)
      for (const alg of ['HS256', 'HS512'])
        expect((await send(await logoutToken({ sid: 'x' }, { header: { alg }, key }))).status).toBe(400);
  });

  it('oidcc-client-test-rp-backchannel-rpinitlogout-invalid-sig: O1 refuses the key of somebody else', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const { kid } = harness.provider.keys.current;
    for (const header of [
      { alg: 'RS256', kid },
      { alg: 'RS256', kid: undefined },
    ])
      expect((await send(await logoutToken({ sid: 'x' }, { header, key: privateKey }))).status).toBe(400);
  });

  it.each([
    ['expired', { iat: -600, exp: -400 }],
    ['made long ago', { iat: -600, exp: 60 }],
    ['from the future', { iat: 600, exp: 700 }],
  ])('O1 refuses a logout token that is %s', async (_title, { iat, exp }) => {
    expect((await send(await logoutToken({ sid: 'x', iat: now() + iat, exp: now() + exp }))).status).toBe(400);
  });

  it('O1 refuses a logout token that came before', async () => {
    const token = await logoutToken({ sid: 'some-session' });
    expect((await send(token)).status).toBe(200);
    const response = await send(token);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await answerOf(response)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: 'the logout token was used before' },
    });
  });

  it('O1 lets a logout token count once of many that come at once, and until it has expired', async () => {
    freezeTime();
    const token = await logoutToken({ sid: 'another-session' });
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(400)]);
    advance(149);
    expect(await (await send(token)).json()).toMatchObject({ error_description: 'the logout token was used before' });
    advance(1);
    expect(await (await send(token)).json()).toMatchObject({ error_description: 'the logout token is not acceptable' });
  });

  it('O2 does not end the session of another issuer with the same sid', async () => {
    const browser = await harness.signedIn();
    const sid = await providerSessionOf(harness, browser);
    await send(await logoutToken({ sid, iss: 'https://issuer.invalid' }));
    expect(await isLetIn(harness, browser)).toBe(true);
  });

  it('refuses a request without a logout token, or with two', async () => {
    expect((await send(undefined)).status).toBe(400);
    const token = await logoutToken({ sid: 'x' });
    const body = `logout_token=${token}&logout_token=${token}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await fetch(`${harness.url}/auth/backchannel-logout`, { method: 'POST', body, headers })).status).toBe(400);
  });

  it('answers 503 while it cannot be told whose signature it is, and takes the same token later', async () => {
    // Before anything fails: time does not begin anew in between.
    freezeTime();
    await harness.provider.keys.rotate();
    harness.provider.faults.status({ kind: 'jwks', times: Infinity }, 503);
    const token = await logoutToken({ sid: 'later', exp: now() + 300 });
    expect((await send(token)).status).toBe(503);
    harness.provider.faults.clear();
    advance(60);
    expect((await send(token)).status).toBe(200);
  });
});
