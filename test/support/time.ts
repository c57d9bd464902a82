/** Freezes `Date` and `performance` for the application and the provider in this process; timers and I/O go on. */
import { jest } from '@jest/globals';

/** From now on time passes only by `advance`. Ends with `releaseTime`. */
export function freezeTime(): void {
  const reached = performance.now();
  jest.useFakeTimers({
    now: Date.now(),
    doNotFake: [
      ...(['nextTick', 'hrtime', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
      ...(['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const),
    ],
  });
  // The fake one begins at 0, and the clock that never jumps would jump back.
  const passed = performance.now.bind(performance);
  performance.now = () => reached + passed();
}

/** Lets this many seconds pass at once. */
export function advance(seconds: number): void {
  jest.advanceTimersByTime(seconds * 1000);
}

export function releaseTime(): void {
  jest.useRealTimers();
}
