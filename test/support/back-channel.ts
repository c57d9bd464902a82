/** The back channel as the provider uses it, and sessions by the provider's own name for them. */
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import type { Harness } from './harness.js';

/** Sends a logout token, or a form without one. */
export function sendLogout({ url }: Harness, token: string | undefined): Promise<Response> {
  const body = new URLSearchParams(token === undefined ? {} : { logout_token: token });
  return fetch(`${url}/auth/backchannel-logout`, { method: 'POST', body });
}

/** The `sid` of the session at the provider that a browser is signed in with. */
export async function providerSessionOf({ url }: Harness, browser: TestBrowser): Promise<string> {
  const { token } = (await (await browser.fetch(`${url}/api/token`)).json()) as { readonly token: string };
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  return (JSON.parse(payload) as { readonly sid: string }).sid;
}

/** Whether a browser is let into a protected route. */
export async function isLetIn({ url }: Harness, browser: TestBrowser): Promise<boolean> {
  return (await browser.fetch(`${url}/api/profile`)).status === 200;
}
