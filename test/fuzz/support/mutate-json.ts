/** Breaks JSON documents where they are still JSON: members of another type, gone, renamed, repeated, nested, or larger than life. */
import { mutateText } from './mutate.js';
import type { Random } from './random.js';

type Json = Readonly<Record<string, unknown>>;

const NAMES: [string, ...string[]] = [
  '__proto__',
  'constructor',
  'toString',
  'crit',
  'b64',
  'nonce',
  'events',
  'cnf',
  'tid',
  '',
];

const MAX_LENGTH = 512 * 1024;
/** What is as large as this is not made larger. */
const ENOUGH = 16 * 1024;

/** The text of a document with one to three members changed; now and then broken as text too. */
export function mutateJson(document: Json, random: Random): string {
  let result: Json = document;
  let text = '';
  for (let times = random.pick([1, 1, 1, 2, 3]); times > 0 && text.length < ENOUGH; times -= 1) {
    result = withChange(result, random);
    text = JSON.stringify(result);
  }
  // Larger documents are given up while they are read.
  if (text.length > MAX_LENGTH) return mutateText(JSON.stringify(document), random);
  if (random.chance(3)) return withRepeatedMember(text, random);
  return random.chance(7) ? mutateText(text, random) : text;
}

function withChange(document: Json, random: Random): Json {
  const names = Object.keys(document);
  const name = names[random.below(names.length)] ?? '';
  const { [name]: value, ...others } = document;
  switch (random.below(8)) {
    case 0:
      return others;
    case 1:
      return { ...others, [mutateText(name, random)]: value };
    case 2:
      return { ...document, [random.pick(NAMES)]: anything(value, random) };
    case 3:
      return { ...document, [name]: inside(value, random) };
    case 4:
      return typeof value === 'string' ? { ...document, [name]: mutateText(value, random) } : document;
    case 5:
      return typeof value === 'number'
        ? { ...document, [name]: value + random.pick([1, -1, 300, -300, 0.5]) }
        : document;
    default:
      return { ...document, [name]: anything(value, random) };
  }
}

/** A change further down, where there is something further down. */
function inside(value: unknown, random: Random): unknown {
  if (Array.isArray(value)) {
    const at = random.below(value.length);
    return value.map((entry: unknown, index) => (index === at ? inside(entry, random) : entry));
  }
  return isObject(value) && Object.keys(value).length > 0 ? withChange(value, random) : anything(value, random);
}

function anything(value: unknown, random: Random): unknown {
  const makers: [() => unknown, ...(() => unknown)[]] = [
    () => random.pick<unknown>([null, true, false, '', 0, -1, 1.5, 1e308, -0, 2 ** 53, [], {}]),
    () => [value],
    () => [value, value],
    () => ({ value }),
    () => JSON.stringify(value),
    () => (typeof value === 'string' ? Number(value) : 7),
    () => nested(value, random.pick([3, 15, 19, 21, 500])),
    () => random.pick(['x', '9999999999', 'é', '\u0000', '\ud800', '__proto__']).repeat(random.pick([1, 1, 30, 300])),
    () => Array.from({ length: random.pick([2, 101, 1000]) }, () => value),
  ];
  return random.pick(makers)();
}

function nested(value: unknown, depth: number): unknown {
  let result = value;
  for (let level = 0; level < depth; level += 1) result = level % 2 === 0 ? [result] : { a: result };
  return result;
}

function withRepeatedMember(text: string, random: Random): string {
  const members = [...text.matchAll(/"[^"\\]+":(?:"[^"\\]*"|\d+)/g)].map(([member]) => member);
  const member = members[random.below(members.length)];
  return member === undefined ? text : text.replace(/\}$/, `,${member}}`);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}
