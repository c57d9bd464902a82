/** Knows what must never be seen, and everything that can be seen, and looks for any piece of the one in the other. */
import { inspect } from 'node:util';

/** A piece of this many characters says enough; what is shorter is found everywhere. */
const PIECE = 16;
/** Values that are looked for at the same time; the others have their turn. */
export const MAX_SECRETS = 20_000;
/** A public protected header, which many compact JWTs and JWEs have in common; that of a JWE also where a test has damaged it. */
const JOSE_HEADER = /^(?:[^.]{1,200}(?=\.\.)|eyJ[\w-]*)/;
const CONTEXT = 300;

export class SecretScan {
  private readonly secrets = new Set<string>();
  private readonly seen = new Set<string>();
  private isOff = false;

  /** @param overflow Keeps the values that are too many at the same time. */
  constructor(private readonly overflow: (secret: string) => void = () => undefined) {}

  /** Values that must not be seen; what is too short to be one is ignored. */
  hide(...values: readonly (string | null | undefined)[]): void {
    if (this.isOff) return;
    for (const secret of secretsOf(values)) {
      if (this.secrets.size < MAX_SECRETS) this.secrets.add(secret);
      else if (!this.secrets.has(secret)) this.overflow(secret);
    }
  }

  /** Something that others can see, in every form in which it is usually printed. */
  see(...parts: readonly unknown[]): void {
    if (this.isOff) return;
    for (const line of parts.flatMap(printed)) this.seen.add(line);
  }

  /** What was seen although it is secret: the beginnings of those lines. */
  leaks(): readonly string[] {
    return leaksIn([...this.seen], this.secrets);
  }

  /** The same for other secrets. */
  leaksAmong(values: readonly string[]): readonly string[] {
    return leaksIn([...this.seen], new Set(secretsOf(values)));
  }

  /** The same for what was not seen yet. */
  leaksOf(...parts: readonly unknown[]): readonly string[] {
    return leaksIn(parts.flatMap(printed), this.secrets);
  }

  /** Keeps nothing from now on, where the memory of an application is measured. */
  stop(): void {
    this.isOff = true;
    this.secrets.clear();
    this.seen.clear();
  }

  /** Forgets what was seen: a test has planted it. */
  forget(): void {
    this.seen.clear();
  }

  get counts(): { readonly secrets: number; readonly seen: number } {
    return { secrets: this.secrets.size, seen: this.seen.size };
  }
}

function secretsOf(values: readonly (string | null | undefined)[]): readonly string[] {
  return values.map((value) => value?.replace(JOSE_HEADER, '') ?? '').filter(({ length }) => length >= PIECE);
}

function leaksIn(lines: readonly string[], secrets: ReadonlySet<string>): readonly string[] {
  const texts = lines.map(spelledAlike);
  const pieces = piecesIn(texts, secrets);
  if (pieces.hashes.size === 0) return [];
  return texts.flatMap((text, index) => {
    const at = firstPiece(text, pieces);
    return at === undefined ? [] : [`…${lines[index]?.slice(Math.max(0, at - CONTEXT), at) ?? ''}<SECRET>`];
  });
}

/** The pieces of secrets that may be in these texts: few, since a table of bits leaves the others out. */
function piecesIn(texts: readonly string[], secrets: ReadonlySet<string>): Pieces {
  const size = tableFor(texts);
  const bits = new Int32Array(size / 32);
  for (const text of texts)
    eachPiece(text, (hash) => {
      const bit = hash & (size - 1);
      bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
    });
  const hashes = new Set<number>();
  const spellings = new Set<string>();
  for (const secret of secrets)
    for (const form of formsOf(secret))
      eachPiece(form, (hash, start) => {
        const bit = hash & (size - 1);
        if (((bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return;
        hashes.add(hash);
        spellings.add(form.slice(start, start + PIECE));
      });
  return { hashes, spellings };
}

interface Pieces {
  readonly hashes: ReadonlySet<number>;
  readonly spellings: ReadonlySet<string>;
}

const BITS = 2 ** 26;
const MOST_BITS = 2 ** 31;
/** Bits for each piece that may be in a text: few of the others meet one that is set. */
const SPARSENESS = 64;
/** Of this module, since a test's globals are found slowly. */
const { imul } = Math;
const BASE = 0x01000193;
/** What the first character of a piece counts for when it leaves. */
const LEAVING = Array.from({ length: PIECE }).reduce<number>((power) => imul(power, BASE), 1);

function tableFor(texts: readonly string[]): number {
  const pieces = texts.reduce((sum, { length }) => sum + length, 1);
  return Math.min(MOST_BITS, Math.max(BITS, 2 ** Math.ceil(Math.log2(pieces * SPARSENESS))));
}

/** Every piece of a text with a hash that rolls along. */
function eachPiece(text: string, visit: (hash: number, start: number) => void): void {
  let hash = 0;
  for (let index = 0; index < text.length; index += 1) {
    // Of 32 bits at every step, which is what makes it fast.
    hash = (imul(hash, BASE) + text.charCodeAt(index)) | 0;
    if (index >= PIECE) hash = (hash - imul(LEAVING, text.charCodeAt(index - PIECE))) | 0;
    if (index >= PIECE - 1) visit(hash, index - PIECE + 1);
  }
}

function firstPiece(text: string, { hashes, spellings }: Pieces): number | undefined {
  let found: number | undefined;
  eachPiece(text, (hash, start) => {
    if (found === undefined && hashes.has(hash) && spellings.has(text.slice(start, start + PIECE))) found = start;
  });
  return found;
}

/** A secret as it is, percent-encoded, and in base64 wherever it may stand in something longer. */
function formsOf(secret: string): readonly string[] {
  const encoded = encodeURIComponent(secret);
  const inBase64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]).toString('base64url');
    // Without the characters that share bits with what stands around it.
    return text.slice(before === 0 ? 0 : before + 1, -1);
  });
  return [spelledAlike(secret), ...(encoded === secret ? [] : [encoded]), ...inBase64];
}

/** base64 and base64url are one. */
function spelledAlike(text: string): string {
  return text.replaceAll('+', '-').replaceAll('/', '_');
}

/** By lines, since most of what is printed is printed again and again. */
function printed(part: unknown): readonly string[] {
  if (typeof part === 'string') return part.split('\n');
  const options = { depth: Infinity, maxStringLength: Infinity, maxArrayLength: Infinity, breakLength: Infinity };
  const forms = [inspect(part, { ...options, showHidden: true }), String(part), JSON.stringify(part) ?? ''];
  return forms.flatMap((form) => form.split('\n'));
}
