/** A token as somebody presents it. */

/** Characters at the end of a token: 256 bits of its signature. */
const NAME_LENGTH = 43;

export class PresentedToken {
  constructor(readonly text: string) {}

  /** Where a token is looked up. Says nothing about it: whatever is found there has to have the same text. */
  get name(): string {
    return this.text.slice(-NAME_LENGTH);
  }
}
