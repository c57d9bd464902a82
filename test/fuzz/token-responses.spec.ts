/** What the token endpoint answers, changed where it is still JSON and where it is not: read, made a token set of, and kept in a session. */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { ProviderUnavailableException } from '../../libs/oidc-token-reuse/src/errors/exceptions.js';
import { tokenOf } from '../../libs/oidc-token-reuse/src/provider/token-response.js';
import { ProviderRefusal } from '../../libs/oidc-token-reuse/src/provider/provider-refusal.js';
import { decodeSession, encodeSession } from '../../libs/oidc-token-reuse/src/session/session-codec.js';
import { sessionExpiresAt } from '../../libs/oidc-token-reuse/src/session/session.js';
import { toTokenSet } from '../../libs/oidc-token-reuse/src/session/token-set.js';
import { jwtOf, NOW, revealed, sessionOf } from '../../libs/oidc-token-reuse/test/session/support.js';
import { CAMPAIGN_TIMEOUT_MS, run } from './support/campaign.js';
import { METADATA, roomsFor } from './support/issuer.js';
import { mutateJson } from './support/mutate-json.js';
import type { Random } from './support/random.js';

const TOKENS = {
  access_token: jwtOf({ sub: 'alice', exp: NOW + 300 }),
  token_type: 'Bearer',
  expires_in: 300,
  refresh_token: 'a-refresh-token',
  refresh_expires_in: '1800',
  id_token: jwtOf({ sub: 'alice', session_expiry: NOW + 3600 }),
  scope: 'openid read',
};
const REFUSALS: [object, ...object[]] = [
  { error: 'invalid_grant', error_description: 'it is spent' },
  { error: 'interaction_required', claims: '{"access_token":{}}' },
];

interface Answered {
  readonly status: number;
  readonly body: string;
}

/** Tokens whose claims are changed too: nobody here verifies them. */
function make(random: Random): Answered {
  if (random.chance(20))
    return { status: random.pick([400, 401]), body: mutateJson({ ...random.pick(REFUSALS) }, random) };
  const name = random.pick(['access_token', 'id_token']);
  const claims = Buffer.from(mutateJson({ sub: 'alice', exp: NOW + 300, session_expiry: NOW + 3600 }, random));
  const changed = `e30.${claims.toString('base64url')}.c2ln`;
  const tokens = random.chance(40)
    ? { ...TOKENS, [name]: changed, expires_in: random.chance(50) ? 300 : null }
    : TOKENS;
  return { status: 200, body: random.chance(80) ? mutateJson(tokens, random) : JSON.stringify(tokens) };
}

describe('a token response that is almost right', () => {
  it(
    'is a token set that a session can keep, or a documented error',
    async () => {
      let answer: Answered = { status: 200, body: '{}' };
      const { provider, clock, options } = roomsFor((url) =>
        url === METADATA.token_endpoint
          ? new Response(answer.body, { status: answer.status, headers: { 'content-type': 'application/json' } })
          : undefined,
      );
      const figures = await run<Answered>({
        name: 'token response',
        make,
        async take(next) {
          answer = next;
          try {
            const response = await provider.client.requestTokens('refresh_token', { refresh_token: 'spent' });
            // Only one that is verified is kept.
            const idToken = tokenOf(response.idToken) ?? TOKENS.id_token;
            const tokens = toTokenSet({ ...response, idToken }, clock);
            const session = sessionOf({ tokens });
            const kept = decodeSession(encodeSession(session));
            if (!(tokens.expiresAt > NOW) || !Number.isFinite(sessionExpiresAt(session, options)))
              throw new Error('no end');
            if (!isDeepStrictEqual(revealed(kept), revealed(session))) throw new Error('kept another');
            return true;
          } catch (error) {
            if (!(error instanceof ProviderRefusal || error instanceof ProviderUnavailableException)) throw error;
            return error instanceof ProviderRefusal;
          }
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});
