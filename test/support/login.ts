/** Sign-ins step by step: begun, stopped at the redirect URI, brought back by hand. */
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import type { Harness } from './harness.js';

export interface SignInOptions {
  readonly login?: string;
  /** Where the sign-in starts. */
  readonly path?: string;
  readonly callbackPath?: string;
}

/** Signs in at the provider and stops there: the URL that the browser is about to be sent back to. */
export async function authorize(
  harness: Harness,
  browser: TestBrowser,
  { login = 'alice', path = '/auth/login', callbackPath = '/auth/callback' }: SignInOptions = {},
): Promise<string> {
  const stopAt = harness.url + callbackPath;
  const response = await browser.signIn(harness.url + path, { login, password: login }, { stopAt });
  const location = response.headers.get('location');
  if (location?.startsWith(stopAt) !== true) throw new Error(`the sign-in stopped at ${response.url} instead`);
  return location;
}

/** Goes to a URL as the provider's redirect makes a browser go there, and no further. */
export function comeBack(harness: Harness, browser: TestBrowser, url: string): Promise<Response> {
  return browser.navigate(url, { follow: false, initiator: harness.provider.issuer });
}

/** Status and `Location` of an answer. */
export function redirectOf(response: Response): { readonly status: number; readonly location: string | null } {
  return { status: response.status, location: response.headers.get('location') };
}

/** A URL with other parameters; undefined leaves one out. */
export function withParameters(url: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const changed = new URL(url);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) changed.searchParams.delete(name);
    else changed.searchParams.set(name, value);
  }
  return changed.href;
}

/** The attempts that a browser remembers. */
export function attemptsOf(
  browser: TestBrowser,
  url: string,
): readonly { readonly name: string; readonly value: string }[] {
  return browser.cookies(url).filter(({ name }) => name.startsWith('oidc.txn.'));
}

export interface SessionView {
  readonly authenticated: boolean;
  readonly claims?: { readonly sub: string };
  readonly tokens?: object;
}

/** What `GET /auth/session` says to a browser. */
export async function viewOf(harness: Harness, browser: TestBrowser): Promise<SessionView> {
  return (await (await browser.fetch(`${harness.url}/auth/session`)).json()) as SessionView;
}

/** Who is signed in with a browser, if anybody is. */
export async function subjectOf(harness: Harness, browser: TestBrowser): Promise<string | undefined> {
  return (await viewOf(harness, browser)).claims?.sub;
}

/** The `Set-Cookie` lines of a response that are about the session. */
export function sessionLines(response: Response): readonly string[] {
  return response.headers.getSetCookie().filter((line) => line.startsWith('oidc.session'));
}
