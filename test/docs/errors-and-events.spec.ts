/** The pages about errors and events name every code and every event, with the level it is logged at. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ERROR_CODES, type OidcEvent } from 'nestjs-oidc-token-reuse';
import { OidcEvents } from '../../libs/oidc-token-reuse/src/observability/events.js';
import { codeBlocks, names, PAGES, prose, read, ROOT, rowsWith } from './markdown.js';

const DOCS = PAGES.filter((page) => page.startsWith('docs/'));
/** All sources of the library. */
const LIBRARY = readdirSync(`${ROOT}libs/oidc-token-reuse/src`, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => read(`libs/oidc-token-reuse/src/${path}`))
  .join('\n');
const rows = rowsWith('docs/events.md', 'Event');
const SOURCE = read('libs/oidc-token-reuse/src/observability/events.ts');

/** The members of each event beside those that all have. */
const EVENTS: ReadonlyMap<string, readonly string[]> = new Map(
  [...SOURCE.matchAll(/readonly type: '([\w.]+)'([^}]*)\}/g)].map(([, type = '', members = '']) => [
    type,
    [...members.matchAll(/readonly (\w+)/g)].map(([, name = '']) => name),
  ]),
);

describe('docs/errors.md', () => {
  it('names every error code once, and no other', () => {
    expect(
      rowsWith('docs/errors.md', 'Code')
        .flatMap((row) => names(row['Code']))
        .sort(),
    ).toEqual([...ERROR_CODES].sort());
  });

  it('gives each code a status and a remedy', () => {
    for (const row of rowsWith('docs/errors.md', 'Code')) {
      expect(row['Status']).toMatch(/^[45]\d\d$/);
      expect(row['What to do']).toMatch(/\w/);
    }
  });
});

describe('docs/events.md', () => {
  const logged: string[] = [];
  const at = (level: string) => (message: unknown) => void logged.push(`${String(message)} ${level}`);

  beforeAll(() => {
    Logger.overrideLogger({ log: at('log'), warn: at('warn'), error: at('error'), debug: at('debug') });
  });
  afterAll(() => {
    Logger.overrideLogger(false);
  });

  it('names every event with its members, and no other', () => {
    const documented = rows.map((row) => [names(row['Event'])[0], names(row['Members'])]);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(EVENTS));
  });

  it('says the level that each event is logged at', () => {
    const events = new OidcEvents();
    for (const type of EVENTS.keys()) events.emit({ type, issuer: 'https://id.example.com' } as OidcEvent); // members do not choose the level
    expect(rows.map((row) => `${names(row['Event']).join()} ${row['Level'] ?? ''}`).sort()).toEqual(logged.sort());
  });
});

describe('the pages that quote the log', () => {
  it.each(DOCS)('%s names events that exist', (page) => {
    const quoted = codeBlocks(page, 'text').flatMap(({ code }) => [...code.matchAll(/\[OidcTokenReuse\] ([\w.]+)/g)]);
    expect(quoted.map(([, type = '']) => type).filter((type) => !EVENTS.has(type))).toEqual([]);
    const families = new Set([...EVENTS.keys()].filter((type) => type.includes('.')).map((type) => type.split('.')[0]));
    const named = names(prose(page)).filter(
      (name) => /^[a-z_]+\.[a-z_]+$/.test(name) && families.has(name.split('.')[0]),
    );
    expect(named.filter((type) => !EVENTS.has(type))).toEqual([]);
  });

  it.each(DOCS)('%s quotes reasons that the library gives', (page) => {
    const quoted = codeBlocks(page, 'text').flatMap(({ code }) => [...code.matchAll(/reason: '([^']+)'/g)]);
    const pieces = quoted
      .flatMap(([, reason = '']) => reason.split(/\d+|: | < |"\w+"/))
      .filter((piece) => piece.length > 8);
    expect(pieces.filter((piece) => !LIBRARY.includes(piece))).toEqual([]);
  });

  it.each(DOCS)('%s names error codes that exist', (page) => {
    const quoted = codeBlocks(page, 'text').flatMap(({ code }) => [...code.matchAll(/code: '(\w+)'/g)]);
    expect(quoted.map(([, code = '']) => code).filter((code) => !ERROR_CODES.some((known) => known === code))).toEqual(
      [],
    );
  });
});
