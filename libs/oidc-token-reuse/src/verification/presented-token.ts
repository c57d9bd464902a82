/** A token as somebody presents it. */
import { hash } from 'node:crypto';

/** The text of a token, and its digest once somebody asks for it. */
export class PresentedToken {
  private known: string | undefined;

  constructor(readonly text: string) {}

  /** Of all its characters: another spelling of the same token is another token. Says nothing about the token itself. */
  get digest(): string {
    this.known ??= hash('sha256', this.text, 'base64url');
    return this.known;
  }
}
