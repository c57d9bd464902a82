/** What a provider may answer to a refresh token (OpenID Connect Core section 12.2), and what becomes of the session. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generateKeyPair } from 'jose';
import type { OidcEvent } from 'nestjs-oidc-token-reuse';
import type { IdTokenMutation, TestBrowser, TestProvider, TokenClaims } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { sessionLines } from '../support/login.js';
import { publicKeyForms } from '../support/public-key-forms.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const REFRESH = { kind: 'token', grant: 'refresh_token' } as const;
/** Seconds that an access token of the provider lives. */
const LIFE = 300;
const OVER = { status: 401, error: 'login_required' };

describe.each(ADAPTERS)('refresh token on %s', (adapter) => {
  let harness: Harness;
  let provider: TestProvider;
  let browser: TestBrowser;
  const recording = new RecordingFetch();

  beforeAll(async () => {
    harness = await startHarness({ adapter, oidc: { fetch: recording.fetch } });
    ({ provider } = harness);
    freezeTime();
  });
  beforeEach(async () => {
    browser = await harness.signedIn();
    provider.requests.reset();
    recording.sent.length = 0;
    harness.events.length = 0;
  });
  afterEach(() => {
    provider.faults.clear();
    provider.mode = 'strict';
  });
  afterAll(async () => {
    releaseTime();
    await harness.close();
  });

  const asked = (): number => provider.requests.count('token', { grant: 'refresh_token' });
  const eventsOf = (type: OidcEvent['type']) => harness.events.filter((event) => event.type === type);
  const outcomeOf = async (response: Response) => {
    const { status, body } = await answerOf(response);
    const { error } = body as { readonly error?: string };
    return { status, ...(error === undefined ? {} : { error }) };
  };
  const api = (by = browser): Promise<Response> => by.fetch(`${harness.url}/api/subject`);
  const renew = (): Promise<Response> => browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' });
  const idToken = (mutation: IdTokenMutation): unknown => provider.faults.idToken(mutation, REFRESH);
  const change = (changes: TokenClaims) => (): unknown => idToken((claims) => ({ claims: { ...claims, ...changes } }));
  const without = (name: string) => (): unknown =>
    idToken((claims) => ({ claims: Object.fromEntries(Object.entries(claims).filter(([each]) => each !== name)) }));
  const now = (): number => Math.floor(Date.now() / 1000);

  it('oidcc-client-test-refresh-token: is redeemed once, and its successor the next time', async () => {
    for (const round of [1, 2]) {
      advance(LIFE);
      expect([(await api()).status, asked()]).toEqual([200, round]);
    }
    const sent = recording.forms('refresh_token').map((form) => form['refresh_token']);
    expect(new Set(sent).size).toBe(2);
    expect({ replays: provider.replays, events: eventsOf('refresh.succeeded').length }).toEqual({
      replays: 0,
      events: 2,
    });
  });

  it.each(['id_token', 'refresh_token'] as const)(
    'oidcc-client-test-refresh-token: goes on with the previous %s when the provider leaves it out',
    async (member) => {
      provider.mode = { lenient: 60 };
      for (const _round of [1, 2]) {
        provider.faults.omit(REFRESH, member);
        expect((await renew()).status).toBe(200);
      }
      expect((await api()).status).toBe(200);
    },
  );

  describe('R5 another identity', () => {
    /** The rule that the test is named after, what is wrong, the claim of the event, and how it comes about. */
    const swaps: readonly (readonly [string, string, string, () => unknown])[] = [
      ['invalid-sub', 'another subject', 'sub', change({ sub: 'user-bob' })],
      ['missing-sub', 'no subject', 'id_token', without('sub')],
      ['invalid-nonce', 'another nonce', 'nonce', change({ nonce: 'another' })],
      ['invalid-iss', 'another issuer', 'id_token', change({ iss: 'https://other.example' })],
      ['missing-iss', 'no issuer', 'id_token', without('iss')],
      ['invalid-aud', 'another client', 'id_token', change({ aud: 'another-client' })],
      ['missing-aud', 'no client', 'id_token', without('aud')],
      ['invalid-azp', 'another authorized party', 'id_token', change({ azp: 'another-client' })],
      ['missing-iat', 'no iat', 'id_token', without('iat')],
      ['missing-exp', 'no exp', 'id_token', without('exp')],
      ['invalid-exp', 'an exp in words', 'id_token', change({ exp: 'never' })],
      ['invalid-at-hash', 'the hash of another access token', 'id_token', change({ at_hash: 'A'.repeat(22) })],
      ['invalid-type', 'a logout token', 'id_token', change({ events: {} })],
      ['invalid-sig', 'random bytes for a signature', 'id_token', () => idToken(() => ({ sign: 'garbage' }))],
      [
        'invalid-sig',
        'the signature of another key',
        'id_token',
        async () => {
          const { privateKey } = await generateKeyPair('RS256');
          idToken((_claims, header) => ({ header: { ...header, alg: 'RS256' }, key: privateKey }));
        },
      ],
      ['sig-none', 'no signature', 'id_token', () => idToken(() => ({ sign: 'none' }))],
      [
        'invalid-sig-hs256',
        'the public key for a secret',
        'id_token',
        () =>
          idToken((_claims, header) => ({
            header: { ...header, alg: 'HS256' },
            key: publicKeyForms(provider)['PEM'] ?? new Uint8Array(),
          })),
      ],
      [
        'invalid-type',
        'no JWT at all',
        'id_token',
        () => provider.faults.rewrite(REFRESH, (body) => ({ ...body, id_token: 'opaque' })),
      ],
    ];

    it.each(swaps)(
      'oidcc-client-test-refresh-token-%s: by %s ends the session with an event and for good',
      async (_rule, _what, claim, swap) => {
        const before = browser.jar.snapshot();
        advance(LIFE);
        await swap();
        const response = await api();
        expect({
          ...(await outcomeOf(response)),
          set: sessionLines(response).filter((line) => !line.includes('=; ')),
        }).toEqual({ ...OVER, set: [] });
        expect(eventsOf('refresh.identity_changed')).toMatchObject([{ subject: 'user-alice', claim }]);
        expect(eventsOf('session.ended')).toMatchObject([{ reason: 'the provider answered with another identity' }]);
        browser.jar.restore(before);
        expect(await outcomeOf(await api())).toEqual(OVER);
        expect(asked()).toBe(1);
      },
    );
  });

  describe('an ID Token whose times do not fit our clock', () => {
    it.each([
      ['has expired', () => ({ exp: now() - 3600, iat: now() - 7200 })],
      ['is from the future', () => ({ iat: now() + 3600, exp: now() + 7200 })],
      ['lives for two years', () => ({ exp: now() + 63_072_000 })],
    ])('that %s is not taken over, and the session goes on with the one before', async (_what, times) => {
      const claimsNow = async () =>
        (await (await browser.fetch(`${harness.url}/auth/session`)).json()) as {
          readonly tokens: { readonly id: object };
        };
      const { tokens } = await claimsNow();
      advance(LIFE);
      idToken((claims) => ({ claims: { ...claims, ...times() } }));
      expect((await api()).status).toBe(200);
      expect((await claimsNow()).tokens.id).toEqual(tokens.id);
      expect(eventsOf('refresh.identity_changed')).toEqual([]);
    });

    it('ends the session all the same when it is about somebody else', async () => {
      advance(LIFE);
      idToken((claims) => ({ claims: { ...claims, sub: 'user-mallory', exp: now() - 3600, iat: now() - 7200 } }));
      expect(await outcomeOf(await api())).toEqual(OVER);
      expect(eventsOf('refresh.identity_changed')).toMatchObject([{ claim: 'sub' }]);
    });
  });
});
