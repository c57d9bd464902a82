/** A token as somebody presents it, or as a session holds it. */

/** Characters at the end of a token that make its mark: those of a signature are as good as random. */
const MARK_LENGTH = 8;

export class PresentedToken {
  /**
   * Where a token is looked up: some 31 bits of it, never 0; nearly always others than those of any other token, unless somebody wants them to be the
   * same. Says nothing about it: whatever is found there has to have the same text.
   */
  readonly mark: number;

  /** @param isOfSession It came from the provider at our own request, so nobody else chose the key that it names. */
  constructor(
    readonly text: string,
    readonly isOfSession = false,
  ) {
    this.mark = markOf(text);
  }
}

function markOf(text: string): number {
  let mark = 0;
  for (let index = Math.max(0, text.length - MARK_LENGTH); index < text.length; index += 1)
    mark = Math.imul(mark, 65) + text.charCodeAt(index);
  return Math.imul(mark, 0x9e_37_79_b1) >>> 1 || 1;
}
