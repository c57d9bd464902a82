/** Prints figures as they are found. */
import { writeSync } from 'node:fs';
import { cpus } from 'node:os';

export function print(title: string, figures: Readonly<Record<string, unknown>>): void {
  const lines = Object.entries(figures).map(([name, value]) => `    ${name}: ${textOf(value)}`);
  writeSync(1, `\n  ${title}\n${lines.join('\n')}\n    (${measured()})\n`);
}

function measured(): string {
  return `${new Date().toISOString().slice(0, 10)}, ${String(cpus().length)} cores, Node.js ${process.version}`;
}

function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null && value.toString === Object.prototype.toString
    ? JSON.stringify(value)
    : String(value);
}
