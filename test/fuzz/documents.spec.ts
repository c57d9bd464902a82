/** What the provider publishes and answers, changed where it is still JSON and where it is not, and signed with the right key where it is signed. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ProviderUnavailableException } from '../../libs/oidc-token-reuse/src/errors/exceptions.js';
import { OidcException } from '../../libs/oidc-token-reuse/src/errors/oidc.exception.js';
import { ClientCredentials } from '../../libs/oidc-token-reuse/src/provider/client-credentials.js';
import { isJsonObject, MalformedDocumentError } from '../../libs/oidc-token-reuse/src/provider/json.js';
import { LastGood } from '../../libs/oidc-token-reuse/src/provider/last-good.js';
import { MetadataSource } from '../../libs/oidc-token-reuse/src/provider/metadata.source.js';
import { ProtocolClient } from '../../libs/oidc-token-reuse/src/provider/protocol.client.js';
import { ProviderFetch } from '../../libs/oidc-token-reuse/src/provider/provider-fetch.js';
import { parseJwkSet } from '../../libs/oidc-token-reuse/src/provider/jwk-set.js';
import { ProviderRefusal, UnacceptableAnswerError } from '../../libs/oidc-token-reuse/src/provider/provider-refusal.js';
import { UnacceptableClaimError } from '../../libs/oidc-token-reuse/src/verification/claims.js';
import { NOW } from '../../libs/oidc-token-reuse/test/session/support.js';
import { principalOf } from '../../libs/oidc-token-reuse/test/support.js';
import { CAMPAIGN_TIMEOUT_MS, run } from './support/campaign.js';
import { CLIENT_ID, ISSUER, JWK_OF_KEY, METADATA, roomsFor, signed } from './support/issuer.js';
import { mutateJson } from './support/mutate-json.js';
import { mutateText } from './support/mutate.js';
import type { Random } from './support/random.js';

/** A body and what its headers say of it. */
interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const JSON_TYPE = 'application/json';
const TYPES: [string, ...string[]] = [
  JSON_TYPE,
  JSON_TYPE,
  JSON_TYPE,
  'application/json; charset=utf-8',
  'text/html',
  '',
];

function ignore(): void {
  // Nobody is told.
}

function responseOf({ status, headers, body }: Answered): Response {
  return new Response(status === 204 ? null : body, { status, headers });
}

function isProviderFailure(error: unknown): boolean {
  return [ProviderRefusal, ProviderUnavailableException, UnacceptableAnswerError].some(
    (Failure) => error instanceof Failure,
  );
}

/** Header values as `fetch` can hand them out: bytes, without line ends and NUL. */
function headerValue(text: string): string {
  return text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?').trim();
}

describe('a JWK Set that is almost right', () => {
  const published = (key: ReturnType<typeof generateKeyPairSync>['publicKey'], more: object): object => ({
    ...key.export({ format: 'jwk' }),
    ...more,
  });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
  const keys = [
    published(rsa.publicKey, { kid: 'rsa', use: 'sig', alg: 'RS256', x5c: ['MIIC'], issuer: ISSUER }),
    published(p256.publicKey, { kid: 'p256', key_ops: ['verify'] }),
    published(p521.publicKey, { kid: 'p521', use: 'sig', alg: 'ES512' }),
    { ...JWK_OF_KEY },
  ];

  it(
    'is a set of usable keys, or refused',
    async () => {
      const figures = await run<string>({
        name: 'JWK Set',
        make(random) {
          const [key, other] = [keys[random.below(keys.length)] ?? {}, keys[random.below(keys.length)] ?? {}];
          if (random.chance(20)) return mutateJson({ keys: [key, other] }, random);
          const changed = mutateJson({ ...key }, random);
          const text = `{"keys":[${random.chance(30) ? `${JSON.stringify(other)},` : ''}${changed}]}`;
          return random.chance(10) ? mutateText(text, random) : text;
        },
        async take(text) {
          try {
            const set = await parseJwkSet(text);
            if (set.keys.length === 0 || set.keys.some(({ thumbprint }) => thumbprint === ''))
              throw new Error('no key');
            return true;
          } catch (error) {
            if (!(error instanceof MalformedDocumentError)) throw error;
            return error.message === 'a JWK Set without a usable signing key';
          }
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});

describe('a discovery document that is almost right', () => {
  const REQUEST = {
    redirect_uri: 'https://app.example.com/auth/callback',
    scope: 'openid',
    response_type: 'code',
    state: 's',
  };

  it(
    'is used for a sign-in and a sign-out, or refused',
    async () => {
      let answer: Answered | undefined;
      const rooms = roomsFor((url) =>
        answer !== undefined && url.includes('/.well-known/') ? responseOf(answer) : undefined,
      );
      const { clock, provider } = rooms;
      const lastGood = new LastGood(provider.cache, { clock, secrets: rooms.options.sessionSecrets, owner: 'fuzz' });
      const shared = { clock, lastGood, timeout: rooms.options.httpTimeout, onFailing: ignore };
      const credentials = new ClientCredentials(rooms);
      const figures = await run<Answered>({
        name: 'discovery document',
        make: (random) => ({
          status: random.chance(98) ? 200 : 404,
          headers: { 'content-type': random.chance(95) ? JSON_TYPE : random.pick(TYPES) },
          body: mutateJson({ ...METADATA, require_pushed_authorization_requests: random.chance(20) }, random),
        }),
        async take(next) {
          answer = next;
          // New ones for each: a failure makes them wait.
          const fetch = new ProviderFetch({ ...rooms.options, clock, onDown: ignore, onUp: ignore });
          const metadata = new MetadataSource({ ...rooms.options, ...shared, fetch });
          const client = new ProtocolClient({ options: rooms.options, metadata, fetch, credentials });
          try {
            const url = await client.authorizationUrl(REQUEST);
            const logout = client.endSessionUrl({ client_id: CLIENT_ID });
            if ([url, logout].some((each) => each !== undefined && each.protocol !== 'https:'))
              throw new Error('not https');
          } catch (error) {
            if (!isProviderFailure(error)) throw error;
          } finally {
            metadata.close();
          }
          return metadata.known !== undefined;
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});

describe('a UserInfo response that is almost right', () => {
  const CLAIMS = {
    sub: 'alice',
    name: 'Alice',
    email: 'alice@example.com',
    address: { locality: 'Bern' },
    groups: ['a', 'b'],
  };
  const SIGNED = { ...CLAIMS, iss: ISSUER, aud: CLIENT_ID, iat: NOW, exp: NOW + 300 };
  const HEADER = JSON.stringify({ alg: 'EdDSA', kid: 'key-1' });

  function make(random: Random): Answered {
    const status = random.chance(97) ? 200 : random.pick([204, 400, 401, 403, 404]);
    if (random.chance(40)) return answered(status, 'application/jwt', signedAnswer(random));
    return answered(status, random.chance(90) ? JSON_TYPE : random.pick(TYPES), mutateJson(CLAIMS, random));
  }

  function signedAnswer(random: Random): string {
    return random.chance(80)
      ? signed(HEADER, mutateJson(SIGNED, random))
      : mutateText(signed(HEADER, JSON.stringify(SIGNED)), random);
  }

  function answered(status: number, type: string, body: string): Answered {
    return { status, headers: { 'content-type': type }, body };
  }

  /** The claims, of which `sub` comes last. */
  function isAboutClaims(error: OidcException): boolean {
    let current: unknown = error;
    while (current instanceof Error) {
      if (current instanceof UnacceptableClaimError || current.message.includes('another subject')) return true;
      current = current.cause;
    }
    return false;
  }

  it(
    'gives the claims of the end-user, or a documented error',
    async () => {
      let answer = answered(200, JSON_TYPE, '{}');
      const { userInfo } = roomsFor((url) => (url === METADATA.userinfo_endpoint ? responseOf(answer) : undefined));
      const figures = await run<Answered>({
        name: 'UserInfo response',
        make,
        async take(next) {
          answer = next;
          try {
            const claims = await userInfo.fetch(principalOf({ issuer: ISSUER }));
            if (!isJsonObject(claims) || claims['sub'] !== 'alice') throw new Error('claims of somebody else');
            return true;
          } catch (error) {
            if (!(error instanceof OidcException) || error.getStatus() === 500) throw error;
            return isAboutClaims(error);
          }
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});

describe('a challenge of the provider that is almost right', () => {
  const CHALLENGES: [string, ...string[]] = [
    'Bearer realm="a", error="invalid_token", error_description="The access token \\"expired\\""',
    'Basic realm="token endpoint", charset="UTF-8"',
    'DPoP algs="ES256 PS256", error="use_dpop_nonce", Bearer error=invalid_token',
    'Negotiate YII=, Bearer',
  ];

  it(
    'is a refusal, or an outage',
    async () => {
      let value = '';
      const { provider } = roomsFor((url) =>
        url === METADATA.revocation_endpoint
          ? new Response('{}', { status: 401, headers: { 'www-authenticate': value, 'content-type': JSON_TYPE } })
          : undefined,
      );
      const figures = await run<string>({
        name: 'WWW-Authenticate, read',
        make: (random) => headerValue(mutateText(random.pick(CHALLENGES), random, random.pick(CHALLENGES))),
        async take(next) {
          value = next;
          try {
            await provider.client.revoke('a-refresh-token', 'refresh_token');
            throw new Error('revoked nothing');
          } catch (error) {
            if (!isProviderFailure(error)) throw error;
            return error instanceof ProviderRefusal;
          }
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});
