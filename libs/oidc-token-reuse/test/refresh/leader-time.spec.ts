/** Who waits for a renewal waits as long as it may take: every request at its limit, refusals and a lost answer on the way. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { longestRenewal } from '../../src/refresh/leader-time.js';
import type { Session } from '../../src/session/session.js';
import { OPTIONS } from '../config/valid-options.js';
import { sessionOf, TestClock } from '../session/support.js';
import { roomsWith } from './support.js';

const { issuer, clientId } = OPTIONS;
const METADATA = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
};
const INVALID_CLIENT = { status: 401, body: { error: 'invalid_client' } };

/** Reads the time that this file lets pass. */
class FrozenClock extends TestClock {
  override now = (): number => Math.floor(Date.now() / 1000);
  override millis = (): number => Date.now();
  override monotonic = (): number => performance.now();
}

let key: CryptoKey;
let published: JWK;

beforeEach(async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  key = privateKey;
  published = { ...(await exportJWK(publicKey)), kid: 'new', alg: 'ES256', use: 'sig' };
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate', 'hrtime'] });
});
afterEach(() => {
  jest.useRealTimers();
});

interface Answer {
  readonly status?: number;
  readonly body: unknown;
}

/** A provider that takes as long as it may for everything. The answers of its token endpoint in turn; undefined loses one. */
class SlowProvider {
  elapsed = 0;
  private secrets = 0;
  private keySets = 0;

  constructor(
    private readonly limits: { readonly httpTimeout: number; readonly tokenRequestTimeout: number },
    private readonly answers: (Answer | undefined)[],
  ) {}

  readonly clientSecret = (): string => {
    this.pass(this.limits.httpTimeout);
    this.secrets += 1;
    return `secret ${String(this.secrets)}`;
  };

  readonly fetch: typeof fetch = async (input) => {
    const url = input instanceof Request ? input.url : String(input);
    const isToken = url === METADATA.token_endpoint;
    this.pass(isToken ? this.limits.tokenRequestTimeout : this.limits.httpTimeout);
    if (isToken) return this.tokenAnswer();
    if (url !== METADATA.jwks_uri) return Response.json(METADATA);
    this.keySets += 1;
    return Response.json({ keys: [this.keySets === 1 ? { ...published, kid: 'old' } : published] });
  };

  private tokenAnswer(): Response {
    const answer = this.answers.shift();
    if (answer === undefined) throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } });
    return Response.json(answer.body, { status: answer.status ?? 200 });
  }

  /** Timers that are due meanwhile fire: somebody may give up waiting. */
  private pass(milliseconds: number): void {
    this.elapsed += milliseconds;
    jest.advanceTimersByTime(milliseconds);
  }
}

async function granted(): Promise<Answer> {
  const idToken = new SignJWT({ name: 'Alice' })
    .setProtectedHeader({ alg: 'ES256', kid: 'new' })
    .setIssuer(issuer)
    .setSubject('alice')
    .setAudience(clientId)
    .setIssuedAt()
    .setExpirationTime('1h');
  const tokens = { access_token: 'a', token_type: 'Bearer', expires_in: 300, refresh_token: 'the next one' };
  return { body: { ...tokens, id_token: await idToken.sign(key) } };
}

/** What a leader that takes as long as it may and one who waits for it from the beginning come to. */
async function renewed(
  replayWindow: number,
  limits: { readonly httpTimeout: number; readonly tokenRequestTimeout: number },
  answers: (Answer | undefined)[],
) {
  const provider = new SlowProvider(limits, [...answers, await granted()]);
  const options: Partial<OidcModuleOptions> = {
    ...limits,
    replayWindow,
    clientSecret: provider.clientSecret,
    fetch: provider.fetch,
  };
  const leader = roomsWith(options, { clock: new FrozenClock() });
  const follower = roomsWith(options, leader);
  const session = sessionOf({ issuer });
  const outcomes = await Promise.allSettled([leader, follower].map(({ refresh }) => refresh.refresh(session)));
  return { elapsed: provider.elapsed, outcomes: outcomes.map(tokenOf), events: leader.events.map(({ type }) => type) };
}

function tokenOf(outcome: PromiseSettledResult<Session>): unknown {
  return outcome.status === 'fulfilled' ? outcome.value.tokens.refreshToken?.reveal() : String(outcome.reason);
}

const LIMITS = [
  { httpTimeout: 5000, tokenRequestTimeout: 15_000 },
  { httpTimeout: 2000, tokenRequestTimeout: 40_000 },
  { httpTimeout: 30_000, tokenRequestTimeout: 60_000 },
];

describe.each(LIMITS)('a leader with limits of $httpTimeout and $tokenRequestTimeout ms', (limits) => {
  it('is waited for to the end by a lenient provider’s follower: refused, its answer lost, and refused again', async () => {
    const { elapsed, outcomes, events } = await renewed(3600, limits, [INVALID_CLIENT, undefined, INVALID_CLIENT]);
    expect(outcomes).toEqual(['the next one', 'the next one']);
    expect(events.filter((type) => /credential|lost|succeeded/.test(type))).toEqual([
      'client.credential_reloaded',
      'refresh.lost_response',
      'client.credential_reloaded',
      'refresh.succeeded',
    ]);
    const wait = longestRenewal({ ...limits, replayWindow: 3600 });
    expect(elapsed).toBe(6 * limits.httpTimeout + 4 * limits.tokenRequestTimeout);
    expect(wait).toBeGreaterThan(elapsed);
  });

  it('is waited for to the end by a strict provider’s follower: refused once', async () => {
    const { elapsed, outcomes } = await renewed(0, limits, [INVALID_CLIENT]);
    expect(outcomes).toEqual(['the next one', 'the next one']);
    expect(elapsed).toBe(5 * limits.httpTimeout + 2 * limits.tokenRequestTimeout);
    expect(longestRenewal({ ...limits, replayWindow: 0 })).toBeGreaterThan(elapsed);
  });
});

describe('the time that a leader may take', () => {
  it.each([
    [0, 70_000],
    [10, 75_000],
    [60, 110_000],
    [86_400, 110_000],
  ])('with a replay window of %i s is %i ms where nothing else is said', (replayWindow, milliseconds) => {
    expect(longestRenewal({ httpTimeout: 5000, tokenRequestTimeout: 15_000, replayWindow })).toBe(milliseconds);
  });
});
