/** The file in which the development provider's state and the session secret survive a restart. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { createTestProvider, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { readState, StateSaver, writeState, type DevelopmentState } from '../../src/development-state.js';

const SECRET = 'a-session-secret-of-the-tests-0001';

let provider: TestProvider;
let folder: string;
let file: string;

beforeAll(async () => {
  provider = await createTestProvider();
});
afterAll(() => provider.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'state-'));
  file = join(folder, '.dev/state.json');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function state(): DevelopmentState {
  return { sessionSecret: SECRET, provider: provider.exportState() };
}

describe('the state file', () => {
  it('gives back what was written', () => {
    writeState(file, state());
    expect(readState(file)).toEqual(state());
  });

  it('is readable by its owner only, and the only file', () => {
    writeState(file, state());
    writeState(file, state());
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, '.dev'))).toEqual(['state.json']);
  });

  it.each([
    ['cut off', '{"sessionSecret":"'],
    ['no object', 'null'],
    ['without a provider', JSON.stringify({ sessionSecret: SECRET })],
    ['of another version', JSON.stringify({ sessionSecret: SECRET, provider: { version: 2 } })],
    ['with a secret that is too short', JSON.stringify({ sessionSecret: 'short', provider: { version: 1 } })],
  ])('counts as absent when it is %s', (_, content) => {
    mkdirSync(join(folder, '.dev'));
    writeFileSync(file, content);
    expect(readState(file)).toBeUndefined();
  });

  it('counts as absent when it is not there', () => {
    expect(readState(file)).toBeUndefined();
  });

  it('may be impossible to write: that is warned about once, and costs nothing but itself', () => {
    writeFileSync(join(folder, '.dev'), 'a file in the place of the folder');
    const warnings: unknown[] = [];
    Logger.overrideLogger({
      log: () => undefined,
      error: () => undefined,
      warn: (message: unknown) => warnings.push(message),
    });
    const saver = new StateSaver(file, SECRET);
    saver.watch(provider);
    saver.save();
    Logger.overrideLogger(false);
    expect(warnings).toEqual([`${file} cannot be written (EEXIST): a restart signs everybody out`]);
  });

  it('is written at once when the provider is there, and after its changes', async () => {
    const saver = new StateSaver(file, SECRET);
    saver.schedule();
    saver.save();
    expect(readState(file)).toBeUndefined();
    saver.watch(provider);
    const before = readState(file)?.provider.signingKeys;
    await provider.keys.rotate();
    saver.schedule();
    saver.schedule();
    await new Promise(setImmediate);
    expect(before).toHaveLength(1);
    expect(readState(file)?.provider.signingKeys).toEqual(provider.exportState().signingKeys);
  });
});
