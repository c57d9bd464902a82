/** One browser with a session: its cookies, those it had before, and what became of the session. */
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import type { Answer } from './ask.js';

/** Rotations after which cookies count as several rotations old. */
const SEVERAL = 3;
/** Milliseconds: cookies that are replaced sooner are another copy of the same rotation. */
const ONE_ROTATION = 1000;
/** Milliseconds for which older cookies are used: with the time that a busy machine lets requests wait, less than `successorGrace`. */
const USED_FOR = 25_000;

interface Older {
  readonly header: string;
  readonly since: number;
}

export class Visitor {
  /** How the session ended, if it did. */
  lostWith: string | undefined;
  private older: Older[] = [];
  private newest: Older;

  constructor(
    private readonly browser: TestBrowser,
    private readonly url: string,
  ) {
    this.newest = { header: browser.jar.header(url), since: Date.now() };
  }

  /** What a request carries now. */
  get cookie(): string {
    return this.newest.header;
  }

  /** What a request carries that was made several rotations ago and comes only now; undefined where there is no such cookie. */
  get oldCookie(): string | undefined {
    this.older = this.older.filter(({ since }) => Date.now() - since < USED_FOR);
    return this.older.length < SEVERAL
      ? undefined
      : this.older[Math.floor(Math.random() * (this.older.length - SEVERAL + 1))]?.header;
  }

  /** The value of a cookie. */
  cookieNamed(name: string): string {
    return this.browser.cookies(this.url).find((cookie) => cookie.name === name)?.value ?? '';
  }

  /** Forgets the cookies it had before. */
  forgetOlder(): void {
    this.older = [];
  }

  /** Takes what an answer says about the session: the cookies that come last count, as in a browser. */
  take({ status, setCookies, body }: Answer): void {
    if (status === 401) {
      this.lostWith ??= codeIn(body);
      return;
    }
    if (setCookies.length === 0) return;
    for (const line of setCookies) this.browser.jar.store(line, this.url);
    if (Date.now() - this.newest.since > ONE_ROTATION) this.older.push(this.newest);
    this.newest = { header: this.browser.jar.header(this.url), since: Date.now() };
  }
}

/** The machine-readable code of an error. */
export function codeIn(body: string): string {
  return /"error":"([a-z_]+)"/.exec(body)?.[1] ?? 'unknown';
}
