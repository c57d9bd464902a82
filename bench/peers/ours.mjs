/** This library, by its package name and as built. */
import { randomUUID } from 'node:crypto';
import { IncomingMessage, ServerResponse } from 'node:http';
import { httpExchange, OidcModule, Secret, SessionService } from 'nestjs-oidc-token-reuse';

export const setUp = async ({ issuer, clientId, clientSecret = 'secret', audience, custody = 'cookie', redisUrl }) => ({
  imports: [
    ...(redisUrl === undefined ? [] : [await redisCache(redisUrl)]),
    OidcModule.forRoot({
      issuer,
      clientId,
      clientSecret,
      custody,
      publicUrl: 'http://localhost:3000',
      audience: [audience],
      sessionSecrets: ['a-session-secret-of-the-benchmark'],
    }),
  ],
});

/** Loaded only where it is used: a cold start without Redis does not pay for it. */
async function redisCache(redisUrl) {
  const [{ createKeyv }, { CacheModule }] = await Promise.all([import('@keyv/redis'), import('@nestjs/cache-manager')]);
  return CacheModule.register({ isGlobal: true, stores: [createKeyv(redisUrl)] });
}

/** Begins sessions without a login, and gives the `Cookie` header of each. */
export async function seed(application, tokens) {
  const sessions = application.get(SessionService, { strict: false });
  const cookies = [];
  for (const set of tokens) {
    const response = new ServerResponse(new IncomingMessage(undefined));
    await sessions.begin(httpExchange(response.req, response), sessionOf(set));
    cookies.push([response.getHeader('set-cookie')].flat().map(pairOf).filter(isFilled).join('; '));
  }
  return cookies;
}

function sessionOf({ issuer, subject, accessToken, idToken, refreshToken, expiresAt }) {
  const now = Math.floor(Date.now() / 1000);
  return {
    ...{ id: randomUUID(), issuer, subject, tenant: undefined, providerSessionId: randomUUID() },
    ...{ startedAt: now * 1000, renewedAt: now, generation: 0 },
    claims: JSON.parse(Buffer.from(idToken.split('.')[1], 'base64url')),
    tokens: {
      ...{ issuedAt: now - 60, expiresAt, refreshExpiresAt: undefined, scope: 'openid' },
      accessToken: new Secret(accessToken),
      refreshToken: new Secret(refreshToken),
      idToken: new Secret(idToken),
    },
  };
}

const pairOf = (line) => line.slice(0, line.indexOf(';'));
const isFilled = (pair) => !pair.endsWith('=');
