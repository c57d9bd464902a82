/** Freezes `Date` and `performance` for the application and the provider in this process; timers and I/O go on. */
import { jest } from '@jest/globals';

/** From now on time passes only by `advance`. Ends with `releaseTime`. */
export function freezeTime(): void {
  jest.useFakeTimers({
    now: Date.now(),
    doNotFake: [
      ...(['nextTick', 'hrtime', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
      ...(['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const),
    ],
  });
}

/** From now on what repeats itself does so only by `advance`; clocks and everything else go on. Ends with `releaseTime`. */
export function freezeRepetition(): void {
  jest.useFakeTimers({
    doNotFake: [
      ...(['Date', 'performance', 'nextTick', 'hrtime', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
      ...(['setTimeout', 'clearTimeout'] as const),
    ],
  });
}

/** Lets this many seconds pass at once. */
export function advance(seconds: number): void {
  jest.advanceTimersByTime(seconds * 1000);
}

export function releaseTime(): void {
  jest.useRealTimers();
}
