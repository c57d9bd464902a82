/** Heap after 100,000 distinct tokens, each presented twice, and after as many sessions. */
import { withServers } from '../lib/child.mjs';
import { sendEach, wire } from '../lib/load.mjs';
import { countOf } from '../lib/statistics.mjs';
import { tokenSet } from './throughput.mjs';

const COUNT = 100_000;
const BATCH = 1000;
const MIB = 2 ** 20;

const VARIANTS = [
  { id: 'unguarded', peer: 'unguarded', what: 'tokens' },
  { id: 'jose', peer: 'jose', what: 'tokens' },
  { id: 'ours', peer: 'ours', what: 'tokens' },
  { id: 'ours, sealed cookies', peer: 'ours', what: 'sessions' },
  { id: 'ours, store in memory', peer: 'ours', what: 'sessions', options: { custody: 'store' } },
];

export function runMemory({ issuer, adapter }) {
  const settings = { adapter, context: issuer.context };
  const set = tokenSet(issuer);
  return withServers(settings, VARIANTS, async (children) => {
    const rows = [];
    for (const child of children) rows.push(await growth(child, issuer, set));
    return rows;
  });
}

async function growth(child, issuer, set) {
  await present(child, issuer, set);
  const before = await child.ask('heap');
  let refused = 0;
  for (let sent = 0; sent < COUNT; sent += BATCH) {
    const { statuses } = await present(child, issuer, set);
    refused += countOf(statuses, (status) => status !== '200');
  }
  const after = await child.ask('heap');
  const [heap, rss] = ['heapUsed', 'rss'].map((member) => (after[member] - before[member]) / MIB);
  return { variant: child.variant.id, presented: `${COUNT} ${child.variant.what}`, heap, rss, unexpected: refused };
}

/** ES256, which signs fast; sessions share their tokens and differ in all else. */
async function present(child, issuer, set) {
  if (child.variant.what === 'tokens') {
    const requests = Array.from({ length: BATCH }, () =>
      wire({ Authorization: `Bearer ${issuer.accessToken({ alg: 'ES256' })}` }),
    );
    // what comes once is not remembered
    await sendEach({ port: child.port, requests });
    return sendEach({ port: child.port, requests });
  }
  const cookies = await child.ask('seed', Array(BATCH).fill(set));
  return sendEach({ port: child.port, requests: cookies.map((cookie) => wire({ Cookie: cookie })) });
}
