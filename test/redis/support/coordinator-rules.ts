/** What holds for every implementation of the coordination port. */
import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import type { Coordinator } from '../../../libs/oidc-token-reuse/src/coordination/coordinator.js';

export interface Subject {
  readonly first: Coordinator;
  /** Another process's view; in memory there is one process only. */
  readonly second: Coordinator;
}

type Rule = (subject: Subject) => Promise<void>;

/** A key that nobody has used. */
function fresh(): string {
  return `${randomUUID()}:key`;
}

export const COORDINATOR_RULES: readonly (readonly [title: string, rule: Rule])[] = [
  [
    'gives back what was put, to everybody',
    async (subject) => {
      const key = fresh();
      await subject.first.put('successor', key, { value: 'a value with blanks', ttl: 60 });
      expect(await subject.second.get('successor', key)).toBe('a value with blanks');
    },
  ],

  [
    'keeps spaces apart',
    async (subject) => {
      const key = fresh();
      await subject.first.put('spent', key, { value: '1', ttl: 60 });
      expect(await subject.first.get('successor', key)).toBeUndefined();
    },
  ],

  [
    'lets exactly one of many write what is absent',
    async (subject) => {
      const key = fresh();
      const { first, second } = subject;
      const attempts = Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? first : second).putIfAbsent('transaction', key, { value: String(index), ttl: 60 }),
      );
      expect((await Promise.all(attempts)).filter(Boolean)).toHaveLength(1);
    },
  ],

  [
    'replaces an older version only, and never what was deleted',
    async (subject) => {
      const key = fresh();
      const { first, second } = subject;
      expect(await first.replace('session', key, { value: 'lost', ttl: 60, version: 1 })).toBe(false);
      await first.put('session', key, { value: 'zero', ttl: 60, version: 0 });
      expect(await second.replace('session', key, { value: 'two', ttl: 60, version: 2 })).toBe(true);
      expect(await first.replace('session', key, { value: 'one', ttl: 60, version: 1 })).toBe(false);
      expect(await first.get('session', key)).toBe('two');
      await first.delete('session', key);
      expect(await second.replace('session', key, { value: 'three', ttl: 60, version: 3 })).toBe(false);
      expect(await first.get('session', key)).toBeUndefined();
    },
  ],

  [
    'keeps sets of members',
    async (subject) => {
      const key = fresh();
      const { first, second } = subject;
      await first.addMember(key, 'one', 60);
      await second.addMember(key, 'two', 60);
      expect([...(await first.members(key))].sort()).toEqual(['one', 'two']);
      await second.removeMember(key, 'one');
      expect(await first.members(key)).toEqual(['two']);
      await second.removeMember(key, 'two');
      expect(await first.members(key)).toEqual([]);
    },
  ],

  [
    'gives a lease to one at a time, in turn',
    async (subject) => {
      const key = fresh();
      const { first, second } = subject;
      const holders: string[] = [];
      let inside = 0;
      const work = async (coordinator: Coordinator, name: string): Promise<void> => {
        const lease = await coordinator.acquire(key, { wait: 5000 });
        inside += 1;
        holders.push(`${name} ${String(inside)}`);
        await lease?.publish([{ space: 'successor', key, value: name, ttl: 60 }]);
        inside -= 1;
        await lease?.release();
      };
      await Promise.all(['a', 'b', 'c', 'd'].map((name, index) => work(index % 2 === 0 ? first : second, name)));
      expect(holders).toHaveLength(4);
      expect(holders.every((holder) => holder.endsWith(' 1'))).toBe(true);
    },
  ],

  [
    'gives nothing when a lease is not free in time',
    async (subject) => {
      const key = fresh();
      const held = await subject.first.acquire(key, { wait: 0 });
      expect(await subject.second.acquire(key, { wait: 60 })).toBeUndefined();
      await held?.release();
      const next = await subject.second.acquire(key, { wait: 1000 });
      expect(next).toBeDefined();
      await next?.release();
    },
  ],
];
