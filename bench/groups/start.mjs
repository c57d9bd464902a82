/** Cold start of an application with the module against one without: from `node` to the port it listens on. */
import { Child } from '../lib/child.mjs';
import { spread } from '../lib/statistics.mjs';

const VARIANTS = ['unguarded', 'ours', 'passport-jwt'].map((id) => ({ id, peer: id }));

export async function runStart({ issuer, adapter, slices }) {
  const times = new Map(VARIANTS.map(({ id }) => [id, []]));
  for (let round = 0; round < slices; round += 1) {
    for (const variant of VARIANTS) times.get(variant.id).push(await startOnce({ variant, adapter, issuer }));
  }
  return VARIANTS.map(({ id }) => {
    const more = times.get(id).map((time, round) => time - times.get('unguarded')[round]);
    return { variant: id, ready: spread(times.get(id)), more: spread(more) };
  });
}

async function startOnce({ variant, adapter, issuer }) {
  const start = performance.now();
  const child = await Child.start({ variant, adapter, context: issuer.context });
  const ready = performance.now() - start;
  await child.stop();
  return ready;
}
