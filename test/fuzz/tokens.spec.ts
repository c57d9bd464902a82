/** Tokens that were changed and signed with the right key, or signed and then changed. */
import { describe, expect, it } from '@jest/globals';
import { InvalidTokenException } from '../../libs/oidc-token-reuse/src/errors/exceptions.js';
import { AccessTokenVerifier } from '../../libs/oidc-token-reuse/src/verification/access-token.verifier.js';
import { PresentedToken } from '../../libs/oidc-token-reuse/src/verification/presented-token.js';
import {
  IdTokenVerifier,
  InvalidIdTokenError,
} from '../../libs/oidc-token-reuse/src/verification/id-token.verifier.js';
import {
  InvalidLogoutTokenError,
  LogoutTokenVerifier,
} from '../../libs/oidc-token-reuse/src/verification/logout-token.verifier.js';
import {
  BadSignatureError,
  SignatureVerifier,
} from '../../libs/oidc-token-reuse/src/verification/signature.verifier.js';
import type { VerifiedJws } from '../../libs/oidc-token-reuse/src/verification/verified-token.cache.js';
import { NOW } from '../../libs/oidc-token-reuse/test/session/support.js';
import { CAMPAIGN_TIMEOUT_MS, run, type Campaign } from './support/campaign.js';
import { API, CLIENT_ID, ISSUER, roomsFor, signed } from './support/issuer.js';
import { mutateJson } from './support/mutate-json.js';
import { mutateText } from './support/mutate.js';
import type { Random } from './support/random.js';

const NONCE = 'a-nonce-of-the-tests';
const ACCESS_TOKEN = 'an-access-token';

type Claims = Readonly<Record<string, unknown>>;
type Claimed = [Claims, ...Claims[]];

const COMMON = { iss: ISSUER, sub: 'alice', iat: NOW - 10, nbf: NOW - 10, exp: NOW + 300 };
const ACCESS: Claimed = [
  { ...COMMON, aud: API, client_id: CLIENT_ID, scope: 'read write', jti: 'a', sid: 's' },
  { ...COMMON, aud: [API, 'https://other.example.com'], azp: 'other', scp: ['read'], roles: ['admin'] },
  { ...COMMON, aud: API, typ: 'Bearer', realm_access: { roles: ['admin', { a: [1, 2] }] } },
];
const ID: Claimed = [
  { ...COMMON, aud: CLIENT_ID, nonce: NONCE, auth_time: NOW - 20, sid: 's', name: 'Alice' },
  { ...COMMON, aud: [CLIENT_ID, API], azp: CLIENT_ID, nonce: NONCE, auth_time: NOW, groups: ['a', 'b'] },
];
const EVENTS = { 'http://schemas.openid.net/event/backchannel-logout': {} };
const LOGOUT: Claimed = [
  { ...COMMON, aud: CLIENT_ID, jti: 'j', sid: 's', events: EVENTS },
  { ...COMMON, aud: [CLIENT_ID], jti: 'k', events: EVENTS },
];

/** Counts the tokens that had a good signature: what comes next are the claims, the last stage. */
class WatchedSignatures extends SignatureVerifier {
  verified = 0;

  override async presented(
    ...parts: Parameters<SignatureVerifier['presented']>
  ): Promise<VerifiedJws | BadSignatureError> {
    const outcome = await super.presented(...parts);
    if (!(outcome instanceof BadSignatureError)) this.verified += 1;
    return outcome;
  }

  override async received(token: string, maxLength: number): Promise<VerifiedJws> {
    const jws = await super.received(token, maxLength);
    this.verified += 1;
    return jws;
  }
}

interface Kind {
  readonly name: string;
  readonly types: readonly [string | undefined, ...(string | undefined)[]];
  readonly claims: Claimed;
  /** The error that is documented. */
  readonly refusal: new (...parts: never[]) => Error;
}

/** Verifies and looks at what was accepted. */
type Verify = (token: string, signatures: WatchedSignatures) => Promise<void>;

function campaign({ name, types, claims, refusal }: Kind, verify: Verify): Campaign<string> {
  const { provider } = ROOMS;
  const signatures = new WatchedSignatures(provider);
  const headerOf = (random: Random): Claims => ({ alg: 'EdDSA', kid: 'key-1', typ: random.pick(types) });
  return {
    name,
    make(random) {
      const [header, payload] = [headerOf(random), random.pick(claims)];
      const way = random.below(10);
      if (way < 6) return signed(JSON.stringify(header), mutateJson(payload, random));
      if (way < 8) return signed(mutateJson(header, random), JSON.stringify(payload));
      const valid = signed(JSON.stringify(header), JSON.stringify(payload));
      return mutateText(valid, random, signed(JSON.stringify(header), JSON.stringify(random.pick(claims))));
    },
    async take(token) {
      const { verified } = signatures;
      try {
        await verify(token, signatures);
      } catch (error) {
        if (!(error instanceof refusal)) throw error;
      }
      return signatures.verified > verified;
    },
  };
}

const ROOMS = roomsFor();

function demand(fact: boolean, what: string): void {
  if (!fact) throw new Error(`accepted ${what}`);
}

const isSubject = (subject: unknown): boolean => typeof subject === 'string' && subject !== '' && subject.length <= 255;

describe('a token that is almost right', () => {
  it(
    'is verified as an access token, or refused as one',
    async () => {
      const { provider, clock, events } = ROOMS;
      const kind = {
        name: 'access token',
        types: ['at+jwt', 'JWT', undefined],
        claims: ACCESS,
        refusal: InvalidTokenException,
      } as const;
      const figures = await run(
        campaign(kind, async (token, signatures) => {
          const verifier = new AccessTokenVerifier(provider, signatures, { clock, events });
          const outcome = await verifier.verify(new PresentedToken(token));
          if (outcome instanceof InvalidTokenException) throw outcome;
          const { verified } = outcome;
          demand(verified.issuer === ISSUER && isSubject(verified.subject), 'another identity');
          demand(verified.expiresAt > NOW - 60 && verified.expiresAt < NOW + 34_560_001, 'other times');
          demand(
            [...verified.scopes].every((scope) => typeof scope === 'string'),
            'scopes that are no strings',
          );
        }),
      );
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );

  it(
    'is verified as an ID Token, or refused as one',
    async () => {
      const { provider, clock } = ROOMS;
      const kind = { name: 'ID Token', types: ['JWT', undefined], claims: ID, refusal: InvalidIdTokenError } as const;
      const figures = await run(
        campaign(kind, async (token, signatures) => {
          const expectations = { nonce: NONCE, accessToken: ACCESS_TOKEN, maxAge: 3600 };
          const verified = await new IdTokenVerifier(provider, signatures, clock).verify(token, expectations);
          demand(verified.issuer === ISSUER && isSubject(verified.subject), 'another identity');
          demand(verified.claims['nonce'] === NONCE, 'another nonce');
        }),
      );
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );

  it(
    'is verified as a logout token, or refused as one',
    async () => {
      const { provider, clock } = ROOMS;
      const kind = {
        name: 'logout token',
        types: ['logout+jwt', undefined],
        claims: LOGOUT,
        refusal: InvalidLogoutTokenError,
      } as const;
      const figures = await run(
        campaign(kind, async (token, signatures) => {
          const verified = await new LogoutTokenVerifier(provider, signatures, clock).verify(token);
          demand(verified.issuer === ISSUER && typeof verified.jti === 'string', 'another issuer');
          demand(verified.subject === undefined || isSubject(verified.subject), 'another subject');
          demand(verified.subject !== undefined || verified.providerSessionId !== undefined, 'nobody');
        }),
      );
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});
