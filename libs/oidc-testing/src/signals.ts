/** Two small ways to be told about something later. */

/** A promise that is resolved from outside, once. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;

  constructor() {
    let settle: (value: T) => void = () => undefined;
    this.promise = new Promise((resolve) => {
      settle = resolve;
    });
    this.resolve = settle;
  }
}

/** Tells its listeners that something changed. */
export class ChangeSignal {
  readonly #listeners: (() => void)[] = [];

  subscribe(listener: () => void): void {
    this.#listeners.push(listener);
  }

  readonly emit = (): void => {
    for (const listener of this.#listeners) listener();
  };
}
