/** Groups that compare guards on one mix of requests. */
import { randomUUID } from 'node:crypto';
import { withServers } from '../lib/child.mjs';
import { Ring, wire } from '../lib/load.mjs';
import { withRedis } from '../lib/redis.mjs';
import { measure } from '../lib/slices.mjs';

const TURN = 10_000;
/** More than any cache here holds, so that every token that comes again was forgotten. */
const COLD = 24_000;
const INVALID = 10_000;
const SESSIONS = 1000;

const peer = (id, more = {}) => ({ id, peer: id, ...more });
const REFUSED = { expected: '401' };

const EVERY_PEER = [
  ...['unguarded', 'empty-guard', 'ours', 'fast-jwt', 'fastify-jwt', 'node-crypto', 'jose', 'jose-remote'],
  ...['express-oauth2-jwt-bearer', 'passport-jwt', 'nest-oidc', 'nest-keycloak-connect'],
].map((id) => peer(id));
const VERIFIERS = ['unguarded', 'node-crypto', 'jose', 'ours'].map((id) => peer(id));
/** Guards that work on one adapter only. */
const ADAPTERS = { 'fastify-jwt': 'fastify', 'express-oauth2-jwt-bearer': 'express' };

const bearer = (token) => wire({ Authorization: `Bearer ${token}` });
const many = (count, make) => Array.from({ length: count }, () => bearer(make()));

export const THROUGHPUT = {
  hot: {
    title: 'One hot RS256 token',
    variants: EVERY_PEER,
    against: ['unguarded'],
    requests: ({ issuer }) => many(1, () => issuer.accessToken()),
  },
  sid: {
    title: 'One hot RS256 token that names its session at the provider (`sid`)',
    variants: VERIFIERS,
    against: ['unguarded'],
    requests: ({ issuer }) => many(1, () => issuer.accessToken({ sid: randomUUID() })),
  },
  turn: {
    title: '10,000 RS256 tokens in turn',
    // each token has to come twice before it is remembered
    warmUpMs: 4000,
    variants: ['unguarded', 'ours', 'fast-jwt', 'fastify-jwt', 'jose', 'passport-jwt'].map((id) => peer(id)),
    against: ['unguarded'],
    requests: ({ issuer }) => many(TURN, () => issuer.accessToken()),
  },
  cold: {
    title: 'Each RS256 token once',
    variants: [...VERIFIERS, peer('jose-remote'), peer('passport-jwt')],
    against: ['unguarded', 'jose', 'passport-jwt'],
    requests: ({ issuer }) => many(COLD, () => issuer.accessToken()),
  },
  'cold-es256': {
    title: 'Each ES256 token once',
    variants: VERIFIERS,
    against: ['unguarded', 'jose'],
    requests: ({ issuer }) => many(COLD, () => issuer.accessToken({ alg: 'ES256' })),
  },
  'cold-eddsa': {
    title: 'Each EdDSA token once',
    variants: VERIFIERS,
    against: ['unguarded', 'jose'],
    requests: ({ issuer }) => many(COLD, () => issuer.accessToken({ alg: 'EdDSA' })),
  },
  invalid: {
    title: 'Invalid signatures only',
    variants: ['jose', 'reject', 'ours', 'node-crypto', 'fast-jwt', 'passport-jwt'].map((id) => peer(id, REFUSED)),
    against: ['jose', 'reject'],
    requests: ({ issuer }) => many(INVALID, () => issuer.forged()),
  },
  kids: {
    title: 'Every token with another unknown `kid`',
    variants: ['reject', 'ours', 'jose-remote', 'passport-jwt', 'nest-oidc'].map((id) => peer(id, REFUSED)),
    against: ['reject'],
    requests: ({ issuer }) => many(INVALID, () => issuer.forged({ kid: randomUUID() })),
  },
  sealed: {
    title: 'Sealed-cookie session',
    variants: [
      peer('unguarded'),
      peer('ours', { seeds: 1 }),
      peer('ours', { id: 'ours, 1,000 in turn', seeds: SESSIONS }),
    ],
    against: ['unguarded'],
  },
  store: {
    title: 'Session in the shared store',
    needsRedis: true,
    variants: [
      peer('unguarded'),
      peer('ours', { id: 'ours, in memory', seeds: 1, options: { custody: 'store' } }),
      peer('redis-get', { usesRedis: true }),
      peer('ours', { id: 'ours, in Redis', seeds: 1, usesRedis: true, options: { custody: 'store' } }),
    ],
    against: ['unguarded', 'redis-get'],
  },
};

/** Runs one group on one adapter. */
export function runThroughput(group, settings) {
  return group.needsRedis ? withRedis((redisUrl) => compare(group, settings, redisUrl)) : compare(group, settings);
}

async function compare(group, { issuer, adapter, slices, sliceMs, only, flags }, redisUrl) {
  const variants = group.variants
    .filter(({ id }) => (ADAPTERS[id] ?? adapter) === adapter && (only === undefined || only.includes(id)))
    .filter(({ usesRedis }) => !usesRedis || redisUrl !== undefined)
    .map((variant) => (variant.usesRedis ? { ...variant, options: { ...variant.options, redisUrl } } : variant));
  return withServers({ adapter, context: issuer.context, flags }, variants, async (children) => {
    const fetches = new Map(variants.map(({ id }) => [id, 0]));
    const onSlice = ({ variant: { id } }) => {
      fetches.set(id, fetches.get(id) + issuer.fetches);
      issuer.resetFetches();
    };
    const requests = group.requests?.({ issuer }) ?? (await sessionRequests(children, issuer));
    const ringOf = ({ variant }) => new Ring(requests.get?.(variant.id) ?? requests);
    issuer.resetFetches();
    const { against, warmUpMs } = group;
    const rows = await measure({ children, ringOf, against, slices, sliceMs, onSlice, warmUpMs });
    return rows.map((row) => ({ ...row, fetches: fetches.get(row.variant) }));
  });
}

/** Sessions are begun in the application that reads them; who has none gets the cookies of the first that has. */
async function sessionRequests(children, issuer) {
  const requests = new Map();
  for (const child of children.filter(({ variant }) => variant.seeds)) {
    const cookies = await child.ask(
      'seed',
      Array.from({ length: child.variant.seeds }, () => tokenSet(issuer)),
    );
    requests.set(
      child.variant.id,
      cookies.map((cookie) => wire({ Cookie: cookie })),
    );
  }
  const [first] = requests.values();
  for (const { variant } of children) if (!requests.has(variant.id)) requests.set(variant.id, first);
  return requests;
}

/** What a provider answers at login: an access token of 2.2 KB, an ID Token and an opaque refresh token. */
export function tokenSet(issuer) {
  const accessToken = issuer.accessToken();
  const { sub: subject, iss, exp } = JSON.parse(Buffer.from(accessToken.split('.')[1], 'base64url'));
  const idToken = issuer.idToken(subject);
  return { issuer: iss, subject, accessToken, idToken, refreshToken: randomUUID().repeat(8), expiresAt: exp };
}
