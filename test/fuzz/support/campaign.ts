/** Feeds a parser with inputs made from valid ones, and measures how far they got and how long the slowest took. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from './random.js';

/** Inputs for each parser: `FUZZ=full` a million, `FUZZ=5000` that many. */
export const INPUTS = process.env['FUZZ'] === 'full' ? 1_000_000 : Number(process.env['FUZZ'] ?? 20_000);
/** Printed with the figures; `FUZZ_SEED` gives it back. */
const SEED = process.env['FUZZ_SEED'] ?? randomUUID();
const LONGEST_MS = 50;
/** Below this nobody asks why. */
const SHORT_MS = 5;
/** How often an input that took long is tried again: the collector and other processes take their time too. */
const ATTEMPTS = 30;
/** Inputs between two turns of the event loop, in which timers end and memory is given back. */
const TURN = 500;
/** More of a case goes to a file only. */
const MAX_PRINTED = 1000;
/** For the slowest machine; the suite as a whole has a limit of its own. */
export const CAMPAIGN_TIMEOUT_MS = 3_600_000;

export interface Campaign<Input> {
  readonly name: string;
  /** How many, where it is not the usual number. */
  readonly inputs?: number;
  /** Makes an input from valid ones. */
  make(random: Random): Promise<Input> | Input;
  /**
   * Gives it to the parser: true when the parser's last stage was reached. Throws for everything that is not documented: another error, an answer that
   * must not be.
   */
  take(input: Input): Promise<boolean> | boolean;
}

export interface Figures {
  readonly inputs: number;
  /** Of a hundred. */
  readonly reached: number;
  readonly slowest: number;
}

/** Runs the campaign and prints its figures; throws at the first case that crashes or hangs. */
export async function run<Input>({ name, make, take, inputs = INPUTS }: Campaign<Input>): Promise<Figures> {
  const random = new Random(`${SEED} ${name}`);
  const started = performance.now();
  let [reached, slowest] = [0, 0];
  for (let index = 0; index < inputs; index += 1) {
    const input = await make(random);
    const { isLast, took } = await timed(take, input);
    if (isLast) reached += 1;
    const time = took > Math.max(slowest, SHORT_MS) ? await fastest(take, input) : took;
    if (time > LONGEST_MS) throw found(`${name} takes ${time.toFixed(1)} ms`, input);
    slowest = Math.max(slowest, time);
    if (index % TURN === 0) await new Promise(setImmediate);
  }
  const figures = { inputs, reached: (reached / inputs) * 100, slowest };
  print(name, figures, performance.now() - started);
  return figures;

  async function timed(
    parser: typeof take,
    input: Input,
  ): Promise<{ readonly isLast: boolean; readonly took: number }> {
    const begin = performance.now();
    try {
      const isLast = await parser(input);
      return { isLast, took: performance.now() - begin };
    } catch (cause) {
      throw found(`${name} fails: ${String(cause)}`, input, cause);
    }
  }

  async function fastest(parser: typeof take, input: Input): Promise<number> {
    let least = Infinity;
    for (let attempt = 0; attempt < ATTEMPTS && least > SHORT_MS; attempt += 1) {
      await new Promise(setImmediate);
      least = Math.min(least, (await timed(parser, input)).took);
    }
    return least;
  }
}

/** The case is kept whole: it becomes a test. */
function found(what: string, input: unknown, cause?: unknown): Error {
  const text = JSON.stringify(input);
  const file = join(mkdtempSync(join(tmpdir(), 'fuzz-')), 'case.json');
  writeFileSync(file, text);
  return new Error(`${what}\nseed ${SEED}\nkept in ${file}\n${text.slice(0, MAX_PRINTED)}`, { cause });
}

function print(name: string, { inputs, reached, slowest }: Figures, took: number): void {
  writeSync(
    1,
    `  ${name}: ${String(inputs)} inputs, ${reached.toFixed(1)} % reached the last stage, slowest ${slowest.toFixed(1)} ms, ` +
      `${(took / 1000).toFixed(1)} s, seed ${SEED}\n`,
  );
}
