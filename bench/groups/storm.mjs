/** A refresh storm: many sessions whose access token has just expired, each used by several requests at once. */
import { createTestProvider } from 'nestjs-oidc-token-reuse-testing';
import { Child } from '../lib/child.mjs';
import { sendEach, wire } from '../lib/load.mjs';
import { countOf, median } from '../lib/statistics.mjs';

const SESSIONS = 100;
const REQUESTS = 5;
const ROUNDS = 3;

export async function runStorm({ adapter }) {
  const provider = await createTestProvider();
  const context = { issuer: provider.issuer, audience: provider.audience, ...provider.client };
  const rows = [];
  for (const custody of ['cookie', 'store']) {
    const variant = { id: `ours, ${custody}`, peer: 'ours', options: { custody } };
    const child = await Child.start({ variant, adapter, context });
    try {
      rows.push({ variant: variant.id, ...(await storms(child, provider)) });
    } finally {
      await child.stop();
    }
  }
  await provider.close();
  return rows;
}

async function storms(child, provider) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await storm(child, provider));
  const of = (member) => median(rounds.map((values) => values[member]));
  const unexpected = rounds.reduce((sum, values) => sum + values.refused, 0);
  return {
    sessions: SESSIONS,
    requests: SESSIONS * REQUESTS,
    ms: of('ms'),
    p50: of('p50'),
    p99: of('p99'),
    redemptions: of('redemptions'),
    unexpected,
  };
}

async function storm(child, provider) {
  const sets = [];
  for (let index = 0; index < SESSIONS; index += 1) sets.push(expired(await provider.login(), provider.issuer));
  const cookies = await child.ask('seed', sets);
  const requests = cookies.flatMap((cookie) => Array(REQUESTS).fill(wire({ Cookie: cookie })));
  const before = provider.requests.count('token', { grant: 'refresh_token' });
  const start = performance.now();
  const { p50, p99, statuses } = await sendEach({ port: child.port, requests });
  const ms = performance.now() - start;
  const redemptions = provider.requests.count('token', { grant: 'refresh_token' }) - before;
  return { ms, p50, p99, redemptions, refused: countOf(statuses, (status) => status !== '200') };
}

function expired({ access_token: accessToken, id_token: idToken, refresh_token: refreshToken }, issuer) {
  const { sub: subject } = JSON.parse(Buffer.from(idToken.split('.')[1], 'base64url'));
  return { issuer, subject, accessToken, idToken, refreshToken, expiresAt: Math.floor(Date.now() / 1000) - 1 };
}
