/** Sign-ins that fail: brought back by script, so that the answer says why. */
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from './answer.js';

/** Brings an authorization response back by script, and gives the answer; nobody is signed in by it. */
export async function failureOf(browser: TestBrowser, url: string) {
  const response = await browser.fetch(url);
  const signedIn = response.headers.getSetCookie().filter((line) => line.startsWith('oidc.session'));
  const { status, body } = await answerOf(response);
  const { error, error_description: description } = body as Record<string, unknown>;
  return { status, error, description, signedIn, retry: response.headers.get('retry-after') };
}

/** Such an answer as tests expect it. */
export function refused(status: number, error: string, description: unknown, retry: unknown = null) {
  return { status, error, description, signedIn: [], retry };
}
