/** Shows results as tables of Markdown, keeps them as JSON, and draws the chart of the documentation. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { chart } from './chart.mjs';

const RESULTS = fileURLToPath(new URL('../results/latest.json', import.meta.url));
const CHART = fileURLToPath(new URL('../../docs/performance.svg', import.meta.url));

const whole = (value) => Math.round(value).toLocaleString('en');
const fine = (value) => value.toFixed(2);
const around = (show) => (value) =>
  typeof value === 'object' ? `${show(value.median)} (${show(value.low)}-${show(value.high)})` : show(value);

/** How each member of a row is named and shown; what a group has not measured has no column. */
const COLUMNS = {
  trouble: ['trouble', String],
  variant: ['guard', String],
  presented: ['presented', String],
  rate: ['req/s', around(whole)],
  rateRatio: ['of its calm rate', fine],
  cpu: ['CPU µs/req', (value) => value.toFixed(1)],
  p50: ['p50 ms', fine],
  p99: ['p99 ms', fine],
  p99Ratio: ['of its calm p99', fine],
  ready: ['ms until it listens', around(whole)],
  more: ['ms more than without', around(whole)],
  heap: ['heap MiB', (value) => value.toFixed(1)],
  rss: ['RSS MiB', (value) => value.toFixed(1)],
  sessions: ['sessions', whole],
  requests: ['requests', whole],
  ms: ['ms in all', whole],
  redemptions: ['refresh requests', whole],
  fetches: ['key fetches', whole],
  unexpected: ['unexpected answers', whole],
  calmUnexpected: ['of those in calm', whole],
};

export function table(rows) {
  const names = Object.keys(rows[0].ratios ?? {});
  const columns = Object.entries(COLUMNS).filter(([member]) => rows.some((row) => row[member] !== undefined));
  const header = [...columns.map(([, [title]]) => title), ...names.flatMap((name) => [`of ${name}`, 'by CPU'])];
  const lines = rows.map((row) => [
    ...columns.map(([member, [, show]]) => (row[member] === undefined ? '' : show(row[member]))),
    ...names.flatMap((name) => [around(fine)(row.ratios[name]), fine(row.ratios[name].byCpu)]),
  ]);
  return [header, header.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Keeps the newest result of every group beside the others. */
export async function keep(key, result) {
  const known = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {};
  const results = { ...known, [key]: result };
  mkdirSync(fileURLToPath(new URL('.', `file://${RESULTS}`)), { recursive: true });
  writeFileSync(RESULTS, await format(JSON.stringify(results), { parser: 'json', printWidth: 120 }));
  const drawn = ['hot/fastify', 'hot/express'].filter((name) => results[name] !== undefined);
  if (drawn.length > 0) writeFileSync(CHART, chart(drawn.map((name) => [name, results[name]])));
}
