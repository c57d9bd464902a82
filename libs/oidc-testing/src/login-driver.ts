/** Signs a user in at the provider with code and PKCE, without any application. */
import { createHash, randomBytes } from 'node:crypto';
import { TestBrowser } from './browser/test-browser.js';
import { isObject } from './http/reply.js';

/** What to sign in with; by default alice at the default client. */
export interface LoginOptions {
  login?: string;
  /** Default is the login name. */
  password?: string;
  /** Default is `openid profile email offline_access`. */
  scope?: string;
  /** More parameters of the authorization request, `resource` or `acr_values` for example. */
  params?: Record<string, string>;
  /** A browser to go on with, when its session at the provider matters. */
  browser?: TestBrowser;
}

/** The token response of a login, with the names of RFC 6749. */
export interface LoginTokens {
  access_token: string;
  id_token: string;
  refresh_token: string;
  token_type: string;
  expires_in: number;
  scope: string;
  /** `nonce` that the ID Token must carry. */
  nonce: string;
}

/** Where and as whom the driver signs in. */
export interface LoginTarget {
  issuer: string;
  clientId: string;
  clientSecret: string;
  redirectUri: string;
  /** Certificate authority in PEM, for a self-signed https issuer. */
  ca: string | undefined;
}

/**
 * Runs the authorization code flow (OpenID Connect Core, section 3.1).
 * @throws Error when the login does not end with a code, or the code is refused.
 */
export async function loginDirectly(target: LoginTarget, options: LoginOptions = {}): Promise<LoginTokens> {
  const { login = 'alice', password = login, browser = new TestBrowser(target) } = options;
  const verifier = randomBytes(32).toString('base64url');
  const nonce = randomBytes(16).toString('base64url');
  const request = new URLSearchParams({
    client_id: target.clientId,
    response_type: 'code',
    redirect_uri: target.redirectUri,
    scope: options.scope ?? 'openid profile email offline_access',
    nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...options.params,
  });
  const url = `${target.issuer}/auth?${request.toString()}`;
  const response = await browser.signIn(url, { login, password }, { stopAt: target.redirectUri });
  const location = response.headers.get('location');
  const code = location === null ? null : new URL(location).searchParams.get('code');
  if (code === null) throw new Error(`the login of "${login}" ended without a code, with status ${response.status}`);
  return { ...(await redeem({ target, browser, code, verifier })), nonce };
}

interface Redemption {
  target: LoginTarget;
  browser: TestBrowser;
  code: string;
  verifier: string;
}

async function redeem({ target, browser, code, verifier }: Redemption): Promise<Omit<LoginTokens, 'nonce'>> {
  const { issuer, clientId, clientSecret, redirectUri } = target;
  const response = await browser.fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: basicCredentials(clientId, clientSecret), origin: null },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    }),
  });
  const tokens: unknown = await response.json();
  if (!response.ok || !isObject(tokens)) throw new Error(`the code was refused with status ${response.status}`);
  return {
    access_token: String(tokens.access_token),
    id_token: String(tokens.id_token),
    refresh_token: String(tokens.refresh_token),
    token_type: String(tokens.token_type),
    expires_in: Number(tokens.expires_in),
    scope: String(tokens.scope),
  };
}

/** `Authorization` header of `client_secret_basic` (RFC 6749, section 2.3.1). */
export function basicCredentials(clientId: string, clientSecret: string): string {
  const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}
