/** The page about the architecture is true to the tree: its rooms exist, and its layers are those that the linter enforces. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { codeBlocks, names, prose, read, ROOT, rowsWith } from './markdown.js';

const PAGE = 'docs/architecture.md';
const LIBRARY = `${ROOT}libs/oidc-token-reuse/src`;
/** What puts the rooms together is no room. */
const TOP = /^(oidc\.|index)/;

describe('docs/architecture.md', () => {
  it('names every room', () => {
    const rooms = readdirSync(LIBRARY).map((entry) => entry.replace(/\.ts$/, ''));
    expect(
      rowsWith(PAGE, 'Room')
        .flatMap((row) => names(row['Room']))
        .sort(),
    ).toEqual(rooms.filter((room) => !TOP.test(room)).sort());
  });

  it('shows the layers as the linter enforces them', () => {
    const [layers] = codeBlocks(PAGE, 'js');
    expect(read('eslint.config.js')).toContain(layers?.code);
  });

  it('names files of the library that exist', () => {
    const files = names(prose(PAGE)).filter((name) => /^(oidc\.|[\w-]+\/)[\w.-]+\.ts$/.test(name));
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((file) => !existsSync(`${LIBRARY}/${file}`))).toEqual([]);
  });
});
