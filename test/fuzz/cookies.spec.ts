/** Session and transaction cookies that were changed and sealed with the right key, or sealed and then changed, moved and mixed. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { MemoryCoordinator } from '../../libs/oidc-token-reuse/src/coordination/memory.coordinator.js';
import { LoginFailedException } from '../../libs/oidc-token-reuse/src/errors/exceptions.js';
import { CookieWriter } from '../../libs/oidc-token-reuse/src/http/cookie-writer.js';
import { chunkName, toChunks } from '../../libs/oidc-token-reuse/src/session/cookie-chunks.js';
import { CookieCustody } from '../../libs/oidc-token-reuse/src/session/cookie.custody.js';
import { OpenedSessions } from '../../libs/oidc-token-reuse/src/session/opened-sessions.js';
import { Sealer, type Opened } from '../../libs/oidc-token-reuse/src/session/sealer.js';
import { encodeSession } from '../../libs/oidc-token-reuse/src/session/session-codec.js';
import { sessionExpiresAt, type Session } from '../../libs/oidc-token-reuse/src/session/session.js';
import { encodeTransaction, newTransaction, stateOf } from '../../libs/oidc-token-reuse/src/session/transaction.js';
import { TransactionCookies } from '../../libs/oidc-token-reuse/src/session/transaction.cookies.js';
import {
  conversation,
  cookieHeader,
  jwtOf,
  keptCookies,
  sessionOf,
  TestClock,
  tokensOf,
} from '../../libs/oidc-token-reuse/test/session/support.js';
import { CAMPAIGN_TIMEOUT_MS, run } from './support/campaign.js';
import { roomsFor } from './support/issuer.js';
import { mutateBytes, mutateText } from './support/mutate.js';
import type { Random } from './support/random.js';

const SECRET = 'a-session-secret-of-the-tests-0001';
const { options } = roomsFor();
const clock = new TestClock();
const cookies = new CookieWriter({ publicUrl: options.publicUrl, crossSite: false });
const SESSION = cookies.nameOf('oidc.session');
const FILLER = 'groups-of-somebody-'.repeat(200);

/** Counts what opened: what comes next is the format of the plaintext, the last stage. */
class WatchedSealer extends Sealer {
  opened = 0;

  override async open(sealed: string): Promise<Opened | undefined> {
    const opened = await super.open(sealed);
    if (opened !== undefined) this.opened += 1;
    return opened;
  }
}

/** The mark of a state is never set, so that the same attempt can be taken again and again. */
class Forgetful extends MemoryCoordinator {
  override putIfAbsent(): Promise<boolean> {
    return Promise.resolve(true);
  }
}

const SESSIONS: [Session, ...Session[]] = [
  sessionOf(),
  sessionOf({
    tenant: 'a-tenant',
    providerSessionId: 'sid',
    generation: 7,
    tokens: tokensOf({ refreshExpiresAt: 1_900_000_000, scope: 'read' }),
  }),
  sessionOf({ tokens: tokensOf({ accessToken: jwtOf({ sub: 'alice', roles: ['admin'] }), refreshToken: undefined }) }),
  sessionOf({ tokens: tokensOf({ idToken: jwtOf({ sub: 'alice', filler: FILLER }) }) }),
  sessionOf({
    tokens: tokensOf({ accessToken: jwtOf({ filler: FILLER }), idToken: jwtOf({ sub: 'alice', filler: FILLER }) }),
  }),
];

describe('a cookie that is almost right', () => {
  const sealer = new WatchedSealer([SECRET], 'session');
  // Nothing stays opened: each input is opened anew.
  const opened = new OpenedSessions({ ...options, maxOpenedSessions: 0 }, clock);
  const custody = new CookieCustody({ options, sealer, cookies, clock, opened });

  async function sealedChunks(plaintext: Uint8Array, random: Random): Promise<readonly string[]> {
    const draft = toChunks(await sealer.seal(plaintext, { n: 1 }));
    const count = random.chance(95) ? draft.length : random.pick([0, -1, 0.5, 1, 2, 99_999_999]);
    return count === 1 ? draft : toChunks(await sealer.seal(plaintext, { n: count }));
  }

  const headerOf = (chunks: readonly string[]): string =>
    chunks.map((value, index) => `${chunkName(SESSION, index)}=${value}`).join('; ');

  /** Chunks left out, sent twice, in another order, of another session, and with other numbers. */
  function disturbed(chunks: readonly string[], others: readonly string[], random: Random): string {
    const named = chunks.map((value, index) => [chunkName(SESSION, index), value] as const);
    const foreign = others.map((value, index) => [chunkName(SESSION, index + random.below(3)), value] as const);
    const odd = [
      `${SESSION}.${random.pick(['00', '-1', '1e3', '9999', '99999999', ''])}`,
      named[0]?.[1] ?? '',
    ] as const;
    const all = [...named, ...foreign.slice(random.below(3)), odd].filter(() => random.chance(80));
    if (random.chance(30)) all.reverse();
    return all.map((pair) => pair.join('=')).join('; ');
  }

  it(
    'is a session, or none',
    async () => {
      const figures = await run<string>({
        name: 'session cookie',
        async make(random) {
          const [plaintext, other] = [encodeSession(random.pick(SESSIONS)), encodeSession(random.pick(SESSIONS))];
          const way = random.below(10);
          if (way < 5) return headerOf(await sealedChunks(mutateBytes(plaintext, random, other), random));
          const chunks = await sealedChunks(plaintext, random);
          if (way < 7) return disturbed(chunks, await sealedChunks(other, random), random);
          return mutateText(headerOf(chunks), random, headerOf(await sealedChunks(other, random)));
        },
        async take(header) {
          const { opened } = sealer;
          const { exchange } = conversation(header);
          const session = await custody.read(exchange);
          if (session !== undefined && !Number.isFinite(sessionExpiresAt(session, options))) throw new Error('no end');
          if (session !== undefined && !custody.isPresent(exchange)) throw new Error('a session out of nothing');
          return sealer.opened > opened;
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});

interface Attempted {
  readonly header: string;
  readonly state: string;
}

describe('a transaction cookie that is almost right', () => {
  const sealer = new WatchedSealer([SECRET], 'transaction');
  const transactions = new TransactionCookies({ sealer, cookies, clock, coordinator: new Forgetful(clock) });
  const attempts: [
    Attempted & { readonly plaintext: Uint8Array },
    ...(Attempted & { readonly plaintext: Uint8Array })[],
  ] = [{ header: '', state: '', plaintext: new Uint8Array() }];

  beforeAll(async () => {
    attempts.length = 0;
    for (const current of [undefined, sessionOf()]) {
      for (const [maxAge, isForced, returnTo] of [
        [undefined, false, '/'],
        [300, true, `/${'a'.repeat(299)}`],
      ] as const) {
        const transaction = newTransaction({
          issuer: options.issuer,
          current,
          maxAge,
          isForced,
          returnTo,
          startedAt: clock.millis(),
        });
        const begun = conversation();
        await transactions.begin(begun.exchange, transaction);
        attempts.push({
          header: cookieHeader(keptCookies(begun.cookies())),
          state: stateOf(transaction),
          plaintext: encodeTransaction(transaction),
        });
      }
    }
  });

  it(
    'is an attempt, or a refusal with 400',
    async () => {
      const figures = await run<Attempted>({
        name: 'transaction cookie',
        async make(random) {
          const [attempt, other] = [random.pick(attempts), random.pick(attempts)];
          const way = random.below(10);
          const [name = ''] = attempt.header.split('=');
          if (way < 5) {
            const plaintext = mutateBytes(attempt.plaintext, random, Buffer.from(other.plaintext));
            return { state: attempt.state, header: `${name}=${await sealer.seal(plaintext)}` };
          }
          if (way < 7) return { ...attempt, state: mutateText(attempt.state, random, other.state) };
          const crowd = random.chance(20)
            ? attempts
                .map(({ header }) => header)
                .join('; ')
                .repeat(3)
            : attempt.header;
          return { state: attempt.state, header: mutateText(crowd, random, other.header) };
        },
        async take({ header, state }) {
          const { opened } = sealer;
          const { exchange } = conversation(header);
          await transactions.evict(exchange);
          try {
            const transaction = await transactions.take(exchange, state);
            if (stateOf(transaction) !== state) throw new Error('an attempt of somebody else');
          } catch (error) {
            if (!(error instanceof LoginFailedException) || error.getStatus() !== 400) throw error;
          }
          return sealer.opened > opened;
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});
