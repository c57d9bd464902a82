import { describe, expect, it } from '@jest/globals';
import type { OidcException } from '../../src/errors/oidc.exception.js';
import type { Session } from '../../src/session/session.js';
import { OPTIONS } from '../config/valid-options.js';
import { failureOf } from '../provider/support.js';
import { conversation, jwtOf, NOW } from '../session/support.js';
import { signingBrowser, stateOf, type SigningBrowser } from './support.js';

const { issuer } = OPTIONS;
const SIGNED_IN = { returnTo: '/' };

/** Code, status and text of the failure that something ends in. */
async function failure(attempt: Promise<unknown>): Promise<unknown> {
  const error = (await failureOf(attempt)) as OidcException;
  return [error.code, error.getStatus(), error.message];
}

const refusedIdToken = (reason: string) => ['id_token_invalid', 502, `the ID Token is not acceptable: ${reason}`];

/** The session that a browser was given. */
function sessionOf({ rooms, cookies }: SigningBrowser): Promise<Session | undefined> {
  return rooms.sessions.peek(conversation(cookies).exchange);
}

describe('a code', () => {
  it('is redeemed with what the sign-in began with', async () => {
    const browser = await signingBrowser({ resource: 'https://api.example' });
    const url = await browser.begin();
    await browser.complete({ state: stateOf(url), code: 'the-code' });
    const [form] = browser.rooms.endpoint.forms;
    expect(form).toEqual({
      grant_type: 'authorization_code',
      client_id: 'client-1',
      code: 'the-code',
      redirect_uri: 'https://app.example.com/auth/callback',
      code_verifier: expect.stringMatching(/^[\w-]{43}$/),
      resource: 'https://api.example',
    });
  });

  it('is redeemed without PKCE and resource where the options say so', async () => {
    const browser = await signingBrowser({ usePkce: false, clientSecret: 'a-client-secret' });
    await browser.signIn();
    expect(browser.rooms.endpoint.forms).toEqual([
      {
        grant_type: 'authorization_code',
        code: 'the-code',
        redirect_uri: 'https://app.example.com/auth/callback',
      },
    ]);
  });

  it('becomes a session of the one who signed in', async () => {
    const browser = await signingBrowser();
    browser.claims = { sid: 'sid-1', name: 'Alice' };
    browser.answer = { scope: 'openid email' };
    const url = await browser.begin();
    browser.rooms.clock.advance(7);
    await browser.complete({ state: stateOf(url), code: 'the-code' });
    const session = await sessionOf(browser);
    expect(session).toMatchObject({
      id: expect.stringMatching(/^[\w-]{22}$/),
      issuer,
      subject: 'alice',
      tenant: undefined,
      providerSessionId: 'sid-1',
      claims: { name: 'Alice' },
      startedAt: NOW * 1000,
      renewedAt: NOW + 7,
      generation: 0,
      tokens: { issuedAt: NOW + 7, expiresAt: NOW + 307, scope: 'openid email' },
    });
    const { accessToken, refreshToken } = session?.tokens ?? {};
    expect([accessToken?.reveal(), refreshToken?.reveal()]).toEqual(['access', 'refresh']);
  });

  it.each([
    [{ error: 'invalid_grant' }, 'invalid_grant'],
    [{ error: 'Odd Code!' }, 'unknown_error'],
  ])('that the provider refuses with %j is a failed sign-in', async (body, named) => {
    const browser = await signingBrowser();
    browser.rooms.endpoint.answer = () => ({ status: 400, body });
    expect(await failure(browser.signIn())).toEqual([
      'provider_rejected',
      502,
      `the OpenID Provider refused the code with "${named}"; start again`,
    ]);
  });

  it('that is refused keeps the cause', async () => {
    const browser = await signingBrowser();
    browser.rooms.endpoint.answer = () => ({ status: 400, body: { error: 'invalid_grant' } });
    expect(await failureOf(browser.signIn())).toMatchObject({ cause: { error: 'invalid_grant' } });
  });

  it('that cannot be redeemed now is an outage', async () => {
    const browser = await signingBrowser();
    browser.rooms.endpoint.answer = () => ({ status: 503, body: {} });
    expect(await failure(browser.signIn())).toEqual(['provider_unavailable', 503, 'the OpenID Provider answered 503']);
  });
});

describe('a response', () => {
  const MIXED_UP = ['issuer_mismatch', 400, 'the response does not come from the OpenID Provider that was asked'];

  it('L4 of another issuer is refused, and its code is sent to nobody', async () => {
    const browser = await signingBrowser();
    const state = stateOf(await browser.begin());
    expect(await failure(browser.complete({ state, code: 'c', iss: 'https://other.example' }))).toEqual(MIXED_UP);
    expect(browser.rooms.endpoint.forms).toEqual([]);
  });

  it('L4 without an issuer is refused where the provider says that it names itself', async () => {
    const browser = await signingBrowser();
    browser.rooms.endpoint.metadata = { authorization_response_iss_parameter_supported: true };
    expect(await failure(browser.signIn())).toEqual(MIXED_UP);
    expect(browser.rooms.endpoint.forms).toEqual([]);
    const state = stateOf(await browser.begin());
    expect(await browser.complete({ state, code: 'c', iss: issuer })).toMatchObject(SIGNED_IN);
  });

  it('L4 to an attempt with another provider is refused', async () => {
    const here = await signingBrowser();
    const there = await signingBrowser({ issuer: 'https://id.example.com/', preset: 'generic' });
    const url = await there.begin();
    here.cookies = there.cookies;
    expect(await failure(here.complete({ state: stateOf(url), code: 'c' }))).toEqual([
      'issuer_mismatch',
      400,
      'this sign-in was started with another OpenID Provider',
    ]);
    expect(here.rooms.endpoint.forms).toEqual([]);
  });
});

describe('the ID Token of a sign-in', () => {
  it('has to be there', async () => {
    const browser = await signingBrowser();
    browser.answer = { id_token: undefined };
    expect(await failure(browser.signIn())).toEqual([
      'id_token_invalid',
      502,
      'the OpenID Provider sent no ID Token; is "openid" in OPENID_SCOPE?',
    ]);
  });

  it.each([
    ['another nonce', { nonce: 'other' }, 'unexpected "nonce" claim value'],
    ['no nonce', { nonce: undefined }, 'unexpected "nonce" claim value'],
    ['the hash of another access token', { at_hash: 'x' }, 'unexpected "at_hash" claim value'],
    ['another client as its audience', { aud: 'other' }, 'unexpected "aud" claim value'],
  ])('L5 is refused with %s', async (_, claims, reason) => {
    const browser = await signingBrowser();
    browser.claims = claims;
    expect(await failure(browser.signIn())).toEqual(refusedIdToken(reason));
    expect(await sessionOf(browser)).toBeUndefined();
  });

  it('that is refused keeps the cause', async () => {
    const browser = await signingBrowser();
    browser.answer = { id_token: jwtOf({ sub: 'alice' }) };
    expect(await failureOf(browser.signIn())).toMatchObject({ cause: { name: 'InvalidIdTokenError' } });
  });

  it('that cannot be verified now is an outage', async () => {
    const browser = await signingBrowser();
    const url = await browser.begin();
    browser.rooms.endpoint.keys = undefined;
    expect(await failure(browser.complete({ state: stateOf(url), code: 'c' }))).toEqual([
      'provider_unavailable',
      503,
      expect.any(String),
    ]);
  });

  describe('where max_age was sent', () => {
    const completed = async (authTime: number | undefined, { before = 0, after = 0 } = {}) => {
      const browser = await signingBrowser({ clockTolerance: 0 });
      browser.rooms.clock.advance(before);
      const url = await browser.begin({ max_age: '60' });
      browser.claims = { auth_time: authTime };
      browser.rooms.clock.advance(after);
      return browser.complete({ state: stateOf(url), code: 'c' });
    };

    it('has to say when the end-user signed in', async () => {
      expect(await failure(completed(undefined))).toEqual(refusedIdToken('missing "auth_time" claim value'));
    });

    it('counts back from the start: what the end-user takes to consent is added, rounded up', async () => {
      expect(await completed(NOW - 60, { after: 50 })).toMatchObject(SIGNED_IN);
      expect(await completed(NOW - 60, { before: 0.9, after: 0.2 })).toMatchObject(SIGNED_IN);
      expect(await failure(completed(NOW - 61, { after: 50 }))).toEqual(
        refusedIdToken('too old "auth_time" claim value'),
      );
    });
  });

  describe('where prompt=login was sent', () => {
    const completed = async (authTime: unknown, query: Readonly<Record<string, string>> = { prompt: 'login' }) => {
      const browser = await signingBrowser({ clockTolerance: 10 });
      browser.claims = { auth_time: authTime };
      return browser.signIn(query);
    };

    it('is of a sign-in that came after the start, within the clock tolerance', async () => {
      expect(await completed(NOW - 10)).toMatchObject(SIGNED_IN);
      expect(await failure(completed(NOW - 11))).toEqual(
        refusedIdToken('the end-user was to sign in anew and did not'),
      );
    });

    it('need not say when that was, and nobody asks where it was not sent', async () => {
      expect(await completed(undefined)).toMatchObject(SIGNED_IN);
      expect(await completed(NOW - 1000, {})).toMatchObject(SIGNED_IN);
    });

    it('counts from the second in which the sign-in began', async () => {
      const browser = await signingBrowser({ clockTolerance: 0 });
      browser.rooms.clock.advance(0.9);
      browser.claims = { auth_time: NOW };
      expect(await browser.signIn({ prompt: 'login' })).toMatchObject(SIGNED_IN);
    });
  });
});
