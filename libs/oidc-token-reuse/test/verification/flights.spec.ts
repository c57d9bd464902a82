import { describe, expect, it } from '@jest/globals';
import { Flights } from '../../src/verification/flights.js';
import { PresentedToken } from '../../src/verification/presented-token.js';

const TAIL = 's'.repeat(60);
/** Tokens that end alike have the same mark. */
const ALIKE = ['a', 'b', 'c'].map((text) => new PresentedToken(`${text}.${TAIL}`));

describe('Flights', () => {
  it.each([
    ['first', [0, 1, 2]],
    ['last', [2, 1, 0]],
    ['middle', [1, 0, 2]],
    ['middle, then last', [1, 2, 0]],
  ])('finds what is under way by the whole token, whichever ends first: the %s', (_which, order) => {
    const flights = new Flights<number>();
    const outcomes = ALIKE.map((_, index) => Promise.resolve(index));
    ALIKE.forEach((token, index) => {
      expect(flights.get(token)).toBeUndefined();
      flights.add(token, outcomes[index] ?? Promise.resolve(-1));
    });
    const left = new Set([0, 1, 2]);
    for (const ended of order) {
      expect(ALIKE.map((token) => flights.get(token))).toEqual(
        outcomes.map((each, index) => (left.has(index) ? each : undefined)),
      );
      flights.remove(ALIKE[ended] ?? new PresentedToken(''));
      left.delete(ended);
    }
    expect(ALIKE.map((token) => flights.get(token))).toEqual([undefined, undefined, undefined]);
  });

  it('lets go of nothing that is not under way', () => {
    const flights = new Flights<number>();
    const [one, other] = [new PresentedToken(`a.${TAIL}`), new PresentedToken(`b.${TAIL}`)];
    const outcome = Promise.resolve(1);
    flights.add(one, outcome);
    flights.remove(other);
    flights.remove(new PresentedToken('x'));
    expect([flights.get(one), flights.get(other)]).toEqual([outcome, undefined]);
  });
});
