/** Prints figures as they are found. */
import { writeSync } from 'node:fs';

export function print(title: string, figures: Readonly<Record<string, unknown>>): void {
  const lines = Object.entries(figures).map(([name, value]) => `    ${name}: ${textOf(value)}`);
  writeSync(1, `\n  ${title}\n${lines.join('\n')}\n`);
}

function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null && value.toString === Object.prototype.toString
    ? JSON.stringify(value)
    : String(value);
}
