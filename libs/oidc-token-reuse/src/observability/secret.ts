/** A value that must never be seen: it redacts itself wherever a value can be printed. */
import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * Wraps a token, code or key. `reveal()` is the only way to the value; `toString`, JSON, template strings and `util.inspect` show `[redacted]`.
 *
 * @publicApi
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Hand it to a request or a cipher, to nothing else. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [Symbol.toPrimitive](): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
