import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newSessionId } from '../../src/session/session.js';
import {
  codeChallengeOf,
  codeVerifierOf,
  decodeTransaction,
  encodeTransaction,
  mayEndAs,
  newTransaction,
  nonceOf,
  stateOf,
  wasMadeWith,
  type Attempt,
  type Transaction,
} from '../../src/session/transaction.js';
import { NOW, sessionOf } from './support.js';

const ISSUER = 'https://id.example';

function attempt(parts: Partial<Attempt> = {}): Transaction {
  return newTransaction({
    issuer: ISSUER,
    current: undefined,
    startedAt: NOW * 1000 + 123,
    maxAge: undefined,
    isForced: false,
    returnTo: '/',
    ...parts,
  });
}

/** With plain bytes, since a `Buffer` is not equal to a `Uint8Array`. */
function plain(transaction: Transaction | undefined): unknown {
  if (transaction === undefined) return undefined;
  const { seed, issuer, startedIn, ...rest } = transaction;
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const session = startedIn && { id: startedIn.id, identity: hex(startedIn.identity) };
  return { ...rest, seed: hex(seed), issuer: hex(issuer), startedIn: session };
}

describe('the secrets of an attempt', () => {
  it('differ from each other and from those of another attempt', () => {
    const transactions = [attempt(), attempt()];
    const secrets = transactions.flatMap((one) => [
      stateOf(one),
      nonceOf(one),
      codeVerifierOf(one),
      codeChallengeOf(one),
    ]);
    expect(new Set(secrets).size).toBe(8);
  });

  it('are made again until the state is one that the caller accepts', () => {
    const accepted: string[] = [];
    const accepts = (state: string): boolean => /^[A-P]/.test(state) && accepted.push(state) === 2;
    const parts = { issuer: ISSUER, current: undefined, maxAge: undefined, isForced: false, returnTo: '/' };
    const transaction = newTransaction({ ...parts, startedAt: NOW * 1000 }, accepts);
    expect([accepted.length, stateOf(transaction)]).toEqual([2, accepted[1]]);
  });

  it('have 128 bits, the verifier 256', () => {
    const one = attempt();
    expect(
      [stateOf(one), nonceOf(one), codeVerifierOf(one)].map((secret) => Buffer.from(secret, 'base64url').length),
    ).toEqual([16, 16, 32]);
  });

  it('have a verifier of 43 unreserved characters and its S256 challenge (RFC 7636)', () => {
    const one = attempt();
    expect(codeVerifierOf(one)).toMatch(/^[\w-]{43}$/);
    expect(codeChallengeOf(one)).toBe(createHash('sha256').update(codeVerifierOf(one)).digest('base64url'));
  });

  it('stay the same for one attempt', () => {
    const one = attempt();
    const again = decodeTransaction(encodeTransaction(one));
    expect(again && [stateOf(again), nonceOf(again), codeVerifierOf(again)]).toEqual([
      stateOf(one),
      nonceOf(one),
      codeVerifierOf(one),
    ]);
  });
});

describe('wasMadeWith', () => {
  it('L4 knows the issuer and no other', () => {
    const one = attempt();
    expect([ISSUER, `${ISSUER}/`, 'https://evil.example', ''].map((issuer) => wasMadeWith(one, issuer))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it('L4 marks the same issuer differently in each attempt', () => {
    expect(Buffer.from(attempt().issuer).equals(attempt().issuer)).toBe(false);
  });
});

describe('mayEndAs', () => {
  const alice = sessionOf({ id: newSessionId() });

  it('L2 lets an attempt that began in a session end as its end-user only', () => {
    const one = attempt({ current: alice });
    const others = [
      sessionOf({ id: newSessionId() }),
      sessionOf({ subject: 'bob' }),
      sessionOf({ issuer: 'https://other.example' }),
    ];
    expect(others.map((session) => mayEndAs(one, session))).toEqual([true, false, false]);
  });

  it('L2 lets an attempt that began without a session end as anybody', () => {
    expect(mayEndAs(attempt(), alice)).toBe(true);
  });
});

describe('decodeTransaction', () => {
  it('gives back what was written', () => {
    const parts = fc.record({
      startedAt: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
      maxAge: fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { nil: undefined }),
      isForced: fc.boolean(),
      returnTo: fc.string({ unit: 'grapheme' }),
      current: fc.option(fc.constant(sessionOf({ id: newSessionId() })), { nil: undefined }),
    });
    fc.assert(
      fc.property(parts, (some) => {
        const written = attempt(some);
        expect(plain(decodeTransaction(encodeTransaction(written)))).toEqual(plain(written));
      }),
    );
  });

  it('keeps a max_age that is too long for its place as long as it can', () => {
    const read = decodeTransaction(encodeTransaction(attempt({ maxAge: Number.MAX_SAFE_INTEGER })));
    expect(read?.maxAge).toBe(0xffff_ffff);
  });

  it.each([0x00, 0x20, 0x90, 0xf0])('reads nothing that another version wrote (%i)', (version) => {
    const bytes = encodeTransaction(attempt());
    bytes[0] = version;
    expect(decodeTransaction(bytes)).toBeUndefined();
  });

  it('reads nothing that ends too early', () => {
    const bytes = encodeTransaction(attempt({ returnTo: '', maxAge: 1, current: sessionOf({ id: newSessionId() }) }));
    const shorter = Array.from(bytes, (_, length) => decodeTransaction(bytes.subarray(0, length)));
    expect(shorter.every((read) => read === undefined)).toBe(true);
    expect(decodeTransaction(bytes)).toBeDefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        const read = decodeTransaction(bytes);
        return read === undefined || encodeTransaction(read).length >= 29;
      }),
    );
  });
});
