/** The pages hold together: links lead somewhere, files that are named exist, and the README stays short. */
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { names, PAGES, prose, read, ROOT } from './markdown.js';

describe.each(PAGES)('%s', (page) => {
  it('links to pages and headings that exist', () => {
    expect(linksOf(page).filter((link) => !leadsSomewhere(page, link))).toEqual([]);
  });

  it('names files of the project that exist', () => {
    const files = names(prose(page)).filter((name) => /^(docs|libs|scripts|src|test)\/[\w./-]+\.\w+$/.test(name));
    expect(files.filter((file) => !existsSync(ROOT + file))).toEqual([]);
  });
});

describe('README.md', () => {
  it('is at most 200 lines long', () => {
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(201);
  });

  it('starts the application with the documented commands', () => {
    expect(read('README.md')).toContain('\n```sh\nnpm ci && npm start\n```\n');
    expect(read('README.md')).toContain('\n```sh\nnpm test\n```\n');
  });
});

/** Targets of links within the project. */
function linksOf(page: string): readonly string[] {
  const targets = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^https?:/.test(target));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : posix.join(posix.dirname(page), path);
  if (!existsSync(ROOT + target)) return false;
  return anchor === undefined || anchorsOf(target).includes(anchor);
}

/** Anchors of headings, as code hosts make them. */
function anchorsOf(page: string): readonly string[] {
  return [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
