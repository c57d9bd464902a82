/** An issuer whose one key is known to the suite: tokens are changed first and signed then, so that they get past the signature. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { JWK } from 'jose';
import { resolveOptions } from '../../../libs/oidc-token-reuse/src/config/resolve-options.js';
import type { OidcModuleOptions, OidcOptions } from '../../../libs/oidc-token-reuse/src/config/options.js';
import { MemoryCoordinator } from '../../../libs/oidc-token-reuse/src/coordination/memory.coordinator.js';
import { OidcEvents } from '../../../libs/oidc-token-reuse/src/observability/events.js';
import { compose, type OidcComposition } from '../../../libs/oidc-token-reuse/src/oidc.composition.js';
import { TestClock } from '../../../libs/oidc-token-reuse/test/session/support.js';

export const ISSUER = 'https://id.example.com';
export const CLIENT_ID = 'client-1';
export const API = 'https://api.example.com';

/** An Ed25519 key from 32 bytes (RFC 8410 section 7): it is the same in every run, so a printed token can be verified again. */
const KEY = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)]),
  format: 'der',
  type: 'pkcs8',
});
export const JWK_OF_KEY: JWK = {
  ...createPublicKey(KEY).export({ format: 'jwk' }),
  kid: 'key-1',
  alg: 'EdDSA',
  use: 'sig',
};

export const METADATA = {
  issuer: ISSUER,
  authorization_endpoint: `${ISSUER}/authorize`,
  token_endpoint: `${ISSUER}/token`,
  jwks_uri: `${ISSUER}/jwks`,
  userinfo_endpoint: `${ISSUER}/userinfo`,
  end_session_endpoint: `${ISSUER}/logout`,
  revocation_endpoint: `${ISSUER}/revoke`,
  pushed_authorization_request_endpoint: `${ISSUER}/par`,
  id_token_signing_alg_values_supported: ['RS256', 'EdDSA'],
  code_challenge_methods_supported: ['S256'],
  authorization_response_iss_parameter_supported: true,
};

/** A compact JWS over a header and a payload as they are, JSON or not. */
export function signed(header: string, payload: string): string {
  const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`;
  return `${input}.${sign(null, Buffer.from(input), KEY).toString('base64url')}`;
}

/** What the issuer answers to a request with this URL. */
export type Answers = (url: string) => Response | undefined;

export interface Rooms extends OidcComposition {
  readonly options: OidcOptions;
  readonly clock: TestClock;
  readonly events: OidcEvents;
}

/** The rooms as the module makes them, with an issuer that answers as told, and otherwise as it should. */
export function roomsFor(answers: Answers = () => undefined, options: Partial<OidcModuleOptions> = {}): Rooms {
  Logger.overrideLogger(false);
  const resolved = resolveOptions({
    issuer: ISSUER,
    clientId: CLIENT_ID,
    audience: [API],
    publicUrl: 'https://app.example.com',
    sessionSecrets: ['a-session-secret-of-the-tests-0001'],
    fetch: async (input) => {
      const url = input instanceof Request ? input.url : String(input);
      return answers(url) ?? published(url);
    },
    ...options,
  });
  const clock = new TestClock();
  const events = new OidcEvents(undefined);
  const coordinator = new MemoryCoordinator(clock);
  const parts = { options: resolved, clock, events, coordinator, cache: undefined, resolver: undefined };
  return { ...compose(parts), options: resolved, clock, events };
}

function published(url: string): Response {
  if (url.includes('/.well-known/')) return Response.json(METADATA);
  if (url === METADATA.jwks_uri) return Response.json({ keys: [JWK_OF_KEY] });
  if (url === METADATA.pushed_authorization_request_endpoint)
    return Response.json({ request_uri: 'urn:request:1', expires_in: 60 }, { status: 201 });
  return new Response(null, { status: 404 });
}
