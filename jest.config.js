// Tests run as ES modules; one project per suite, so that what needs Chromium or three processes stays out of `npm test`.
import { readFileSync } from 'node:fs';

const { $schema: _, ...swc } = JSON.parse(readFileSync(new URL('./.swcrc', import.meta.url), 'utf8'));

/** Suites that need more than Node, or much time: each is a folder of `test/` and has its own npm script. */
const HEAVY_SUITES = ['browser', 'chaos', 'fuzz', 'redis'];

/** @type {(displayName: string, options: import('jest').Config) => import('jest').Config} */
const suite = (displayName, options) => ({
  displayName,
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/libs'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { ...swc, swcrc: false }] },
  moduleNameMapper: {
    '^nestjs-oidc-token-reuse$': '<rootDir>/libs/oidc-token-reuse/src/index.ts',
    '^nestjs-oidc-token-reuse-testing$': '<rootDir>/libs/oidc-testing/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/libs/[^/]+/dist'],
  setupFiles: ['reflect-metadata'],
  ...options,
});

/** @type {import('jest').Config} */
export default {
  projects: [
    suite('main', {
      testMatch: ['**/*.spec.ts', '**/*.e2e-spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', ...HEAVY_SUITES.map((name) => `<rootDir>/test/${name}/`)],
    }),
    ...HEAVY_SUITES.map((name) =>
      suite(name, { testMatch: [`<rootDir>/test/${name}/**/*.spec.ts`, `<rootDir>/test/${name}/**/*.e2e-spec.ts`] }),
    ),
  ],
  reporters: ['default', '<rootDir>/test/support/counting.reporter.js'],
  testTimeout: 30_000,
  maxWorkers: '100%',
  // Modules of past files stay in a worker, and V8 counts their coverage again for each further file.
  workerIdleMemoryLimit: '700MB',
  coverageProvider: 'v8',
  collectCoverageFrom: ['libs/oidc-token-reuse/src/**/*.ts'],
  coverageThreshold: { './libs/oidc-token-reuse/src/': { lines: 95, branches: 95 } },
};
