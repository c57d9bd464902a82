/** Builds the logout request (OpenID Connect RP-Initiated Logout 1.0 section 2): the best hint that fits into a URL. */
import type { OidcOptions } from '../config/options.js';
import type { ProtocolClient } from '../provider/protocol.client.js';
import type { Session } from '../session/session.js';

export interface LogoutUrlDependencies {
  readonly client: ProtocolClient;
  readonly options: OidcOptions;
}

/** Claims that providers accept as a `logout_hint`, best first; the subject is the last resort. */
const HINT_CLAIMS = ['login_hint', 'preferred_username', 'email'] as const;

/**
 * The URL at the provider's `end_session_endpoint`: with `id_token_hint`, else with `logout_hint` and `client_id` where that would be too long, else
 * with `client_id`. Null when the provider has no such endpoint, or is not known yet.
 */
export function logoutUrl(
  session: Session | undefined,
  state: string | undefined,
  { client, options }: LogoutUrlDependencies,
): string | null {
  const common = {
    post_logout_redirect_uri: options.postLogoutRedirectUri(),
    ...(state === undefined ? {} : { state }),
  };
  const { clientId } = options;
  for (const hint of hintsOf(session)) {
    const url = client.endSessionUrl({ ...common, ...hint, client_id: clientId });
    if (url !== undefined && url.href.length <= options.maxLogoutUrlLength) return url.href;
  }
  return client.endSessionUrl({ ...common, client_id: clientId })?.href ?? null;
}

function hintsOf(session: Session | undefined): readonly Readonly<Record<string, string>>[] {
  if (session === undefined) return [];
  const idTokenHint = { id_token_hint: session.tokens.idToken.reveal() };
  const logoutHint = HINT_CLAIMS.map((name) => session.claims[name]).find((value) => typeof value === 'string');
  return [idTokenHint, { logout_hint: logoutHint ?? session.subject }];
}
