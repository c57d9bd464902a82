/** What anybody may write into a request: the Authorization header, the parameters of a form, and where a sign-in shall lead. */
import { parse } from 'node:querystring';
import { describe, expect, it } from '@jest/globals';
import { challenge } from '../../libs/oidc-token-reuse/src/errors/challenge.js';
import { InvalidRequestException } from '../../libs/oidc-token-reuse/src/errors/exceptions.js';
import { OidcException } from '../../libs/oidc-token-reuse/src/errors/oidc.exception.js';
import { bearerCredential, formFault } from '../../libs/oidc-token-reuse/src/guard/credential.js';
import { codeOf, readAuthorizationResponse } from '../../libs/oidc-token-reuse/src/login/authorization-response.js';
import { readLoginRequest } from '../../libs/oidc-token-reuse/src/login/login-request.js';
import { safeReturnTo } from '../../libs/oidc-token-reuse/src/login/return-to.js';
import { OPEN_REDIRECTS } from '../../libs/oidc-token-reuse/test/login/open-redirects.js';
import { jwtOf } from '../../libs/oidc-token-reuse/test/session/support.js';
import { exchangeWith } from '../../libs/oidc-token-reuse/test/support.js';
import { MalformedTokenError } from '../../libs/oidc-token-reuse/src/verification/jws.js';
import { CAMPAIGN_TIMEOUT_MS, run } from './support/campaign.js';
import { ISSUER, roomsFor } from './support/issuer.js';
import { mutateText } from './support/mutate.js';
import type { Random } from './support/random.js';

const TOKEN = jwtOf({ sub: 'alice', scope: 'read write' });

describe('an Authorization header that is almost right', () => {
  const valid = (random: Random): string =>
    random.pick(['Bearer ', 'bearer ', 'BEARER   ']) + random.pick([TOKEN, 'opaque-token_~+/==', 'a']);

  it(
    'holds a bearer token, or none, or is refused with 400',
    async () => {
      const figures = await run<readonly (readonly [string, string])[]>({
        name: 'Authorization header',
        make(random) {
          const value = mutateText(valid(random), random, random.pick(['Basic YTpi', 'DPoP x', valid(random)]));
          const line = ['Authorization', value] as const;
          return random.chance(95) ? [line] : [line, ['authorization', valid(random)]];
        },
        take(headers) {
          try {
            const exchange = exchangeWith(headers);
            const token = bearerCredential(exchange);
            const fault = formFault(exchange, new Error('refused', { cause: new MalformedTokenError('no token') }));
            if (fault !== undefined) throw fault;
            if (token !== undefined && !/^[\w.~+/-]+=*$/.test(token)) throw new Error('accepted what is no token');
            return token !== undefined;
          } catch (error) {
            if (!(error instanceof InvalidRequestException)) throw error;
            return false;
          }
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});

describe('an authorization response that is almost right', () => {
  const RESPONSES: [string, ...string[]] = [
    `code=SplxlOBeZQQYbYS6WxSbIA&state=af0ifjsldkj&iss=${encodeURIComponent(ISSUER)}`,
    'code=a%2Fb%2Bc&state=s&session_state=x.y',
    `error=access_denied&error_description=no%20way&state=s&iss=${encodeURIComponent(ISSUER)}`,
    'error=temporarily_unavailable&state=s',
  ];

  /** As the body parsers of both adapters may hand it out, and as they never should. */
  function parsed(query: string, random: Random): unknown {
    const source: Record<string, unknown> = parse(query);
    if (random.chance(80)) return source;
    const name = random.pick(['code', 'state', 'iss', 'error']);
    const odd = random.pick<unknown>([null, 1, true, [], ['a', 'b'], {}, { a: 'b' }, [['a']], { length: 1 }, '']);
    return random.pick<unknown>([{ ...source, [name]: odd }, { ...source, [name]: odd }, odd, query, undefined]);
  }

  it(
    'gives a code, or a documented error',
    async () => {
      const figures = await run<{ readonly source: unknown }>({
        name: 'form parameters',
        make: (random) => ({
          source: parsed(mutateText(random.pick(RESPONSES), random, random.pick(RESPONSES)), random),
        }),
        take({ source }) {
          let isRead = false;
          try {
            const response = readAuthorizationResponse(source);
            isRead = true;
            const code = codeOf(response, { accepts: (issuer) => issuer === ISSUER, required: false });
            if (typeof code !== 'string' || code === '') throw new Error('accepted no code');
          } catch (error) {
            if (!(error instanceof OidcException) || error.getStatus() === 500) throw error;
          }
          return isRead;
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});

describe('a request for a sign-in that is almost right', () => {
  const { options } = roomsFor();
  const ORIGIN = options.publicUrl();
  const ALLOWED = new Set(['prompt', 'login_hint', 'ui_locales', 'acr_values', 'max_age', 'audience']);
  const ASKED: [string, ...string[]] = [
    'returnTo=%2Freports%3Fyear%3D2026&prompt=login%20consent&login_hint=alice%40example.com&max_age=300',
    'returnTo=/a/b&ui_locales=de%20fr&acr_values=urn:a%20urn:b',
    `iss=${encodeURIComponent(ISSUER)}&target_link_uri=${encodeURIComponent(`${ORIGIN}/reports?a=b#c`)}`,
    `iss=${encodeURIComponent(ISSUER)}&login_hint=a&target_link_uri=${encodeURIComponent(`${ORIGIN}:443/x`)}`,
  ];

  it(
    'leads to a path on the own origin with what is allowed, or is refused with 400',
    async () => {
      const figures = await run<string>({
        name: 'sign-in request',
        make: (random) => mutateText(random.pick(ASKED), random, random.pick([...ASKED, ...OPEN_REDIRECTS])),
        take(query) {
          try {
            const { returnTo, maxAge, parameters } = readLoginRequest(parse(query), options);
            if (safeReturnTo(returnTo) !== returnTo) throw new Error(`leads to ${returnTo}`);
            if (maxAge !== undefined && !(Number.isInteger(maxAge) && maxAge >= 0)) throw new Error('accepted no age');
            const others = Object.keys(parameters).filter((name) => !ALLOWED.has(name));
            if (others.length > 0) throw new Error(`passes on ${others.join()}`);
            return returnTo !== '/';
          } catch (error) {
            if (!(error instanceof InvalidRequestException)) throw error;
            return false;
          }
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});

describe('a return-to that is almost right', () => {
  const BASE = 'https://app.example.com';
  const PATHS: [string, ...string[]] = [
    ...(['/', '/reports?year=2026&q=a%20b#top', '/a/b/../c/./d', '/%E2%82%AC/%2e%2e/x', '/käse?über=1'] as const),
    ...(['/search?next=https://other.example/', '/x:y@z', `/${'a'.repeat(290)}`] as const),
  ];
  const ELSEWHERE: [string, ...string[]] = ['//evil.example', ...OPEN_REDIRECTS];

  it(
    'is a path on the own origin, which stays what it is',
    async () => {
      const figures = await run<string>({
        name: 'return-to',
        make: (random) =>
          mutateText(random.chance(80) ? random.pick(PATHS) : random.pick(ELSEWHERE), random, random.pick(ELSEWHERE)),
        take(value) {
          const path = safeReturnTo(value);
          if (new URL(path, BASE).origin !== BASE || !/^\/(?![/\\])/.test(path)) throw new Error(`leads to ${path}`);
          if (safeReturnTo(path) !== path) throw new Error(`${path} is another when it is looked at again`);
          return path !== '/';
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});

describe('a challenge about anything', () => {
  const WRITTEN = /^Bearer(?: \w+="[\x20\x21\x23-\x5b\x5d-\x7e]*"(?:, \w+="[\x20\x21\x23-\x5b\x5d-\x7e]*")*)?$/;

  it(
    'is written as RFC 6750 says',
    async () => {
      const figures = await run<Readonly<Record<string, string>>>({
        name: 'WWW-Authenticate, written',
        make: (random) =>
          Object.fromEntries(
            ['error', 'error_description', 'scope', 'acr_values', 'claims']
              .filter(() => random.chance(60))
              .map((name) => [name, mutateText('the access token lacks a required scope', random, '"a", b="c"')]),
          ),
        take(parameters) {
          const value = challenge(parameters);
          if (!WRITTEN.test(value)) throw new Error(`not a challenge: ${value}`);
          return value !== 'Bearer';
        },
      });
      expect(figures.reached).toBeGreaterThanOrEqual(20);
    },
    CAMPAIGN_TIMEOUT_MS,
  );
});
