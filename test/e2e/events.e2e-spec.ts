/** What is reported: every event once, to the log and to the application's listener, and never with a secret in it. */
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Logger, type LoggerService } from '@nestjs/common';
import { OidcEventListener, type OidcEvent } from 'nestjs-oidc-token-reuse';
import { createTestProvider, type TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import {
  ADAPTERS,
  API_AUDIENCE,
  SESSION_SECRET,
  startHarness,
  type Harness,
  type HarnessOptions,
} from '../support/harness.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

@Injectable()
class FailingListener extends OidcEventListener {
  handle(event: OidcEvent): void | Promise<void> {
    if (event.type === 'login.started') throw new Error('listener');
    return Promise.reject(new Error('listener'));
  }
}

/** Every line at every level. */
class LogBook implements LoggerService {
  readonly lines: unknown[][] = [];
  log = (...line: unknown[]) => this.add('log', line);
  warn = (...line: unknown[]) => this.add('warn', line);
  error = (...line: unknown[]) => this.add('error', line);
  debug = (...line: unknown[]) => this.add('debug', line);
  verbose = (...line: unknown[]) => this.add('verbose', line);
  fatal = (...line: unknown[]) => this.add('fatal', line);

  /** What this library logged. */
  own(): unknown[][] {
    return this.lines.filter((line) => line.at(-1) === 'OidcTokenReuse');
  }

  private add(level: string, line: unknown[]): void {
    this.lines.push([level, ...line]);
  }
}

describe.each(ADAPTERS)('events on %s', (adapter) => {
  let provider: TestProvider;
  const running: Harness[] = [];

  const start = async (options: HarnessOptions = {}): Promise<Harness> => {
    const harness = await startHarness({ adapter, provider, ...options });
    running.push(harness);
    return harness;
  };
  const taken = (harness: Harness): OidcEvent[] => harness.events.splice(0);
  const call = (browser: TestBrowser, { url }: Harness, path = '/api/subject') => browser.fetch(url + path);
  const post = (browser: TestBrowser, { url }: Harness, path: string) => browser.fetch(url + path, { method: 'POST' });

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
  });
  afterEach(async () => {
    releaseTime();
    Logger.overrideLogger(false);
    provider.faults.clear();
    provider.mode = 'strict';
    for (const harness of running.splice(0)) await harness.close();
  });
  afterAll(() => provider.close());

  it('tell the whole story of a session, by one name for the session', async () => {
    const harness = await start();
    const browser = await harness.signedIn();
    const [started, succeeded] = taken(harness);
    const { session } = succeeded as { readonly session: string };
    const about = { issuer: provider.issuer, subject: 'user-alice', session };
    expect(session).toMatch(/^[\w-]{12}$/);
    expect([started, succeeded]).toEqual([
      { type: 'login.started', issuer: provider.issuer },
      { type: 'login.succeeded', ...about },
    ]);

    freezeTime();
    advance(301);
    await call(browser, harness);
    expect(taken(harness)).toEqual([{ type: 'refresh.succeeded', ...about, rotated: true }]);

    await post(browser, harness, '/auth/logout');
    expect(taken(harness)).toEqual([{ type: 'logout', ...about, revoked: true }]);
  });

  it('say why a login failed, with the code that the page gets', async () => {
    const harness = await start();
    const browser = harness.browser();
    const landed = await browser.navigate(`${harness.url}/auth/callback?state=unknown&code=abc`);
    expect(landed.url).toBe(`${harness.url}/auth/error?error=transaction_missing`);
    expect(taken(harness)).toEqual([
      {
        type: 'login.failed',
        issuer: provider.issuer,
        code: 'transaction_missing',
        reason: expect.any(String),
      },
    ]);
  });

  it('report the replay of a spent refresh token, which the provider never sees', async () => {
    const harness = await start({ oidc: { successorGrace: 0 } });
    const browser = await harness.signedIn();
    const stolen = browser.jar.snapshot();
    freezeTime();
    advance(301);
    await call(browser, harness);
    const thief = harness.browser();
    thief.jar.restore(stolen);
    taken(harness);
    const replays = provider.replays;
    expect((await call(thief, harness)).status).toBe(401);
    expect(taken(harness)).toEqual([
      {
        type: 'refresh.replay_detected',
        issuer: provider.issuer,
        subject: 'user-alice',
        session: expect.any(String),
      },
    ]);
    expect(provider.replays).toBe(replays);
  });

  it('report that the provider is down once, and once that it is up again', async () => {
    const harness = await start();
    const browser = await harness.signedIn();
    taken(harness);
    provider.faults.drop({ kind: 'token', times: 3 });
    freezeTime();
    advance(301);
    for (let attempt = 0; attempt < 3; attempt += 1) expect((await call(browser, harness)).status).toBe(503);
    expect((await call(browser, harness)).status).toBe(200);
    const events = taken(harness).filter(({ type }) => type.startsWith('provider.'));
    expect(events).toEqual([
      {
        type: 'provider.down',
        issuer: provider.issuer,
        reason: expect.stringMatching(/^the OpenID Provider did not answer < TypeError < \w+ UND_ERR_SOCKET$/),
      },
      { type: 'provider.up', issuer: provider.issuer },
    ]);
  });

  it('warn of weak settings once, at the start', async () => {
    const harness = await start({ oidc: { usePkce: false, clockTolerance: 120 } });
    const warnings = taken(harness);
    expect(new Set(warnings.map(({ type }) => type))).toEqual(new Set(['configuration.warning']));
    expect(warnings.length).toBeGreaterThanOrEqual(2);
  });

  it('do no harm by a listener that throws or rejects', async () => {
    const harness = await start({ extras: { eventListener: FailingListener } });
    const browser = await harness.signedIn();
    expect((await call(browser, harness)).status).toBe(200);
    expect((await post(browser, harness, '/auth/logout')).status).toBe(200);
  });

  it('are structured entries of the log, frequent ones at level debug', async () => {
    const book = new LogBook();
    const harness = await start();
    Logger.overrideLogger(book);
    const browser = await harness.signedIn();
    await fetch(`${harness.url}/api/subject`, { headers: { authorization: 'Bearer abc' } });
    await call(browser, harness, '/api/downstream');
    provider.faults.refuseExchange({ error: 'consent_required' });
    await call(await harness.signedIn('bob'), harness, '/api/downstream');
    await post(browser, harness, '/auth/logout');
    const { issuer } = provider;
    const alice = { issuer, subject: 'user-alice', session: expect.any(String) };
    expect(book.own().map((line) => line.slice(0, -1))).toEqual([
      ['debug', 'login.started', { issuer }],
      ['log', 'login.succeeded', alice],
      ['debug', 'token.rejected', { issuer, reason: 'the token has not three parts' }],
      ['debug', 'on_behalf_of.succeeded', { issuer, subject: 'user-alice', scope: 'user.read' }],
      ['debug', 'login.started', { issuer }],
      ['log', 'login.succeeded', { ...alice, subject: 'user-bob' }],
      [
        'warn',
        'on_behalf_of.failed',
        { issuer, subject: 'user-bob', scope: 'user.read', code: 'consent_required', reason: 'consent_required' },
      ],
      ['log', 'logout', { ...alice, revoked: true }],
    ]);
  });

  it('S12 hold no token, code, verifier, secret or cookie value, nor does any answer or any line of the log', async () => {
    const book = new LogBook();
    Logger.overrideLogger(book);
    const recording = new RecordingFetch();
    const harness = await start({ oidc: { fetch: recording.fetch } });
    const browser = await harness.signedIn();
    const answers: string[] = [];
    const collect = async (response: Promise<Response>) => answers.push(await (await response).text());
    const cookies = new Set<string>();
    const noteCookies = () => {
      for (const { value } of browser.cookies(harness.url)) if (value.length > 8) cookies.add(value);
    };
    noteCookies();
    for (const path of ['/api/profile', '/auth/session', '/auth/userinfo']) await collect(call(browser, harness, path));
    provider.faults.refuseExchange({ error: 'invalid_grant' });
    await collect(call(await harness.signedIn('bob'), harness, '/api/downstream'));
    await collect(post(browser, harness, '/auth/refresh'));
    noteCookies();
    provider.faults.drop('token');
    await collect(post(browser, harness, '/auth/refresh'));
    provider.faults.truncate('userinfo');
    await collect(call(browser, harness, '/auth/userinfo'));
    await collect(browser.navigate(`${harness.url}/auth/callback?state=abc&code=a-code-that-nobody-issued`));
    await collect(post(browser, harness, '/auth/refresh'));
    provider.faults.drop('revocation');
    const logout = await (await post(browser, harness, '/auth/logout')).json();
    expect(logout).toEqual({ redirect: expect.stringContaining('id_token_hint=') });

    const secrets = [...secretsIn(recording), ...cookies, SESSION_SECRET, provider.client.clientSecret];
    const told = inspect([book.lines, harness.events, answers], { depth: null, maxStringLength: null });
    expect(secrets.length).toBeGreaterThan(15);
    expect(secrets.filter((secret) => told.includes(secret))).toEqual([]);
  });
});

/** Every token, code and verifier that went over the wire, and of each JWT the signature alone. */
function secretsIn({ sent, received }: RecordingFetch): readonly string[] {
  const names = ['code', 'code_verifier', 'refresh_token', 'subject_token', 'assertion', 'token'];
  const out = sent.flatMap(({ form }) => names.map((name) => form[name] ?? ''));
  const back = received.flatMap((text) =>
    [...text.matchAll(/"(?:access|refresh|id)_token":"([^"]+)"/g)].map(([, token = '']) => token),
  );
  const whole = [...out, ...back].filter((value) => value !== '');
  return [...new Set([...whole, ...whole.flatMap((token) => token.split('.').slice(2))])];
}
