import { describe, expect, it } from '@jest/globals';
import { SingleFlight } from '../../src/provider/single-flight.js';

describe('SingleFlight', () => {
  it('does the work once for all who ask at the same time, and again for who asks later', async () => {
    let runs = 0;
    const flight = new SingleFlight(() => Promise.resolve((runs += 1)));
    expect(await Promise.all([flight.run(), flight.run(), flight.run()])).toEqual([1, 1, 1]);
    expect(await flight.run()).toBe(2);
  });

  it('keeps no failure', async () => {
    const outcomes = [Promise.reject(new Error('first')), Promise.resolve('second')];
    const flight = new SingleFlight(() => outcomes.shift() ?? Promise.resolve('third'));
    await expect(flight.run()).rejects.toThrow('first');
    expect(await flight.run()).toBe('second');
  });

  it('says whether it is under way, and waits for its end without its outcome', async () => {
    const flight = new SingleFlight(() => Promise.reject(new Error('failed')));
    await flight.settled();
    expect(flight.isFlying).toBe(false);
    const run = flight.run();
    expect(flight.isFlying).toBe(true);
    await flight.settled();
    expect(flight.isFlying).toBe(false);
    await expect(run).rejects.toThrow('failed');
  });
});
