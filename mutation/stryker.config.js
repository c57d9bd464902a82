// Run from the root by `run.js`, which says what is mutated and which tests may notice.
import { fileURLToPath } from 'node:url';
import { sandboxOf } from './sandbox.js';

const packaged = (path) => fileURLToPath(new URL(`node_modules/${path}`, import.meta.url));

export default {
  plugins: [packaged('@stryker-mutator/jest-runner/dist/src/index.js')],
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  jest: { configFile: 'mutation/jest.config.js', enableFindRelatedTests: false },
  coverageAnalysis: 'perTest',
  tempDirName: sandboxOf(process.pid),
  ignorePatterns: ['/bench', '/docs', '/mutation/node_modules', '/mutation/results', '**/dist', '/.dev'],
  reporters: ['json'],
  jsonReporter: { fileName: process.env.MUTATION_REPORT },
  timeoutMS: 5_000,
  concurrency: 2,
  allowEmpty: false,
};
