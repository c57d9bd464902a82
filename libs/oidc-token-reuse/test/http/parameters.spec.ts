import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidRequestException } from '../../src/errors/exceptions.js';
import { readParameter, readParameters } from '../../src/http/parameters.js';

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof InvalidRequestException) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('readParameters', () => {
  it.each([undefined, null, '', 'code=1', 42, true, [], () => 'code'])('finds nothing in %p', (source) => {
    expect(readParameters(source, ['code'])).toEqual({});
  });

  it('reads the named parameters and leaves out the others', () => {
    expect(readParameters({ code: 'c', state: '', other: 'o' }, ['code', 'state', 'iss'])).toEqual({
      code: 'c',
      state: '',
    });
  });

  it.each([[['a', 'b']], [['a']], [[]], [{ a: 'b' }], [null], [1], [true]])('refuses %j as a value', (value) => {
    expect(messageOf(() => readParameters({ code: value }, ['code']))).toBe(
      "parameter 'code' has to be sent once, as one string",
    );
  });

  it('refuses a value of more than 8192 characters', () => {
    const ofLength = (length: number) => messageOf(() => readParameters({ code: 'c'.repeat(length) }, ['code']));
    expect([ofLength(8192), ofLength(8193)]).toEqual(['accepted', "parameter 'code' is too long"]);
  });

  it('T15 takes nothing from the prototype, and runs no getter', () => {
    const inherited = Object.create({ code: 'inherited' }) as object;
    const computed = {
      get code(): string {
        throw new Error('was run');
      },
    };
    expect([inherited, computed].map((source) => readParameters(source, ['code', '__proto__', 'constructor']))).toEqual(
      [{}, {}],
    );
  });

  it('gives one string per name or refuses, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.dictionary(fc.constantFrom('code', 'state', 'x'), fc.anything())),
        (source) => {
          try {
            return Object.values(readParameters(source, ['code', 'state'])).every((value) => typeof value === 'string');
          } catch (error) {
            return error instanceof InvalidRequestException;
          }
        },
      ),
    );
  });
});

describe('readParameter', () => {
  it('has no limit of its own', () => {
    expect(readParameter({ returnTo: 'r'.repeat(100_000) }, 'returnTo')?.length).toBe(100_000);
  });

  it('refuses a repeated value', () => {
    expect(messageOf(() => readParameter({ returnTo: ['/a', '/b'] }, 'returnTo'))).toBe(
      "parameter 'returnTo' has to be sent once, as one string",
    );
  });
});
