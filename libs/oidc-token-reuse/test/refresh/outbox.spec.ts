import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CoordinationUnavailableException, LoginRequiredException } from '../../src/errors/exceptions.js';
import { Outbox } from '../../src/refresh/outbox.js';

/** A shared store that is away for the first so many offers. */
class Store {
  readonly taken: string[] = [];
  offers = 0;

  constructor(public away = 0) {}

  take(letter: string): () => Promise<void> {
    return () => {
      this.offers += 1;
      if (this.offers <= this.away) return Promise.reject(new CoordinationUnavailableException());
      this.taken.push(letter);
      return Promise.resolve();
    };
  }
}

/** Milliseconds between two offers. */
const PAUSE = 200;

describe('Outbox', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('offers a letter until the store takes it, and never again', async () => {
    const [outbox, store] = [new Outbox(), new Store(3)];
    outbox.add('one', store.take('one'));
    await jest.advanceTimersByTimeAsync(3 * PAUSE);
    expect({ taken: store.taken, offers: store.offers }).toEqual({ taken: [], offers: 3 });
    await jest.advanceTimersByTimeAsync(100 * PAUSE);
    expect({ taken: store.taken, offers: store.offers }).toEqual({ taken: ['one'], offers: 4 });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('asks once while the store is away, however many letters wait, and delivers them in their order', async () => {
    const [outbox, store] = [new Outbox(), new Store(1)];
    for (const name of ['one', 'two', 'three']) outbox.add(name, store.take(name));
    await jest.advanceTimersByTimeAsync(PAUSE);
    expect(store.offers).toBe(1);
    await jest.advanceTimersByTimeAsync(PAUSE);
    expect(store.taken).toEqual(['one', 'two', 'three']);
  });

  it('delivers two hundred letters at once when the store is back, and not the others before them', async () => {
    const [outbox, store] = [new Outbox(), new Store()];
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    for (let letter = 0; letter < 300; letter += 1)
      outbox.add(String(letter), async () => {
        await store.take(String(letter))();
        if (letter > 0) await answered;
      });
    await jest.advanceTimersByTimeAsync(PAUSE);
    expect(store.offers).toBe(200);
    answer();
    await jest.advanceTimersByTimeAsync(0);
    expect(store.taken).toHaveLength(300);
  });

  it('offers the rest later when the store goes away again', async () => {
    const [outbox, store] = [new Outbox(), new Store()];
    outbox.add('first', () => {
      store.away = Infinity;
      return Promise.resolve();
    });
    for (let letter = 0; letter < 300; letter += 1) outbox.add(String(letter), store.take(String(letter)));
    await jest.advanceTimersByTimeAsync(PAUSE);
    expect({ taken: store.taken.length, offers: store.offers }).toEqual({ taken: 0, offers: 199 });
    store.away = 0;
    await jest.advanceTimersByTimeAsync(PAUSE);
    expect(store.taken).toHaveLength(300);
  });

  it('sends the last of several letters of one name', async () => {
    const [outbox, store] = [new Outbox(), new Store()];
    outbox.add('same', store.take('older'));
    outbox.add('same', store.take('newer'));
    await jest.advanceTimersByTimeAsync(PAUSE);
    expect(store.taken).toEqual(['newer']);
  });

  it('keeps a newer letter that came while an older one of its name was on its way', async () => {
    const [outbox, store] = [new Outbox(), new Store()];
    outbox.add('same', () => {
      outbox.add('same', store.take('newer'));
      return Promise.resolve();
    });
    await jest.advanceTimersByTimeAsync(2 * PAUSE);
    expect(store.taken).toEqual(['newer']);
  });

  it('gives up a letter for a reason that will not change', async () => {
    const [outbox, store] = [new Outbox(), new Store()];
    const ended = jest.fn(() => Promise.reject(new LoginRequiredException('session_missing', 'the session is over')));
    outbox.add('ended', ended);
    outbox.add('one', store.take('one'));
    await jest.advanceTimersByTimeAsync(10 * PAUSE);
    expect(ended).toHaveBeenCalledTimes(1);
    expect(store.taken).toEqual(['one']);
  });

  it('gives up a letter after ten minutes', async () => {
    const [outbox, store] = [new Outbox(), new Store(Infinity)];
    outbox.add('one', store.take('one'));
    await jest.advanceTimersByTimeAsync(600_000 + 100 * PAUSE);
    expect(store.offers).toBe(3000);
  });

  it('holds ten thousand letters, the newest', async () => {
    const [outbox, store] = [new Outbox(), new Store()];
    for (let letter = 0; letter < 10_001; letter += 1) outbox.add(String(letter), store.take(String(letter)));
    await jest.advanceTimersByTimeAsync(PAUSE);
    expect({ count: store.taken.length, first: store.taken[0], last: store.taken.at(-1) }).toEqual({
      count: 10_000,
      first: '1',
      last: '10000',
    });
  });

  describe('when the process ends', () => {
    it('offers at once what waits, and again for three seconds', async () => {
      const [outbox, store] = [new Outbox(), new Store(14)];
      outbox.add('one', store.take('one'));
      const drained = outbox.drain();
      await jest.advanceTimersByTimeAsync(0);
      expect(store.offers).toBe(1);
      await jest.advanceTimersByTimeAsync(14 * PAUSE);
      await drained;
      expect({ taken: store.taken, offers: store.offers }).toEqual({ taken: ['one'], offers: 15 });
    });

    it('does not wait for a store that stays away, and leaves no timer behind', async () => {
      const [outbox, store] = [new Outbox(), new Store(Infinity)];
      outbox.add('one', store.take('one'));
      const drained = outbox.drain();
      await jest.advanceTimersByTimeAsync(100 * PAUSE);
      await drained;
      expect({ offers: store.offers, timers: jest.getTimerCount() }).toEqual({ offers: 15, timers: 0 });
    });

    it('has nothing to wait for when nothing waits', async () => {
      await new Outbox().drain();
      expect(jest.getTimerCount()).toBe(0);
    });
  });
});
