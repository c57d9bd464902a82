/** What our guard has to reach, as the page says it: each target with what the last run measured. */

const rowOf = ({ rows } = {}, id, trouble) =>
  rows?.find((row) => row.variant === id && (trouble === undefined || row.trouble === trouble));
const ratio =
  (group, against, id = 'ours') =>
  (results, adapter) =>
    rowOf(results[`${group}/${adapter}`], id)?.ratios[against]?.median;
const ahead = (results, adapter) => {
  const rows = results[`hot/${adapter}`]?.rows;
  const rates = rows?.filter(({ variant }) => !['ours', 'unguarded', 'empty-guard'].includes(variant));
  return rates && rowOf({ rows }, 'ours').rate.median / Math.max(...rates.map(({ rate }) => rate.median));
};
const inTrouble = (trouble, member) => (results, adapter) =>
  rowOf(results[`trouble/${adapter}`], 'ours', trouble)?.[member];

const BOTH = ['fastify', 'express'];
const DOWN = 'provider down for an hour';
const BAD_KIDS = '1,000 bad kids per second';

const TARGETS = [
  { what: 'hot token, of unguarded', on: ['fastify'], least: 0.82, of: ratio('hot', 'unguarded') },
  { what: 'hot token, of unguarded', on: ['express'], least: 0.88, of: ratio('hot', 'unguarded') },
  { what: 'hot token, of the fastest other guard', on: BOTH, least: 1, of: ahead },
  { what: '10,000 tokens in turn, of unguarded', on: ['fastify'], least: 0.77, of: ratio('turn', 'unguarded') },
  { what: 'cold RS256, of a bare jose guard', on: BOTH, least: 0.95, of: ratio('cold', 'jose') },
  { what: 'cold RS256, of passport-jwt + jwks-rsa', on: ['fastify'], least: 2, of: ratio('cold', 'passport-jwt') },
  { what: 'invalid signatures, of a bare jose guard', on: BOTH, least: 0.95, of: ratio('invalid', 'jose') },
  { what: 'unknown kids, of refusing everybody', on: BOTH, least: 0.9, of: ratio('kids', 'reject') },
  { what: 'p99 of good tokens beside bad kids, of calm', on: BOTH, most: 1.5, of: inTrouble(BAD_KIDS, 'p99Ratio') },
  { what: 'sealed-cookie session, of unguarded', on: ['fastify'], least: 0.6, of: ratio('sealed', 'unguarded') },
  {
    what: 'store session in memory, of unguarded',
    on: BOTH,
    least: 0.6,
    of: ratio('store', 'unguarded', 'ours, in memory'),
  },
  { what: 'failed requests while the provider is down', on: BOTH, most: 0, of: inTrouble(DOWN, 'unexpected') },
  { what: 'failed requests while keys rotate', on: BOTH, most: 0, of: inTrouble('keys rotate', 'unexpected') },
  {
    what: 'heap MiB after 100,000 tokens',
    on: BOTH,
    most: 64,
    of: (results, adapter) => rowOf(results[`memory/${adapter}`], 'ours')?.heap,
  },
];

/** Rows of a table; what was not measured is left out. */
export function targetRows(results) {
  return TARGETS.flatMap(({ what, on, least, most, of }) =>
    on.flatMap((adapter) => {
      const measured = of(results, adapter);
      if (measured === undefined) return [];
      const isReached = least === undefined ? measured <= most : measured >= least;
      const wanted = least === undefined ? `at most ${most}` : `at least ${least}`;
      return [{ target: what, adapter, wanted, measured, reached: isReached ? 'yes' : '**no**' }];
    }),
  );
}
