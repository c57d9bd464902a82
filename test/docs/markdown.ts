/** Reads the documentation as data, so that tests can compare what it says with what the code does. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Every page, by its path from the root of the project. */
export const PAGES: readonly string[] = [
  'README.md',
  ...readdirSync(`${ROOT}libs`).map((library) => `libs/${library}/README.md`),
  ...readdirSync(`${ROOT}docs`)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export function read(path: string): string {
  return readFileSync(ROOT + path, 'utf8');
}

export interface CodeBlock {
  readonly page: string;
  /** Line of the fence, from 1. */
  readonly line: number;
  readonly code: string;
}

/** Fenced blocks of one language, in order. */
export function codeBlocks(page: string, language: string): readonly CodeBlock[] {
  const text = read(page);
  return [...text.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)]
    .filter(([, info]) => info === language)
    .map(({ index, 2: code = '' }) => ({ page, line: text.slice(0, index).split('\n').length, code }));
}

/** The text of a page without its code blocks. */
export function prose(page: string): string {
  return read(page).replace(/^```.*?^```$/gms, '');
}

/** A row of a table by the titles of its columns. */
export type Row = Readonly<Record<string, string>>;

/** The rows of all tables of a page that have a column of this title. */
export function rowsWith(page: string, column: string): readonly Row[] {
  return prose(page)
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.split('\n').filter((line) => line.startsWith('|')))
    .flatMap(([head = '', , ...body]) => {
      const titles = cells(head);
      if (!titles.includes(column)) return [];
      return body.map((line) => Object.fromEntries(cells(line).map((cell, index) => [titles[index] ?? '', cell])));
    });
}

/** What stands between backticks. */
export function names(text: string | undefined): readonly string[] {
  return [...(text ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
}

function cells(line: string): readonly string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** Names of the members of an interface or an object literal, from the line that opens it to the one that closes it. */
export function membersOf(path: string, opening: string): readonly string[] {
  const [, body = ''] = read(path).split(`${opening}\n`);
  const [members = ''] = body.split(/^\}/m);
  return [...members.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map(([, name = '']) => name);
}
