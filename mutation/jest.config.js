// The tests as the root runs them, those that `run.js` names.
import { fileURLToPath } from 'node:url';
import root from '../jest.config.js';

const [main] = root.projects;
/** The specs that may notice. */
const specs = process.env.MUTATION_SPECS?.split(',') ?? [];

export default {
  ...main,
  displayName: undefined,
  rootDir: fileURLToPath(new URL('..', import.meta.url)),
  roots: ['<rootDir>/libs', '<rootDir>/test'],
  testMatch: specs.map((spec) => `<rootDir>/${spec}`),
  testTimeout: 5_000,
};
