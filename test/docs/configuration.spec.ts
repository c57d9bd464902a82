/** The pages about configuration name every setting that exists, no other, and the default that it really has. */
import { describe, expect, it } from '@jest/globals';
import {
  INEFFECTIVE_VARIABLES,
  KNOWN_VARIABLES,
  VARIABLES,
} from '../../libs/oidc-token-reuse/src/config/environment-names.js';
import { OPTION_SHAPE } from '../../libs/oidc-token-reuse/src/config/option-shape.js';
import { DEFAULTS } from '../../libs/oidc-token-reuse/src/config/options.js';
import { PRESETS } from '../../libs/oidc-token-reuse/src/config/presets.js';
import { membersOf, names, read, rowsWith } from './markdown.js';

const PAGE = 'docs/configuration.md';
const settings = rowsWith(PAGE, 'Variable');
const optionRows = [...settings, ...rowsWith(PAGE, 'Code option')].flatMap((row) =>
  names(row['Option'] ?? row['Code option']).map((option) => ({ option, row })),
);

describe('docs/configuration.md', () => {
  it('names every environment variable that the library reads, and no other', () => {
    expect(settings.flatMap((row) => names(row['Variable'])).sort()).toEqual([...KNOWN_VARIABLES].sort());
  });

  it('names every option, and no other', () => {
    expect(optionRows.map(({ option }) => option).sort()).toEqual(Object.keys(OPTION_SHAPE).sort());
  });

  it('names the option of each variable', () => {
    const documented = Object.fromEntries(optionRows.map(({ option, row }) => [option, names(row['Variable'])]));
    expect(documented).toEqual(VARIABLES);
  });

  it('says the default that each option has', () => {
    const documented = optionRows.filter(({ option }) => option in DEFAULTS);
    expect(Object.fromEntries(documented.map(({ option, row }) => [option, names(row['Default'])]))).toEqual(
      Object.fromEntries(Object.entries(DEFAULTS).map(([option, value]) => [option, [String(value)]])),
    );
  });

  it('says what each preset changes', () => {
    const documented = rowsWith(PAGE, 'Preset').map((row) => ({
      name: names(row['Preset'])[0],
      scope: names(row['Default scope'])[0],
      scopeAtRefresh: row['Scope at refresh'] === 'yes',
      replayWindow: Number(names(row['Replay window'])[0]),
      onBehalfOfFlavour: names(row['On-behalf-of'])[0],
      roleTokenKind: names(row['Role kind'])[0],
      rolePath: names(row['Role path'])[0],
    }));
    expect(documented).toEqual(
      Object.entries(PRESETS).map(([name, preset]) => {
        const { scope, scopeAtRefresh, replayWindow, onBehalfOfFlavour, roleTokenKind, rolePath } = preset;
        return { name, scope, scopeAtRefresh, replayWindow, onBehalfOfFlavour, roleTokenKind, rolePath };
      }),
    );
  });

  it('names every extra of forRoot', () => {
    const extras = membersOf(
      'libs/oidc-token-reuse/src/oidc.module-definition.ts',
      'export interface OidcModuleExtras {',
    );
    expect(rowsWith(PAGE, 'Extra').flatMap((row) => names(row['Extra']))).toEqual(extras);
  });

  it('names every variable of the reference application', () => {
    const variables = [...read('src/application.config.ts').matchAll(/^ +([A-Z_]+): /gm)].map(([, name = '']) => name);
    expect(rowsWith(PAGE, 'Application variable').flatMap((row) => names(row['Application variable']))).toEqual(
      variables.filter((name) => !KNOWN_VARIABLES.includes(name)),
    );
  });
});

describe('README.md', () => {
  it('says what docs/configuration.md says', () => {
    const defaults = Object.fromEntries(
      settings.flatMap((row) => names(row['Variable']).map((name) => [name, row['Default']] as const)),
    );
    // Some rows name two variables at once, or say what most presets do.
    const rows = rowsWith('README.md', 'Variable').map((row) => ({ row, variables: names(row['Variable']) }));
    const single = rows.filter(
      ({ variables: [name = '', other] }) => other === undefined && defaults[name] !== 'by preset',
    );
    expect(single.length).toBeGreaterThan(5);
    expect(single.map(({ row, variables: [name = ''] }) => [name, row['Default']])).toEqual(
      single.map(({ variables: [name = ''] }) => [name, defaults[name]]),
    );
    expect(rows.flatMap(({ variables }) => variables).filter((name) => !(name in defaults))).toEqual([]);
  });
});

describe('docs/migrating.md', () => {
  const rows = rowsWith('docs/migrating.md', 'There');
  const variablesThat = (fate: string) =>
    rows.filter((row) => row['Here'] === fate).flatMap((row) => names(row['There']));

  it('promises to work only for variables that are read', () => {
    expect(variablesThat('works').filter((name) => !KNOWN_VARIABLES.includes(name))).toEqual([]);
  });

  it('names every variable of other products that is warned about', () => {
    expect(variablesThat('warned, no effect').sort()).toEqual([...INEFFECTIVE_VARIABLES.keys()].sort());
  });

  it('calls no variable unread that is read', () => {
    expect(
      variablesThat('not read').filter((name) => KNOWN_VARIABLES.includes(name) || name.startsWith('OPENID_')),
    ).toEqual([]);
  });
});
