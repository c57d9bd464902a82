/** Measures servers against each other: all alive at once, one loaded at a time, short slices in an order that rotates and reverses. */
import { run } from './load.mjs';
import { countOf, median, quantile, spread } from './statistics.mjs';

const WARM_UP_MS = 1000;

/**
 * Ratios are taken within a round, between slices that are seconds apart: the machine's own changes fall out.
 * `ringOf` gives the requests of a server, `against` names the variants to compare with, `onSlice` sees each server after each slice.
 */
export async function measure({ children, ringOf, against, slices, sliceMs, onSlice, warmUpMs = WARM_UP_MS }) {
  const rings = new Map();
  const samples = new Map(children.map((child) => [child.variant.id, []]));
  for (const child of children) {
    rings.set(child, await ringOf(child));
    await run({ port: child.port, ring: rings.get(child), ms: warmUpMs });
    await child.ask('settle');
    await run({ port: child.port, ring: rings.get(child), ms: WARM_UP_MS });
    await onSlice?.(child, true);
  }
  for (let round = 0; round < slices; round += 1) {
    for (const child of inTurn(children, round)) {
      samples.get(child.variant.id).push(await slice(child, rings.get(child), sliceMs));
      await onSlice?.(child, false);
    }
  }
  return children.map(({ variant }) => summarise(variant, samples, against));
}

async function slice(child, ring, ms) {
  const before = await child.ask('cpu');
  const result = await run({ port: child.port, ring, ms });
  const after = await child.ask('cpu');
  return { ...result, cpu: (after.user + after.system - before.user - before.system) / result.count };
}

function inTurn(children, round) {
  const start = round % children.length;
  const order = [...children.slice(start), ...children.slice(0, start)];
  return round % 2 === 0 ? order : order.reverse();
}

function summarise({ id, expected = '200' }, samples, against) {
  const own = samples.get(id);
  const others = against.filter((other) => samples.has(other));
  const of = (member) => median(own.map((sample) => sample[member]));
  return {
    variant: id,
    rate: spread(own.map(({ rate }) => rate)),
    ...{ cpu: leastCpu(own), p50: of('p50'), p99: of('p99') },
    unexpected: own.reduce((sum, { statuses }) => sum + countOf(statuses, (status) => status !== expected), 0),
    ratios: Object.fromEntries(others.map((other) => [other, ratio(own, samples.get(other))])),
  };
}

/** Of requests per second, and, which other work on the machine disturbs less, of requests per second of CPU time of the server. */
function ratio(own, other) {
  return {
    ...spread(own.map(({ rate }, round) => rate / other[round].rate)),
    byCpu: leastCpu(other) / leastCpu(own),
  };
}

/** CPU time per request in the best tenth of the slices: what other work on the machine disturbed least. */
const leastCpu = (samples) =>
  quantile(
    samples.map(({ cpu }) => cpu),
    0.1,
  );
