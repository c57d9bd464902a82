import { afterEach, describe, expect, it } from '@jest/globals';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { OPTIONS } from '../config/valid-options.js';
import { roomsWith, type Rooms } from '../refresh/support.js';
import { served, type Served } from '../served.js';
import { conversation, cookieHeader, keptCookies, NOW, sessionOf } from '../session/support.js';
import { makeKey, sign } from '../verification/support.js';

const { issuer } = OPTIONS;
const HOME = 'https://app.example.com';
const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' };
const PAGE = { ...SAME_ORIGIN, 'sec-fetch-mode': 'navigate' };

let application: Served | undefined;

afterEach(async () => {
  await application?.close();
  application = undefined;
});

type Texts = Readonly<Record<string, string>>;

interface Serving extends Rooms {
  /** A session that a browser holds. */
  readonly cookie: string;
  /** A form that is posted. */
  post(path: string, form: Texts, headers?: Texts): Promise<Response>;
  get(path: string): Promise<Response>;
}

async function serving(options: Partial<OidcModuleOptions> = {}): Promise<Serving> {
  const rooms = roomsWith(options);
  rooms.endpoint.metadata = { end_session_endpoint: `${issuer}/end` };
  await rooms.provider.metadata.get();
  const { exchange, cookies } = conversation();
  await rooms.sessions.begin(exchange, sessionOf({ issuer, providerSessionId: 'sid-1' }));
  const started = await served(rooms);
  application = started;
  return {
    ...rooms,
    cookie: cookieHeader(keptCookies(cookies())),
    post: (path, form, headers = {}) => started.ask(path, { form, headers }),
    get: (path) => started.ask(path),
  };
}

const isSignedIn = async ({ sessions, cookie }: Serving): Promise<boolean> =>
  (await sessions.peek(conversation(cookie).exchange)) !== undefined;

/** Status and description of a failure. */
async function failure(answer: Response): Promise<unknown> {
  const body = (await answer.json()) as { error_description: string };
  return [answer.status, body.error_description];
}

describe('POST logout', () => {
  it('S6 ends a session for a page of this origin, and for no other', async () => {
    const serves = await serving();
    for (const site of ['cross-site', 'same-site', 'none'])
      expect(
        await failure(await serves.post('/logout', {}, { cookie: serves.cookie, 'sec-fetch-site': site })),
      ).toEqual([403, 'this request has to come from a page of this origin']);
    expect(await isSignedIn(serves)).toBe(true);
    const answer = await serves.post('/logout', {}, { cookie: serves.cookie, ...SAME_ORIGIN });
    expect([answer.status, answer.headers.get('cache-control'), await answer.json()]).toEqual([
      200,
      'no-store',
      { redirect: null },
    ]);
    expect(await isSignedIn(serves)).toBe(false);
  });

  it('says the same to everybody who has no session', async () => {
    const { post } = await serving();
    const answer = await post('/logout', {}, { 'sec-fetch-site': 'cross-site' });
    expect([answer.status, answer.headers.get('cache-control'), await answer.json()]).toEqual([
      200,
      'no-store',
      { redirect: null },
    ]);
  });

  it('leads a page to the provider, with the state, else home', async () => {
    const withEnd = await serving({ useEndSessionEndpoint: true });
    const answer = await withEnd.post('/logout', { state: 'abc' }, { cookie: withEnd.cookie, ...PAGE });
    const location = new URL(answer.headers.get('location') ?? '');
    expect([answer.status, location.origin, location.searchParams.get('state'), await answer.text()]).toEqual([
      303,
      issuer,
      'abc',
      '',
    ]);
    await application?.close();
    const without = await serving();
    const other = await without.post('/logout', {}, { cookie: without.cookie, ...PAGE });
    expect([other.status, other.headers.get('location')]).toEqual([303, HOME]);
  });

  it('says that the others do not know yet while the shared store is away', async () => {
    const serves = await serving();
    serves.store.goAway();
    const answer = await serves.post('/logout', {}, { cookie: serves.cookie, ...SAME_ORIGIN });
    expect([answer.status, await answer.json()]).toEqual([202, { redirect: null, pending: true }]);
  });

  it('leads to the configured place alone', async () => {
    const serves = await serving();
    const asked = (target: string): Promise<Response> =>
      serves.post('/logout', { post_logout_redirect_uri: target }, { cookie: serves.cookie, ...SAME_ORIGIN });
    expect(await failure(await asked('https://evil.example/'))).toEqual([
      400,
      "parameter 'post_logout_redirect_uri' is not the configured one",
    ]);
    expect(await isSignedIn(serves)).toBe(true);
    expect((await asked(HOME)).status).toBe(200);
  });
});

describe('POST backchannel-logout', () => {
  it('ends what a logout token of the provider names', async () => {
    const serves = await serving();
    const key = await makeKey('ES256', { kid: 'k' });
    serves.endpoint.keys = [key.jwk];
    const claims = {
      ...{ iss: issuer, aud: OPTIONS.clientId, iat: NOW, exp: NOW + 120, jti: 'jti-1', sid: 'sid-1' },
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    };
    const answer = await serves.post('/backchannel-logout', {
      logout_token: await sign(key, claims, { typ: 'logout+jwt' }),
    });
    expect([answer.status, answer.headers.get('cache-control'), await answer.text()]).toEqual([200, 'no-store', '']);
    expect(await isSignedIn(serves)).toBe(false);
  });

  it.each([
    [{}, "parameter 'logout_token' is missing"],
    [{ logout_token: '' }, "parameter 'logout_token' is missing"],
    [{ logout_token: 'made up' }, 'the logout token is not acceptable'],
  ])('refuses %j', async (parameters, description) => {
    const serves = await serving();
    const answer = await serves.post('/backchannel-logout', parameters);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await failure(answer)).toEqual([400, description]);
    expect(await isSignedIn(serves)).toBe(true);
  });
});

describe('GET frontchannel-logout', () => {
  const path = (sid: string) => `/frontchannel-logout?${new URLSearchParams({ iss: issuer, sid }).toString()}`;

  it('ends the session that is named, with an empty page that the provider alone may frame', async () => {
    const serves = await serving();
    const answer = await serves.get(path('sid-1'));
    const header = (name: string): string | null => answer.headers.get(name);
    expect([answer.status, header('cache-control'), header('content-security-policy'), header('content-type')]).toEqual(
      [200, 'no-store', "default-src 'none'; frame-ancestors https://id.example.com", 'text/html; charset=utf-8'],
    );
    expect(await answer.text()).toBe('<!doctype html><title>Signed out</title>');
    expect(await isSignedIn(serves)).toBe(false);
  });

  it('refuses a session that nobody names', async () => {
    const serves = await serving();
    expect(await failure(await serves.get(path('')))).toEqual([400, "parameter 'sid' is missing or too long"]);
    expect(await isSignedIn(serves)).toBe(true);
  });
});
