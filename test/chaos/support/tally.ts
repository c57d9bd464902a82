/** What clients saw: answers by status, and how long they took. */
import type { Answer } from './ask.js';
import { codeIn } from './visitor.js';

export class Tally {
  private readonly counts = new Map<string, number>();
  private readonly reasons = new Map<string, number>();
  private readonly durations: number[] = [];
  /** 503 without `Retry-After`. */
  withoutAdvice = 0;
  /** Requests that carried cookies several rotations old. */
  withOldCookies = 0;

  answered({ status, retryAfter, body }: Answer, milliseconds: number): void {
    increment(this.counts, status === 200 ? '200' : `${String(status)} ${codeIn(body)}`);
    if (status !== 200) increment(this.reasons, /"error_description":"([^"]*)"/.exec(body)?.[1] ?? 'none');
    this.durations.push(milliseconds);
    if (status === 503 && retryAfter === undefined) this.withoutAdvice += 1;
  }

  /** The connection was refused or cut off; whoever balances the load asks another instance. */
  cutOff(error: unknown): void {
    increment(this.counts, 'cut off');
    increment(this.reasons, String(error));
  }

  /** How often each kind of answer came. */
  get answers(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.counts].sort(([one], [other]) => one.localeCompare(other)));
  }

  /** Kinds of answers, sorted. */
  get kinds(): readonly string[] {
    return Object.keys(this.answers);
  }

  get total(): number {
    return this.durations.length;
  }

  /** Milliseconds that this share of the answers stayed under. */
  percentile(share: number): number {
    const sorted = [...this.durations].sort((one, other) => one - other);
    return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  }

  toString(): string {
    const answers = Object.entries(this.answers).map(([kind, count]) => `${String(count)} x ${kind}`);
    const [half, most] = [this.percentile(0.5), this.percentile(0.99)];
    const reasons = [...this.reasons].map(([reason, count]) => `${String(count)} x "${reason}"`);
    const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
    return `${answers.join(', ')}${why}; p50 ${String(half)} ms, p99 ${String(most)} ms`;
  }
}

function increment(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
