/** The tables of docs/security.md and docs/reliability.md name tests and patches that exist. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { names, read, ROOT, rowsWith, type Row } from './markdown.js';

const security = rowsWith('docs/security.md', 'Row');
const rows = [...security, ...rowsWith('docs/reliability.md', 'Fault')];

describe('the tables of defences and faults', () => {
  it('have every row', () => {
    const counts = { T: 17, L: 13, S: 13, R: 9, O: 6, N: 13 };
    const expected = Object.entries(counts).flatMap(([letter, count]) =>
      Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
    );
    expect(security.map((row) => row['Row'])).toEqual(expected);
  });

  it('say for each row what is tested, or what it waits for', () => {
    expect(rows.filter((row) => testsOf(row).length === 0 && !row['Test']?.startsWith('waits for '))).toEqual([]);
  });

  it('name tests that exist', () => {
    expect(rows.flatMap(testsOf).filter(({ file, title }) => !hasTest(file, title))).toEqual([]);
  });

  it('name every patch that takes a defence out, and no other', () => {
    const patches = readdirSync(`${ROOT}test/defences`).filter((name) => name.endsWith('.patch'));
    const named = rowsWith('docs/security.md', 'Patch').flatMap((row) => names(row['Patch']));
    expect(named.sort()).toEqual(patches.sort());
  });
});

interface NamedTest {
  readonly file: string;
  readonly title: string;
}

/** Each line of the cell is a file and a title. */
function testsOf(row: Row): readonly NamedTest[] {
  return (row['Test'] ?? '').split('<br>').flatMap((line) => {
    const [, file, title] = /^`([^`]+)`: (.+)$/.exec(line) ?? [];
    return file === undefined || title === undefined ? [] : [{ file, title }];
  });
}

function hasTest(file: string, title: string): boolean {
  return existsSync(ROOT + file) && new RegExp(`['"\`]${escaped(title)}['"\`]`).test(read(file));
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
