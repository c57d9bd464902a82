/** Apart from the other tests of attempts, which run for every change that is made to their rules: this one takes a while. */
import { expect, it } from '@jest/globals';
import { MemoryCoordinator } from '../../src/coordination/memory.coordinator.js';
import { CookieWriter } from '../../src/http/cookie-writer.js';
import { Sealer } from '../../src/session/sealer.js';
import { TransactionCookies } from '../../src/session/transaction.cookies.js';
import { conversation, TestClock } from './support.js';

it('L11 keeps nothing on the server for a hundred thousand attempts', async () => {
  const asked: PropertyKey[] = [];
  const clock = new TestClock();
  const transactions = new TransactionCookies({
    sealer: new Sealer(['a-secret-of-at-least-thirty-two-characters'], 'transaction'),
    cookies: new CookieWriter({ publicUrl: () => 'https://app.example', crossSite: false }),
    coordinator: new Proxy(new MemoryCoordinator(clock), { get: (_target, name) => asked.push(name) }),
    clock,
  });
  const begin = async (): Promise<void> => {
    const { exchange } = conversation();
    const attempt = { issuer: 'https://id.example', current: undefined, maxAge: undefined, isForced: false };
    const transaction = transactions.draft(exchange, { ...attempt, returnTo: '/', startedAt: clock.millis() });
    await transactions.begin(exchange, transaction);
  };
  for (let index = 0; index < 1000; index += 1) await Promise.all(Array.from({ length: 100 }, begin));
  expect(asked).toEqual([]);
}, 600_000);
