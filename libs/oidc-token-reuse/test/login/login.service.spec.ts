import { HttpException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { InvalidTokenException, UnauthorizedException } from '../../src/errors/exceptions.js';
import { OidcException } from '../../src/errors/oidc.exception.js';
import type { Principal } from '../../src/session/principal.js';
import { Tombstones } from '../../src/session/tombstones.js';
import { OPTIONS } from '../config/valid-options.js';
import { failureOf } from '../provider/support.js';
import { conversation, NOW } from '../session/support.js';
import { makeKey, sign } from '../verification/support.js';
import { signingBrowser, stateOf, type SigningBrowser } from './support.js';

const { issuer } = OPTIONS;
const CONFLICT = ['session_conflict', 403, 'another end-user has signed in meanwhile; sign out first'];

/** Code, status and text of the failure that something ends in. */
async function failure(attempt: Promise<unknown>): Promise<unknown> {
  const error = await failureOf(attempt);
  if (!(error instanceof OidcException)) throw error;
  return [error.code, error.getStatus(), error.message];
}

const attemptsOf = ({ cookies }: SigningBrowser): number =>
  Object.keys(cookies).filter((name) => name.includes('oidc.txn')).length;
const eventsOf = ({ rooms }: SigningBrowser, type: string) => rooms.events.filter((event) => event.type === type);
const peek = ({ rooms, cookies }: SigningBrowser) => rooms.sessions.peek(conversation(cookies).exchange);

describe('a sign-in that begins', () => {
  it('leads to the provider, keeps the attempt in a cookie, and is not cached', async () => {
    const browser = await signingBrowser();
    const talk = conversation({}, { query: { prompt: 'consent' } });
    const url = await browser.rooms.logins.begin(talk.exchange);
    expect(url.origin + url.pathname).toBe('https://id.example.com/authorize');
    expect(url.searchParams.get('prompt')).toBe('consent');
    expect(talk.cookies()).toEqual([expect.stringMatching(/^__Secure-oidc\.txn|^__Host-oidc\.txn/)]);
    talk.response.writeHead(302);
    expect(talk.response.getHeader('cache-control')).toBe('no-store');
    expect(browser.rooms.events).toEqual([{ type: 'login.started', issuer }]);
  });

  it('may be of another site that names our provider, and of no other', async () => {
    const browser = await signingBrowser();
    expect((await browser.begin({ iss: issuer })).searchParams.has('iss')).toBe(false);
    const before = browser.cookies;
    expect(await failure(browser.begin({ iss: 'https://other.example' }))).toEqual([
      'invalid_request',
      400,
      "parameter 'iss' is not the issuer",
    ]);
    expect([browser.cookies, eventsOf(browser, 'login.started')]).toEqual([before, [expect.anything()]]);
  });

  describe('right after another was completed', () => {
    const NOT_STORED = [
      'session_not_stored',
      400,
      'the browser did not keep the session cookies; their size or the connection (https) forbids it',
    ];
    const withoutSession = (browser: SigningBrowser): void => {
      browser.cookies = Object.fromEntries(
        Object.entries(browser.cookies).filter(([name]) => !name.includes('oidc.session')),
      );
    };

    it('finds out that the browser keeps no sessions, once', async () => {
      const browser = await signingBrowser();
      await browser.signIn();
      withoutSession(browser);
      expect(await failure(browser.begin())).toEqual(NOT_STORED);
      expect(await browser.begin()).toBeInstanceOf(URL);
    });

    it('does not doubt a browser that shows its session, whether that has ended or not', async () => {
      const browser = await signingBrowser({ sessionIdleLifetime: 100 });
      await browser.signIn();
      expect(await browser.begin()).toBeInstanceOf(URL);
      browser.rooms.clock.advance(100);
      expect(await browser.begin()).toBeInstanceOf(URL);
    });
  });

  describe('with a pushed authorization request', () => {
    const ENDPOINT = `${issuer}/par`;
    const pushing = async (answer: { readonly status?: number; readonly body: object } | undefined, isKnown = true) => {
      const browser = await signingBrowser({ usePar: true, clientSecret: 'a-client-secret' });
      if (isKnown) browser.rooms.endpoint.metadata = { pushed_authorization_request_endpoint: ENDPOINT };
      browser.rooms.endpoint.others = { [ENDPOINT]: () => answer };
      return browser;
    };

    it('shows the browser a reference only', async () => {
      const browser = await pushing({ status: 201, body: { request_uri: 'urn:request:1', expires_in: 60 } });
      expect(Object.fromEntries((await browser.begin()).searchParams)).toEqual({
        client_id: OPTIONS.clientId,
        request_uri: 'urn:request:1',
      });
    });

    it('says what is configured wrongly where the provider takes none', async () => {
      const browser = await pushing(undefined, false);
      expect(await failure(browser.begin())).toEqual([
        'configuration',
        502,
        'the OpenID Provider has no endpoint for pushed authorization requests; leave OPENID_USE_PAR out',
      ]);
    });

    it('is a failed sign-in where the provider refuses it, and leaves no attempt', async () => {
      const browser = await pushing({ status: 400, body: { error: 'invalid_request' } });
      const refused = browser.begin();
      expect(await failure(refused)).toEqual([
        'provider_rejected',
        502,
        'the OpenID Provider refused the pushed authorization request with "invalid_request"',
      ]);
      expect(await failureOf(refused)).toMatchObject({ cause: { error: 'invalid_request' } });
      expect(attemptsOf(browser)).toBe(0);
    });

    it('is an outage where the provider cannot take it now', async () => {
      const browser = await pushing(undefined);
      expect(await failure(browser.begin())).toEqual(['provider_unavailable', 503, expect.any(String)]);
    });
  });

  it('needs no endpoint for pushed requests where nobody wants one', async () => {
    expect(await (await signingBrowser({ usePar: false })).begin()).toBeInstanceOf(URL);
  });
});

describe('a sign-in that is completed', () => {
  it('gives the browser a session, leads back, and is not cached', async () => {
    const browser = await signingBrowser();
    const { returnTo, talk } = await browser.signIn({ returnTo: '/orders?page=2' });
    expect(returnTo).toBe('/orders?page=2');
    expect(await peek(browser)).toMatchObject({ subject: 'alice', issuer });
    expect(Object.keys(browser.cookies)).toContain('__Host-oidc.completed');
    expect(attemptsOf(browser)).toBe(0);
    talk.response.writeHead(302);
    expect(talk.response.getHeader('cache-control')).toBe('no-store');
  });

  it('is reported with the one who signed in, and a name for the session', async () => {
    const browser = await signingBrowser();
    await browser.signIn();
    expect(eventsOf(browser, 'login.succeeded')).toEqual([
      { type: 'login.succeeded', issuer, subject: 'alice', session: expect.stringMatching(/^[\w-]{12}$/) },
    ]);
  });

  it('L5 is completed once', async () => {
    const browser = await signingBrowser();
    const url = await browser.begin();
    const { cookies } = browser;
    await browser.complete({ state: stateOf(url), code: 'c' });
    browser.cookies = cookies;
    expect(await failure(browser.complete({ state: stateOf(url), code: 'c' }))).toEqual([
      'transaction_used',
      400,
      'this sign-in was completed already; start again',
    ]);
  });

  it.each([{}, { state: '' }])('needs a state: %j', async (parameters) => {
    const browser = await signingBrowser();
    expect(await failure(browser.complete({ ...parameters, code: 'c' }))).toEqual([
      'invalid_request',
      400,
      "parameter 'state' is missing",
    ]);
  });

  it('keeps the identity alone where no tokens are kept', async () => {
    const browser = await signingBrowser({ reuseTokens: false });
    await browser.signIn();
    const session = await peek(browser);
    expect([session?.subject, session?.tokens.accessToken, session?.tokens.refreshToken]).toEqual([
      'alice',
      undefined,
      undefined,
    ]);
    expect(eventsOf(browser, 'token.not_verifiable')).toEqual([]);
  });

  describe('L2 in a browser with a session', () => {
    it('of the same end-user takes its place', async () => {
      const browser = await signingBrowser();
      await browser.signIn();
      const before = await peek(browser);
      await browser.signIn();
      const after = await peek(browser);
      expect([after?.subject, after?.id === before?.id]).toEqual(['alice', false]);
    });

    it('of another end-user, since it began, asks the provider for nothing', async () => {
      const [tab, browser] = [await signingBrowser(), await signingBrowser()];
      browser.claims = { sub: 'mallory' };
      await tab.signIn();
      const url = await tab.begin();
      await browser.signIn();
      const session = Object.entries(browser.cookies).filter(([name]) => name.includes('oidc.session'));
      tab.cookies = { ...tab.cookies, ...Object.fromEntries(session) };
      const forms = tab.rooms.endpoint.forms.length;
      expect(await failure(tab.complete({ state: stateOf(url), code: 'c' }))).toEqual(CONFLICT);
      expect(tab.rooms.endpoint.forms).toHaveLength(forms);
    });

    it('of one end-user does not end as another', async () => {
      const browser = await signingBrowser();
      await browser.signIn();
      browser.claims = { sub: 'mallory' };
      expect(await failure(browser.signIn())).toEqual(CONFLICT);
      expect(await peek(browser)).toMatchObject({ subject: 'alice' });
    });

    it('that the answer does not show takes its place all the same', async () => {
      const browser = await signingBrowser();
      await browser.signIn();
      const { cookies } = browser;
      const before = await peek(browser);
      const url = await browser.begin();
      const attempt = Object.entries(browser.cookies).filter(([name]) => name.includes('oidc.txn'));
      browser.cookies = Object.fromEntries(attempt);
      await browser.complete({ state: stateOf(url), code: 'c' });
      browser.cookies = cookies;
      expect(await peek(browser)).toBeUndefined();
      const { store, provider, clock } = browser.rooms;
      const id = before?.id ?? '';
      expect(await new Tombstones(store, provider.options, clock).isReplaced({ id })).toBe(true);
    });
  });

  describe('asks the application', () => {
    const refusedWith = async (error: Error) => {
      const browser = await signingBrowser({ resolver: { resolve: () => Promise.reject(error) } });
      const refusal = await failureOf(browser.signIn());
      return { refusal, session: await peek(browser), events: eventsOf(browser, 'login.succeeded') };
    };

    it('with the principal that requests will have', async () => {
      const seen: Principal[] = [];
      const browser = await signingBrowser({ resolver: { resolve: (principal) => seen.push(principal) } });
      await browser.signIn();
      expect(seen).toMatchObject([{ kind: 'session', issuer, subject: 'alice' }]);
    });

    it.each([400, 404, 499])('which refuses with %d', async (status) => {
      const error = new HttpException('not here', status);
      const { refusal, session, events } = await refusedWith(error);
      expect(refusal).toMatchObject({ code: 'access_denied', status: 403, cause: error });
      expect(refusal).toHaveProperty('message', 'this application does not admit the end-user');
      expect([session, events]).toEqual([undefined, []]);
    });

    it.each([
      new HttpException('out of order', 500),
      new HttpException('out of order', 503),
      new RangeError('out of order'),
      new UnauthorizedException(),
    ])('whose own failure stays what it is: %s', async (error) => {
      expect((await refusedWith(error)).refusal).toBe(error);
    });

    it('whose refusal of the access token is a failed sign-in', async () => {
      const error = new InvalidTokenException('of no use');
      const { refusal } = await refusedWith(error);
      expect(refusal).toMatchObject({ code: 'invalid_token', status: 502, cause: error });
      expect(refusal).toHaveProperty('message', 'the access token is not acceptable: of no use');
    });
  });

  it('warns that an access token cannot be verified here', async () => {
    const browser = await signingBrowser();
    await browser.signIn();
    expect(eventsOf(browser, 'token.not_verifiable')).toEqual([
      {
        type: 'token.not_verifiable',
        issuer,
        subject: 'alice',
        session: expect.stringMatching(/^[\w-]{12}$/),
        reason:
          'the access token is opaque or for another API: it is not verified here, and scope checks and on-behalf-of refuse it (OPENID_AUDIENCE, OPENID_SCOPE)',
      },
    ]);
  });

  it('does not warn where it can', async () => {
    const audience = 'https://api.example.com';
    const browser = await signingBrowser({ audience: [audience] });
    const key = await makeKey('ES256', { kid: 'api' });
    browser.rooms.endpoint.keys = [...(browser.rooms.endpoint.keys ?? []), key.jwk];
    const claims = { iss: issuer, sub: 'alice', aud: audience, client_id: OPTIONS.clientId, iat: NOW, exp: NOW + 300 };
    browser.answer = { access_token: await sign(key, claims, { typ: 'at+jwt' }) };
    await browser.signIn();
    expect(eventsOf(browser, 'login.succeeded')).toHaveLength(1);
    expect(eventsOf(browser, 'token.not_verifiable')).toEqual([]);
  });
});

it('a sign-in that failed is reported', async () => {
  const { rooms } = await signingBrowser();
  rooms.logins.failed(new InvalidTokenException('of no use'));
  expect(rooms.events).toEqual([{ type: 'login.failed', issuer, code: 'invalid_token', reason: 'of no use' }]);
});
