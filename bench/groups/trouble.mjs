/** Good tokens while something is wrong: the provider is down, its keys rotate, or 1,000 bad `kid`s per second arrive. */
import { randomUUID } from 'node:crypto';
import { withServers } from '../lib/child.mjs';
import { drip, Ring, run, wire } from '../lib/load.mjs';
import { countOf, median } from '../lib/statistics.mjs';

const BAD_PER_SECOND = 1000;
const BAD_KIDS = 10_000;
const OUTAGE_MS = 3_600_000;
const MINUTE_MS = 60_000;

const VARIANTS = ['ours', 'jose-remote', 'passport-jwt'].map((id) => ({ id, peer: id, hasMovableClock: true }));
const bearer = (token) => wire({ Authorization: `Bearer ${token}` });

/** Each makes trouble for one slice, in which `load` runs, and ends it. */
const TROUBLES = {
  /** The clock goes on with each slice, so that all of them together are an hour; then the provider is back. */
  'provider down for an hour': {
    async slice({ child, issuer, slices, load }) {
      issuer.isDown = true;
      await child.ask('advance', OUTAGE_MS / slices);
      const result = await load(new Ring([bearer(issuer.accessToken())]));
      issuer.isDown = false;
      return result;
    },
  },
  /** Half of the requests come with a token of the key that the provider has just begun to use. */
  'keys rotate': {
    async slice({ child, issuer, load }) {
      await child.ask('advance', MINUTE_MS);
      const old = issuer.accessToken();
      issuer.rotate();
      return load(new Ring([bearer(old), bearer(issuer.accessToken())]));
    },
  },
  '1,000 bad kids per second': {
    // made before anything is measured, since whoever makes and sends them also plays the provider and measures
    prepare: ({ issuer }) =>
      new Ring(Array.from({ length: BAD_KIDS }, () => bearer(issuer.forged({ kid: randomUUID() })))),
    async slice({ child, issuer, load, prepared }) {
      const ended = new AbortController();
      const bad = drip({ port: child.port, ring: prepared, perSecond: BAD_PER_SECOND, signal: ended.signal });
      const result = await load(new Ring([bearer(issuer.accessToken())]));
      ended.abort();
      await bad;
      return result;
    },
  },
};

export function runTrouble({ issuer, adapter, slices, sliceMs }) {
  return withServers({ adapter, context: issuer.context }, VARIANTS, async (children) => {
    const rows = [];
    for (const [trouble, { prepare, slice }] of Object.entries(TROUBLES)) {
      const prepared = prepare?.({ issuer });
      const settings = { issuer, trouble, prepared, slice, slices, sliceMs };
      for (const child of children) rows.push(await inTrouble({ ...settings, child }));
    }
    return rows;
  });
}

async function inTrouble({ child, issuer, trouble, prepared, slice, slices, sliceMs }) {
  const calm = [];
  const troubled = [];
  const load = (ring) => run({ port: child.port, ring, ms: sliceMs });
  // the keys may have changed under another guard: every guard may ask for them again after a minute
  await child.ask('advance', MINUTE_MS);
  await load(new Ring([bearer(issuer.accessToken())]));
  await child.ask('settle');
  await load(new Ring([bearer(issuer.accessToken())]));
  issuer.resetFetches();
  for (let round = 0; round < slices; round += 1) {
    calm.push(await load(new Ring([bearer(issuer.accessToken())])));
    troubled.push(await slice({ child, issuer, slices, load, prepared }));
  }
  const ratio = (member) => median(troubled.map((values, round) => values[member] / calm[round][member]));
  return {
    ...{ trouble, variant: child.variant.id, rate: median(troubled.map(({ rate }) => rate)) },
    ...{ rateRatio: ratio('rate'), p99: median(troubled.map(({ p99 }) => p99)), p99Ratio: ratio('p99') },
    ...{ fetches: issuer.fetches, unexpected: failures(troubled), calmUnexpected: failures(calm) },
  };
}

function failures(results) {
  return results.reduce((sum, { statuses }) => sum + countOf(statuses, (status) => status !== '200'), 0);
}
