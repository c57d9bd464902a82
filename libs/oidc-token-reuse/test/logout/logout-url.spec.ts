import { describe, expect, it } from '@jest/globals';
import { resolveOptions } from '../../src/config/resolve-options.js';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { logoutUrl } from '../../src/logout/logout-url.js';
import type { ProtocolClient } from '../../src/provider/protocol.client.js';
import type { Session } from '../../src/session/session.js';
import { OPTIONS } from '../config/valid-options.js';
import { roomsWith } from '../refresh/support.js';
import { sessionOf, tokensOf } from '../session/support.js';

const END = 'https://id.example.com/end';

/** A provider with an `end_session_endpoint`. */
async function clientOf(known = true): Promise<ProtocolClient> {
  const metadata = {
    issuer: OPTIONS.issuer,
    authorization_endpoint: `${OPTIONS.issuer}/a`,
    token_endpoint: `${OPTIONS.issuer}/t`,
    jwks_uri: `${OPTIONS.issuer}/j`,
    end_session_endpoint: END,
  };
  const { provider } = roomsWith({ fetch: () => Promise.resolve(Response.json(metadata)) });
  if (known) await provider.metadata.get();
  return provider.client;
}

async function urlFor(
  session: Session | undefined,
  { state, more = {} }: { readonly state?: string; readonly more?: Partial<OidcModuleOptions> } = {},
): Promise<URL> {
  const options = resolveOptions({ ...OPTIONS, ...more });
  return new URL(logoutUrl(session, state, { client: await clientOf(), options }) ?? 'about:blank');
}

const common = { client_id: 'client-1', post_logout_redirect_uri: 'https://app.example.com' };
const parametersOf = ({ searchParams }: URL): unknown => Object.fromEntries(searchParams);

describe('logoutUrl', () => {
  it('hints with the ID Token', async () => {
    const session = sessionOf({ tokens: tokensOf({ idToken: 'the-id-token' }) });
    const url = await urlFor(session, { state: 's' });
    expect(`${url.origin}${url.pathname}`).toBe(END);
    expect(parametersOf(url)).toEqual({ ...common, state: 's', id_token_hint: 'the-id-token' });
  });

  it('sends no state that it was not given', async () => {
    expect(parametersOf(await urlFor(undefined))).toEqual(common);
  });

  it.each([
    [{ login_hint: 'l', preferred_username: 'p', email: 'e' }, 'l'],
    [{ preferred_username: 'p', email: 'e' }, 'p'],
    [{ login_hint: 5, email: 'e' }, 'e'],
    [{ name: 'Alice' }, 'alice'],
  ])('hints with the best of %j where the ID Token is too long', async (claims, hint) => {
    const session = sessionOf({ claims, tokens: tokensOf({ idToken: 'x'.repeat(3000) }) });
    const url = await urlFor(session, { more: { maxLogoutUrlLength: 2000 } });
    expect(parametersOf(url)).toEqual({ ...common, logout_hint: hint });
  });

  it('hints with nothing where nothing fits', async () => {
    const session = sessionOf({ subject: 'y'.repeat(3000), tokens: tokensOf({ idToken: 'x'.repeat(3000) }) });
    expect(parametersOf(await urlFor(session, { more: { maxLogoutUrlLength: 2000 } }))).toEqual(common);
  });

  it('is as long as is allowed, and no longer', async () => {
    const session = sessionOf({ tokens: tokensOf({ idToken: 'x'.repeat(1000) }) });
    const { length } = (await urlFor(session)).href;
    const hinted = async (maxLogoutUrlLength: number): Promise<boolean> =>
      (await urlFor(session, { more: { maxLogoutUrlLength } })).searchParams.has('id_token_hint');
    expect([await hinted(length), await hinted(length - 1)]).toEqual([true, false]);
  });

  it.each([undefined, sessionOf()])('is null while the provider is not known', async (session) => {
    const options = resolveOptions(OPTIONS);
    expect(logoutUrl(session, undefined, { client: await clientOf(false), options })).toBeNull();
  });
});
