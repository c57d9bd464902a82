/** Shows results as tables of Markdown, keeps them as JSON, and draws the chart of the documentation. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { chart } from './chart.mjs';
import { targetRows } from './targets.mjs';

const fileOf = (path) => fileURLToPath(new URL(`../../docs/${path}`, import.meta.url));
const RESULTS = fileOf('performance.json');
const CHART = fileOf('performance.svg');
const PAGE = fileOf('performance.md');
const BEGIN = '<!-- bench: begin -->';
const END = '<!-- bench: end -->';

const whole = (value) => Math.round(value).toLocaleString('en');
const fine = (value) => value.toFixed(2);
const around = (show) => (value) =>
  typeof value === 'object' ? `${show(value.median)} (${show(value.low)}-${show(value.high)})` : show(value);

/** How each member of a row is named and shown; what a group has not measured has no column. */
const COLUMNS = {
  target: ['target', String],
  adapter: ['adapter', String],
  wanted: ['wanted', String],
  measured: ['measured', fine],
  reached: ['reached', String],
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

/** Keeps the newest result of every group beside the others, and shows all of them on the page. */
export async function keep(key, result) {
  const known = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {};
  const results = { ...known, [key]: result };
  writeFileSync(RESULTS, await format(JSON.stringify(results), { parser: 'json', printWidth: 120 }));
  const drawn = ['hot/fastify', 'hot/express'].filter((name) => results[name] !== undefined);
  if (drawn.length > 0) writeFileSync(CHART, chart(drawn.map((name) => [name, results[name]])));
  await show(results);
}

async function show(results) {
  const page = readFileSync(PAGE, 'utf8');
  const [before, rest] = page.split(BEGIN);
  const [, after] = rest.split(END);
  const targets = targetRows(results);
  const shown = [
    'All figures: [performance.json](performance.json).',
    ...(existsSync(CHART) ? ['![One hot token, as a share of the unguarded route](performance.svg)'] : []),
    ...(targets.length > 0 ? ['### Targets', table(targets)] : []),
    ...Object.entries(results).flatMap(block),
  ];
  const text = `${before}${[BEGIN, ...shown, END].join('\n\n')}${after}`;
  writeFileSync(PAGE, await format(text, { parser: 'markdown', printWidth: 120 }));
}

function block([key, { title, date, machine, slices, sliceMs, rows }]) {
  const { processor, cores, memory, node, pinned } = machine;
  const pinning = pinned ? 'server and load on a core each' : 'not pinned';
  const where = `${processor}, ${cores} cores, ${memory}, Node ${node}, ${pinning}; ${slices} slices of ${sliceMs} ms`;
  return [`### ${title}, ${key.split('/')[1]}`, table(rows), `${date.slice(0, 10)}, ${where}.`];
}
