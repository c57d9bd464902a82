// Type-checked rules, size budgets, and the layers of the library: which room may import which.
import { readdirSync } from 'node:fs';
import eslint from '@eslint/js';
import prettier from 'eslint-config-prettier';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import jest from 'eslint-plugin-jest';
import regexp from 'eslint-plugin-regexp';
import globals from 'globals';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const LIBRARY = 'libs/oidc-token-reuse/src';

const bottom = ['errors', 'observability', 'clock'];
const upToConfig = [...bottom, 'config'];
const upToProvider = [...upToConfig, 'coordination', 'provider'];
const upToSession = [...upToProvider, 'http', 'verification', 'session'];
const upToRefresh = [...upToSession, 'refresh', 'on-behalf-of'];
const upToGuard = [...upToRefresh, 'guard'];

/** Rooms of the library and what each may import besides itself; a room that is not listed may import nothing. */
const LAYERS = {
  errors: bottom,
  observability: bottom,
  clock: bottom,
  config: bottom,
  http: upToConfig,
  coordination: upToConfig,
  provider: [...upToConfig, 'coordination'],
  verification: upToProvider,
  session: [...upToProvider, 'http', 'verification'],
  refresh: upToSession,
  'on-behalf-of': upToSession,
  guard: upToRefresh,
  login: upToGuard,
  logout: upToGuard,
  routes: [...upToGuard, 'login', 'logout'],
};
const TOP = ['oidc.tokens', 'oidc.composition', 'oidc.module-definition', 'oidc.providers', 'oidc.module', 'index'];

/** A room is a folder or one file of that name. */
const places = (rooms) => [...new Set(rooms)].flatMap((room) => [room, `${room}.ts`]);

function layerZones() {
  const existing = readdirSync(LIBRARY).map((entry) => entry.replace(/\.ts$/, ''));
  const rooms = new Set([...Object.keys(LAYERS), ...existing.filter((entry) => !TOP.includes(entry))]);
  return [...rooms].map((room) => ({
    target: places([room]).map((place) => `${LIBRARY}/${place}`),
    from: LIBRARY,
    except: places([room, ...(LAYERS[room] ?? [])]),
    message: `"${room}" may import ${LAYERS[room]?.join(', ') ?? 'nothing until it has a row in eslint.config.js'}.`,
  }));
}

/** Constructors are exempt: Nest injects through them. */
const TOO_MANY_PARAMETERS = {
  selector: [
    'FunctionDeclaration[params.length>3]',
    'ArrowFunctionExpression[params.length>3]',
    ':not(MethodDefinition[kind="constructor"]) > FunctionExpression[params.length>3]',
  ].join(', '),
  message: 'More than three parameters: take one object.',
};

const restrictImports = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });

export default defineConfig(
  globalIgnores(['**/dist/', 'coverage/', 'docs/api/']),
  eslint.configs.recommended,
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked, tseslint.configs.stylisticTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: {
      globals: globals.node,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    settings: {
      ...importX.flatConfigs.typescript.settings,
      'import-x/resolver-next': [createTypeScriptImportResolver({ project: './tsconfig.json' })],
    },
    rules: {
      // paths and header values are searched for control characters on purpose
      'no-control-regex': 'off',
      // off: its fix turns classes that Nest injects into types, and injection breaks
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/no-self-import': 'error',
      'import-x/no-restricted-paths': [
        'error',
        {
          zones: [
            ...layerZones(),
            { target: 'libs', from: ['src', 'test'], message: 'Libraries know nothing of the application.' },
            { target: 'src', from: 'test' },
          ],
        },
      ],
    },
  },
  {
    files: ['libs/*/src/**/*.ts', 'src/**/*.ts'],
    rules: {
      complexity: ['error', 10],
      'max-lines': ['error', { max: 200, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', TOO_MANY_PARAMETERS],
    },
  },
  {
    // passport and passport-openidconnect dictate these signatures
    files: [`${LIBRARY}/login/*{strategy,store}.ts`],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    // an expression that reads what anybody may send takes no more than time in proportion to it
    files: [`${LIBRARY}/**/*.ts`],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential' }],
    },
  },
  {
    files: [`${LIBRARY}/**/*.ts`],
    rules: restrictImports({ regex: '^nestjs-oidc-token-reuse', message: 'The library imports itself by path only.' }),
  },
  {
    files: [`${LIBRARY}/**/*.ts`],
    ignores: [`${LIBRARY}/clock.ts`],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Time enters through Clock.' },
        { object: 'performance', property: 'now', message: 'Time enters through Clock.' },
      ],
    },
  },
  {
    files: ['libs/oidc-testing/**/*.ts'],
    rules: restrictImports(
      { regex: '^@nestjs/', message: 'The provider in a box does not know Nest.' },
      { regex: '(^nestjs-|/)oidc-token-reuse', message: 'The provider in a box does not know the other library.' },
    ),
  },
  {
    files: ['src/**/*.ts'],
    rules: restrictImports({ regex: '(^|/)libs/', message: 'The application imports the libraries by package name.' }),
  },
  {
    files: ['**/*.spec.ts', '**/*.e2e-spec.ts', 'test/**/*.ts'],
    extends: [jest.configs['flat/recommended']],
    rules: {
      'jest/expect-expect': ['error', { assertFunctionNames: ['expect*', 'fc.assert', 'request.**.expect'] }],
      'jest/no-standalone-expect': 'off',
      'jest/no-disabled-tests': 'error',
      // expect.any() and response bodies are `any`
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    ignores: ['src/public/**'],
    languageOptions: { globals: globals.node },
    rules: { 'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }] },
  },
  { files: ['src/public/**/*.js'], languageOptions: { globals: globals.browser } },
  prettier,
);
