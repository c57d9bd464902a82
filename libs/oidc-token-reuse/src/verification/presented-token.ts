/** A token as somebody presents it, or as a session holds it. */

/** Characters at the end of a token: 256 bits of its signature. */
const NAME_LENGTH = 43;

export class PresentedToken {
  /** @param isOfSession It came from the provider at our own request, so nobody else chose the key that it names. */
  constructor(
    readonly text: string,
    readonly isOfSession = false,
  ) {}

  /** Where a token is looked up. Says nothing about it: whatever is found there has to have the same text. */
  get name(): string {
    return this.text.slice(-NAME_LENGTH);
  }
}
