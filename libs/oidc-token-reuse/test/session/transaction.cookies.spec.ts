import { describe, expect, it } from '@jest/globals';
import { MemoryCoordinator } from '../../src/coordination/memory.coordinator.js';
import { OidcException } from '../../src/errors/oidc.exception.js';
import { CookieWriter } from '../../src/http/cookie-writer.js';
import { Sealer } from '../../src/session/sealer.js';
import { newSessionId } from '../../src/session/session.js';
import { stateOf, type Attempt, type Transaction } from '../../src/session/transaction.js';
import { TransactionCookies } from '../../src/session/transaction.cookies.js';
import { conversation, cookieHeader, keptCookies, sessionOf, TestClock } from './support.js';

const SECRET = 'a-secret-of-at-least-thirty-two-characters';

interface BenchOptions {
  readonly secrets?: readonly string[];
  readonly purpose?: string;
  readonly publicUrl?: string;
  readonly crossSite?: boolean;
}

/** With the highest bit of one base64url digit flipped: the last digit’s low ones carry nothing. */
function withBitFlipped(value: string, index: number): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const digit = digits.indexOf(value[index] ?? '');
  return value.slice(0, index) + (digit < 0 ? 'A' : digits.charAt(digit ^ 32)) + value.slice(index + 1);
}

/** Transaction cookies with everything around them. */
class Bench {
  readonly clock = new TestClock();
  readonly coordinator = new MemoryCoordinator(this.clock);
  private readonly drafting = this.transactions();

  transactions({
    secrets = [SECRET],
    purpose = 'transaction',
    publicUrl = 'https://app.example',
    crossSite = false,
  }: BenchOptions = {}): TransactionCookies {
    return new TransactionCookies({
      sealer: new Sealer(secrets, purpose),
      cookies: new CookieWriter({ publicUrl: () => publicUrl, crossSite }),
      coordinator: this.coordinator,
      clock: this.clock,
    });
  }

  /** Attempts have places of their own, up to twelve in a row. */
  attempt(parts: Partial<Attempt> = {}, held: Readonly<Record<string, string>> = {}): Transaction {
    const startedAt = this.clock.millis();
    return this.drafting.draft(conversation(held).exchange, {
      issuer: 'https://id.example',
      current: undefined,
      maxAge: undefined,
      isForced: false,
      returnTo: '/',
      startedAt,
      ...parts,
    });
  }

  /** Begins an attempt in a browser that has these cookies, and gives those it has then. */
  async begin(
    transaction: Transaction,
    held: Readonly<Record<string, string>> = {},
    options?: BenchOptions,
  ): Promise<Record<string, string>> {
    const { exchange, cookies } = conversation(held);
    await this.transactions(options).begin(exchange, transaction);
    return afterwards(held, cookies());
  }

  /** What a callback with these cookies and this state gives: the path, or the error code. */
  async take(
    cookies: Readonly<Record<string, string>> | string,
    state: string,
    options?: BenchOptions,
  ): Promise<string> {
    const { exchange } = conversation(cookies);
    return this.transactions(options)
      .take(exchange, state)
      .then(
        ({ returnTo }) => returnTo,
        (error: unknown) => {
          if (error instanceof OidcException) return `${error.code} ${error.getStatus()}`;
          throw error;
        },
      );
  }
}

function afterwards(held: Readonly<Record<string, string>>, lines: readonly string[]): Record<string, string> {
  const cleared = lines.filter((line) => line.includes('; Max-Age=0;')).map((line) => line.split('=')[0]);
  const rest = Object.entries(held).filter(([name]) => !cleared.includes(name));
  return { ...Object.fromEntries(rest), ...keptCookies(lines) };
}

/** One for all tests: every attempt has a state of its own. */
const bench = new Bench();

const PREFIX = '__Host-oidc.txn.';
const PLACES = Array.from({ length: 12 }, (_, place) => String(place));

describe('TransactionCookies.isPresent', () => {
  it('sees an attempt, whether it opens or not, and nothing else', async () => {
    const seen = (held: Readonly<Record<string, string>>): boolean =>
      bench.transactions().isPresent(conversation(held).exchange);
    expect(seen(await bench.begin(bench.attempt()))).toBe(true);
    expect([{ [`${PREFIX}0`]: '' }, { a: 'b', [`${PREFIX}7`]: 'x' }].map(seen)).toEqual([true, true]);
    expect([{}, { a: 'b' }, { [`x${PREFIX}0`]: 'x' }, { 'oidc.txn.0': 'x' }].map(seen)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('TransactionCookies.begin', () => {
  it('writes one cookie of its own for ten minutes', async () => {
    const { exchange, cookies } = conversation();
    await bench.transactions().begin(exchange, bench.attempt());
    expect(cookies()).toEqual([
      expect.stringMatching(
        /^__Host-oidc\.txn\.\d{1,2}=[\w.-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
      ),
    ]);
  });

  it('writes a cookie that comes with a form from another site', async () => {
    const { exchange, cookies } = conversation();
    await bench.transactions({ crossSite: true }).begin(exchange, bench.attempt());
    expect(cookies()).toEqual([expect.stringMatching(/; Path=\/; HttpOnly; SameSite=None; Secure$/)]);
  });

  it('L7 stays within 600 bytes with everything there is to remember', async () => {
    const current = sessionOf({ id: newSessionId() });
    const returnTo = `/${'a'.repeat(299)}`;
    const cookies = await bench.begin(bench.attempt({ current, returnTo, maxAge: 999_999_999, isForced: true }));
    const [length = 0] = Object.entries(cookies).map((pair) => pair.join('=').length);
    expect({ isShort: length <= 600, isAllUsed: length > 580 }).toEqual({ isShort: true, isAllUsed: true });
  });

  it('L7 leaves the newest five attempts, whatever order they come in', async () => {
    let held: Record<string, string> = {};
    const attempts: Transaction[] = [];
    for (let index = 0; index < 7; index += 1) {
      const transaction = bench.attempt({ returnTo: `/${index}` });
      attempts.push(transaction);
      held = await bench.begin(transaction, Object.fromEntries(Object.entries(held).reverse()));
      bench.clock.advance(1);
    }
    const taken = await Promise.all(attempts.map((transaction) => bench.take(held, stateOf(transaction))));
    expect(taken).toEqual(['transaction_missing 400', 'transaction_missing 400', '/2', '/3', '/4', '/5', '/6']);
  });

  it('L7 gives up what does not open before any attempt', async () => {
    const first = bench.attempt();
    const begun = await bench.begin(first);
    const others = PLACES.map((place) => `${PREFIX}${place}`).filter((name) => !(name in begun));
    const held = { ...begun, ...Object.fromEntries(others.slice(0, 5).map((name) => [name, 'x'])) };
    const left = await bench.begin(bench.attempt({}, held), held);
    expect(await bench.take(left, stateOf(first))).toBe('/');
    expect(Object.keys(left)).toHaveLength(5);
  });

  it('L7 has twelve places, and takes a free one while there is one', async () => {
    let held: Record<string, string> = {};
    for (let index = 0; index < 12; index += 1) held = { ...held, ...(await bench.begin(bench.attempt({}, held))) };
    expect(Object.keys(held).sort()).toEqual(PLACES.map((place) => `${PREFIX}${place}`).sort());
    const free = `${PREFIX}7`;
    const { [free]: _, ...rest } = held;
    expect(Object.keys(await bench.begin(bench.attempt({}, rest)))).toEqual([free]);
    expect(Object.keys(await bench.begin(bench.attempt({}, held)))).toHaveLength(1);
  });

  it('L7 makes room beside a session, the oldest attempt first, and never takes the session away', async () => {
    const session = { '__Host-oidc.session.0': 's'.repeat(3900), '__Host-oidc.session.1': 's'.repeat(1700) };
    let held: Record<string, string> = { ...session };
    const attempts: Transaction[] = [];
    for (let index = 0; index < 5; index += 1) {
      const transaction = bench.attempt({ returnTo: `/${'a'.repeat(250)}${index}` }, held);
      attempts.push(transaction);
      held = await bench.begin(transaction, held);
      bench.clock.advance(1);
    }
    expect(cookieHeader(held).length).toBeLessThanOrEqual(7000);
    expect(held).toMatchObject(session);
    const taken = await Promise.all(attempts.map((transaction) => bench.take(held, stateOf(transaction))));
    expect(taken.map((path) => path.startsWith('/'))).toEqual([false, false, false, true, true]);
  });

  it('L7 begins an attempt beside the largest session there may be', async () => {
    const session = { '__Host-oidc.session.0': 's'.repeat(3900), '__Host-oidc.session.1': 's'.repeat(3400) };
    const one = bench.attempt({}, session);
    const held = await bench.begin(one, session);
    expect(await bench.take(held, stateOf(one))).toBe('/');
    const { exchange, cookies } = conversation(held);
    await bench.transactions().evict(exchange);
    expect(cookies()).toEqual([]);
  });
});

describe('TransactionCookies.evict', () => {
  it('L7 clears the oldest beyond five on any response, and touches no other cookie', async () => {
    const begun: Record<string, string> = {};
    for (let index = 0; index < 8; index += 1) {
      Object.assign(begun, await bench.begin(bench.attempt()));
      bench.clock.advance(1);
    }
    const { exchange, cookies } = conversation({
      ...begun,
      'oidc.txn.3': 'x',
      [`${PREFIX}other`]: 'x',
      '__Host-oidc.session.0': 'y',
    });
    await bench.transactions().evict(exchange);
    const oldest = Object.keys(begun).slice(0, 3);
    expect([...cookies()].sort()).toEqual(
      oldest
        .map(
          (name) =>
            `${name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax; Secure`,
        )
        .sort(),
    );
  });

  it('L7 leaves five alone', async () => {
    const { exchange, cookies } = conversation(
      Object.fromEntries([1, 2, 3, 4, 5].map((index) => [`${PREFIX}${index}`, 'x'])),
    );
    await bench.transactions().evict(exchange);
    expect(cookies()).toEqual([]);
  });

  it('L7 makes room beside a large session: for what is held the oldest go, for what is new all may, and for others nobody', async () => {
    const large = 'y'.repeat(6900);
    const older = await bench.begin(bench.attempt());
    bench.clock.advance(1);
    const held = await bench.begin(bench.attempt(), older);
    const left = async (others: Readonly<Record<string, string>>): Promise<readonly string[]> => {
      const { exchange, cookies } = conversation({ ...others, ...held });
      await bench.transactions().evict(exchange);
      return Object.keys(afterwards(held, cookies()));
    };
    const [newest] = Object.keys(held).filter((name) => !(name in older));
    expect(await left({ 'other.session': large })).toEqual(Object.keys(held));
    expect(await left({ '__Host-oidc.session.0': large })).toEqual([newest]);
    const begun = await bench.begin(bench.attempt(), { '__Host-oidc.session.0': large, ...held });
    expect(Object.keys(begun).filter((name) => name in held)).toEqual([]);
  });
});

describe('TransactionCookies.take', () => {
  it('L1 knows no attempt of another browser', async () => {
    const transaction = bench.attempt();
    await bench.begin(transaction);
    const other = await bench.begin(bench.attempt());
    expect([await bench.take({}, stateOf(transaction)), await bench.take(other, stateOf(transaction))]).toEqual([
      'transaction_missing 400',
      'transaction_missing 400',
    ]);
  });

  it('L1 knows no attempt under the name of another', async () => {
    const [one, other] = [bench.attempt(), bench.attempt()];
    const [value] = Object.values(await bench.begin(one));
    const [name] = Object.keys(await bench.begin(other));
    expect(await bench.take({ [name ?? '']: value ?? '' }, stateOf(other))).toBe('transaction_missing 400');
  });

  it('L5 gives an attempt once', async () => {
    const transaction = bench.attempt({ returnTo: '/page' });
    const cookies = await bench.begin(transaction);
    expect([await bench.take(cookies, stateOf(transaction)), await bench.take(cookies, stateOf(transaction))]).toEqual([
      '/page',
      'transaction_used 400',
    ]);
  });

  it('L5 gives an attempt to one of a hundred at once', async () => {
    const transaction = bench.attempt();
    const cookies = await bench.begin(transaction);
    const taken = await Promise.all(Array.from({ length: 100 }, () => bench.take(cookies, stateOf(transaction))));
    expect(taken.filter((result) => result === '/')).toHaveLength(1);
  });

  it('L5 clears the cookie, also of an attempt that cannot be taken', async () => {
    const transaction = bench.attempt();
    const held = await bench.begin(transaction);
    const cleared = [];
    for (const value of [Object.values(held)[0] ?? '', 'broken']) {
      const [name = ''] = Object.keys(held);
      const { exchange, cookies } = conversation({ [name]: value });
      await bench
        .transactions()
        .take(exchange, stateOf(transaction))
        .catch(() => undefined);
      cleared.push(cookies().map((line) => line.startsWith(`${name}=; Max-Age=0;`)));
    }
    expect(cleared).toEqual([[true], [true]]);
  });

  it('L5 leaves the attempt of another state where it is, also in the place that a made-up one names', async () => {
    const transaction = bench.attempt();
    const held = await bench.begin(transaction);
    for (let index = 0; index < 100; index += 1) {
      const { exchange, cookies } = conversation(held);
      await expect(bench.transactions().take(exchange, `made-up-${index}`)).rejects.toThrow('was not started');
      expect(cookies()).toEqual([]);
    }
    expect(await bench.take(held, stateOf(transaction))).toBe('/');
  });

  it('writes no cookie for a state that it never gave out', async () => {
    const { exchange, cookies } = conversation({ 'oidc.txn.1': 'x' });
    await expect(bench.transactions().take(exchange, 'made-up')).rejects.toThrow('was not started in this browser');
    expect(cookies()).toEqual([]);
  });

  it('gives an attempt for ten minutes and not longer', async () => {
    const [one, other] = [bench.attempt(), bench.attempt()];
    const cookies = { ...(await bench.begin(one)), ...(await bench.begin(other)) };
    bench.clock.advance(600);
    const inTime = await bench.take(cookies, stateOf(one));
    bench.clock.advance(0.001);
    expect([inTime, await bench.take(cookies, stateOf(other))]).toEqual(['/', 'transaction_missing 400']);
  });

  it('L5 remembers what was taken for as long as the cookie could come back', async () => {
    const transaction = bench.attempt();
    const cookies = await bench.begin(transaction);
    await bench.take(cookies, stateOf(transaction));
    bench.clock.advance(599);
    expect(await bench.take(cookies, stateOf(transaction))).toBe('transaction_used 400');
  });

  it('S1 gives nothing for a cookie that was sent twice', async () => {
    const transaction = bench.attempt();
    const pair = cookieHeader(await bench.begin(transaction));
    expect(await bench.take(`${pair}; ${pair}`, stateOf(transaction))).toBe('transaction_missing 400');
  });

  it('S5 opens what an older secret sealed, and nothing once it is gone', async () => {
    const [one, other] = [bench.attempt(), bench.attempt()];
    const cookies = { ...(await bench.begin(one)), ...(await bench.begin(other)) };
    const newer = `${SECRET}-new`;
    const taken = [
      await bench.take(cookies, stateOf(one), { secrets: [newer, SECRET] }),
      await bench.take(cookies, stateOf(other), { secrets: [newer] }),
    ];
    expect(taken).toEqual(['/', 'transaction_missing 400']);
  });

  it('L6 opens nothing that was sealed for another purpose', async () => {
    const transaction = bench.attempt();
    const cookies = await bench.begin(transaction, {}, { purpose: 'session' });
    expect(await bench.take(cookies, stateOf(transaction))).toBe('transaction_missing 400');
  });

  it('S4 opens nothing with a bit flipped anywhere', async () => {
    const transaction = bench.attempt();
    const [[name, value] = ['', '']] = Object.entries(await bench.begin(transaction));
    const results = new Set<string>();
    for (let index = 0; index < value.length; index += 1) {
      results.add(await bench.take({ [name]: withBitFlipped(value, index) }, stateOf(transaction)));
    }
    expect([...results]).toEqual(['transaction_missing 400']);
  });
});
