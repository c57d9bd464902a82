// `npm run test:defences [-- name…]`: takes each defence away in a copy of the tree and demands that its test notices.
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runNamedTests, TestName } from './lib/named-tests.mjs';
import { WorkingCopy } from './lib/working-copy.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PATCHES = join(ROOT, 'test/defences');
const COPIES = 2;

/** The header above the diff; see test/defences/README.md. */
function readDefence(file) {
  const path = join(PATCHES, file);
  const [header] = readFileSync(path, 'utf8').split(/^(?:diff |--- )/m);
  const field = (name) => {
    const value = new RegExp(`^${name}: *(.+?) *$`, 'm').exec(header)?.[1];
    if (value === undefined) throw new Error(`${file}: no line "${name}: …" above the diff`);
    return value;
  };
  return {
    name: basename(file, '.patch'),
    path,
    says: field('Defence'),
    spec: field('Test'),
    test: new TestName(field('Name')),
  };
}

/** What is wrong with the tests as they stand, by defence; the tests of one file run together. */
async function faultsUnpatched(copies, defences) {
  const faults = new Map();
  const specs = new Set(defences.map(({ spec }) => spec));
  await share(copies, specs, async (copy, spec) => {
    const group = defences.filter((defence) => defence.spec === spec);
    const run = await runNamedTests({ root: copy.root, spec, names: group.map(({ test }) => test) });
    for (const defence of group) {
      const named = run.tests.filter(defence.test.matches);
      if (named.length === 0) faults.set(defence, `${spec} has no such test or cannot be loaded\n${run.output}`);
      else if (named.some(({ status }) => status !== 'passed'))
        faults.set(defence, `its test fails already\n${run.output}`);
    }
  });
  return faults;
}

/** What is wrong with one defence: undefined when its test fails without it. */
async function faultPatched(copy, { path, spec, test }) {
  try {
    copy.apply(path);
  } catch (error) {
    return `the patch does not apply\n${error.message}`;
  }
  try {
    const run = await runNamedTests({ root: copy.root, spec, names: [test], stopAtFailure: true });
    const began = run.tests.filter((each) => test.matches(each) && each.began);
    if (began.length === 0) return `without the defence its test never began\n${run.output}`;
    if (began.every(({ status }) => status === 'passed')) return 'nothing failed without the defence';
  } finally {
    copy.revert(path);
  }
}

/** Hands the items out to the copies, each copy working on one at a time. */
async function share(copies, items, work) {
  const queue = [...items];
  await Promise.all(
    copies.map(async (copy) => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(copy, item);
    }),
  );
}

async function check(defences, copies) {
  let passed = 0;
  const report = (defence, fault) => {
    if (fault === undefined) passed += 1;
    console.log(`${fault === undefined ? 'ok  ' : 'FAIL'} ${defence.name}: ${fault ?? defence.says}`);
  };
  const faults = await faultsUnpatched(copies, defences);
  for (const [defence, fault] of faults) report(defence, fault);
  const sound = defences.filter((defence) => !faults.has(defence));
  await share(copies, sound, async (copy, defence) => report(defence, await faultPatched(copy, defence)));
  return passed;
}

const wanted = process.argv.slice(2).map((argument) => basename(argument, '.patch'));
const defences = readdirSync(PATCHES)
  .filter((file) => file.endsWith('.patch'))
  .map(readDefence)
  .filter(({ name }) => wanted.length === 0 || wanted.includes(name));

const copies = [];
process.once('exit', () => copies.forEach((copy) => copy.remove()));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
while (copies.length < Math.min(COPIES, defences.length)) copies.push(new WorkingCopy(ROOT));

const passed = await check(defences, copies);
process.exitCode = passed > 0 && passed === defences.length ? 0 : 1;
console.log(`${passed} passed, ${defences.length - passed} failed`);
