import { format, inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { Secret } from '../../src/observability/secret.js';

const VALUE = 'eyJhbGciOiJSUzI1NiJ9.secret.value';

describe('Secret', () => {
  it('gives its value to reveal() only', () => {
    expect(new Secret(VALUE).reveal()).toBe(VALUE);
  });

  it.each<[string, (secret: Secret) => string]>([
    ['a template string', (secret) => `${secret as unknown as string}`],
    ['String()', (secret) => String(secret)],
    ['toString()', (secret) => secret.toString()],
    ['concatenation', (secret) => '' + (secret as unknown as string)],
    ['JSON', (secret) => JSON.stringify({ secret })],
    ['inspect', (secret) => inspect({ secret }, { showHidden: true, depth: null })],
    ['format %s', (secret) => format('%s', secret)],
    ['format %o', (secret) => format('%o', secret)],
    ['format %j', (secret) => format('%j', secret)],
    ['its own properties', (secret) => JSON.stringify(Object.getOwnPropertyNames(secret)) + '[redacted]'],
    ['a copy', (secret) => JSON.stringify({ ...secret }) + '[redacted]'],
    ['a structured clone', (secret) => inspect(structuredClone({ secret })) + '[redacted]'],
    ['an error', (secret) => inspect(new Error('failed', { cause: { secret } }))],
    ['a number', (secret) => `${Number(secret)}[redacted]`],
  ])('S12 redacts itself in %s', (_where, print) => {
    const printed = print(new Secret(VALUE));
    expect(printed).not.toContain('secret.value');
    expect(printed).toContain('[redacted]');
  });
});
