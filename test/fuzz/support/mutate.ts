/** Breaks valid values a little: bits, pieces, lengths, and the characters that parsers stumble over. */
import type { Random } from './random.js';

type Change<Value> = (value: Value, random: Random, other: Value) => Value;

const SPICES = [
  ...[
    '\0',
    '\t',
    '\n',
    '\r\n',
    ' ',
    '"',
    "'",
    '\\',
    '/',
    '//',
    '\\\\',
    '%',
    '%00',
    '%0d%0a',
    '%zz',
    '%5c',
    '+',
    '&',
    '=',
  ],
  ...[';', ',', '.', '..', ':', '@', '#', '?', '[', ']', '{', '}', '[]', '{}', '<', '>', '|', '^', '~', '*', '-', '_'],
  ...['\u007f', '\u0080', '\u00a0', '\u00e9', '\u2028', '\u202e', '\ufeff', '\ufffd', '\ud800', '\udc00', '\u{1f600}'],
  ...['__proto__', 'constructor', 'null', 'true', '-1', '1e309', '0x10', '99999999999999999999', 'A'.repeat(300)],
] as [string, ...string[]];

const TEXT_CHANGES: [Change<string>, ...Change<string>[]] = [
  (text, random) => {
    const at = random.below(text.length);
    const flipped = String.fromCharCode((text.charCodeAt(at) || 0) ^ (1 << random.below(8)));
    return text.slice(0, at) + flipped + text.slice(at + 1);
  },
  (text, random) => text.slice(0, random.below(text.length)),
  (text, random) => text.slice(random.below(text.length)),
  (text, random) => without(text, random),
  (text, random) => {
    const [start, end] = random.range(text.length);
    return text.slice(0, end) + text.slice(start, end).repeat(random.pick([1, 1, 1, 2, 50])) + text.slice(end);
  },
  (text, random, other) => text.slice(0, random.below(text.length)) + other.slice(random.below(other.length)),
  (text, random) => {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + random.pick(SPICES) + text.slice(at);
  },
  (text, random) => {
    const [start, end] = random.range(text.length);
    return text.slice(0, start) + random.pick(SPICES) + text.slice(end);
  },
  (text, random) => (random.chance(50) ? text.toUpperCase() : text.toLowerCase()),
];

const BYTE_CHANGES: [Change<Buffer>, ...Change<Buffer>[]] = [
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    const at = random.below(bytes.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    return changed;
  },
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    changed[random.below(bytes.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff]);
    return changed;
  },
  (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  (bytes, random) => {
    const [start, end] = random.range(bytes.length);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  (bytes, random) => {
    const [start, end] = random.range(bytes.length);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start, end), bytes.subarray(end)]);
  },
  (bytes, random, other) =>
    Buffer.concat([bytes.subarray(0, random.below(bytes.length)), other.subarray(random.below(other.length))]),
];

/** A text that differs in one to three places. */
export function mutateText(text: string, random: Random, other = text): string {
  return changed(text, { random, other, changes: TEXT_CHANGES });
}

export function mutateBytes(bytes: Uint8Array, random: Random, other = bytes): Buffer {
  return changed(Buffer.from(bytes), { random, other: Buffer.from(other), changes: BYTE_CHANGES });
}

interface Changing<Value> {
  readonly random: Random;
  readonly other: Value;
  readonly changes: readonly [Change<Value>, ...Change<Value>[]];
}

function changed<Value>(value: Value, { random, other, changes }: Changing<Value>): Value {
  let result = value;
  for (let times = random.pick([1, 1, 1, 2, 3]); times > 0; times -= 1) {
    result = random.pick(changes)(result, random, other);
  }
  return result;
}

function without(text: string, random: Random): string {
  const [start, end] = random.range(text.length);
  return text.slice(0, start) + text.slice(end);
}
