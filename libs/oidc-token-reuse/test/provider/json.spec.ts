import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isJsonObject, MalformedDocumentError, parseJsonObject } from '../../src/provider/json.js';
import { outcomeOf } from './support.js';

const nested = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;

describe('parseJsonObject', () => {
  it.each([
    ['nothing', ''],
    ['HTML', '<!doctype html>'],
    ['a list', '[{"a":1}]'],
    ['a string', '"text"'],
    ['a number', '1'],
    ['null', 'null'],
    ['a cut object', '{"a":1'],
    ['a cut string', '{"a":"'],
    ['an escape at the end', '{"a\\'],
    ['a bad escape in a name', '{"\\x":1}'],
    ['a member outside of any object', '"a":1'],
    ['two objects', '{}{}'],
    ['a byte order mark', '\ufeff{}'],
    ['more brackets closed than opened', '}]}"a":1'],
  ])('refuses %s', (_what, text) => {
    expect(() => parseJsonObject(text)).toThrow(MalformedDocumentError);
  });

  it.each([
    ['twice', '{"a":1,"a":2}'],
    ['twice, once with an escape', String.raw`{"iss":1,"\u0069ss":2}`],
    ['twice, with space before the colon', '{"a"\n\t :1,"b":1,"a" :2}'],
    ['twice, in an object inside', '{"x":{"y":[{"a":1,"b":1,"a":2}]}}'],
  ])('T16 refuses a member that comes %s', (_how, text) => {
    expect(() => parseJsonObject(text)).toThrow('a JSON member is repeated or not allowed');
  });

  it('T15 counts the members that were written, and no others, also where somebody has added some to all objects', () => {
    const added = { deep: {} };
    Object.defineProperty(Object.prototype, 'added', { value: added, enumerable: true, configurable: true });
    try {
      expect(outcomeOf(() => parseJsonObject('{"aud":"a","aud":"b"}'))).toBeInstanceOf(MalformedDocumentError);
      expect(Object.keys(parseJsonObject('{"aud":"a"}'))).toEqual(['aud']);
      expect(Object.isFrozen(added)).toBe(false);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'added');
    }
  });

  it.each(['{"__proto__":{"admin":true}}', '{"a":{"__proto__":{}}}', String.raw`{"__\u0070roto__":1}`])(
    'T15 refuses the member __proto__: %s',
    (text) => {
      expect(() => parseJsonObject(text)).toThrow('a JSON member is repeated or not allowed');
    },
  );

  it('T15 takes "constructor" and its like for plain members, and nothing leaks into other objects', () => {
    const value = parseJsonObject('{"constructor":{"prototype":{"admin":true}},"toString":1}');
    expect(Object.keys(value)).toEqual(['constructor', 'toString']);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });

  it('allows the same member in different objects', () => {
    expect(parseJsonObject('{"a":{"a":1},"b":[{"a":2},{"a":3}],"c":"\\"a\\":","d":"a"}')).toEqual({
      a: { a: 1 },
      b: [{ a: 2 }, { a: 3 }],
      c: '"a":',
      d: 'a',
    });
  });

  it('T9 allows twenty levels and refuses more, in bounded time and memory', () => {
    expect(parseJsonObject(nested(20))).toEqual({ a: expect.any(Array) });
    for (const depth of [21, 100_000]) expect(() => parseJsonObject(nested(depth))).toThrow('nested too deeply');
    expect(() => parseJsonObject('{"a":'.repeat(100_000))).toThrow('nested too deeply');
  });

  it('S12 quotes nothing of the text in what it throws', () => {
    const texts = ['{"access_token":"s3cret" oops}', '{"s3cret":1,"s3cret":2}', 's3cret', '{"\\s3cret":1}'];
    for (const text of texts) {
      const thrown = outcomeOf(() => parseJsonObject(text));
      expect(thrown).toBeInstanceOf(MalformedDocumentError);
      expect(String((thrown as Error).stack)).not.toContain('s3cret');
      expect((thrown as Error).cause).toBeUndefined();
    }
  });

  it('reads back every object that JSON can write, unless it is too deep or has a forbidden name', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (object) => {
        const text = JSON.stringify(object);
        fc.pre(!text.includes('__proto__'));
        expect(parseJsonObject(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('either reads a text as JSON.parse does or refuses it, whatever it is', () => {
    const pieces = fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', ' ', 'a', '1', '"a":', '"b":{', '\\u0061');
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 40 }).map((list) => list.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const outcome = outcomeOf(() => parseJsonObject(text));
        expect(outcome instanceof MalformedDocumentError ? 'refused' : outcome).toEqual(
          outcome instanceof MalformedDocumentError ? 'refused' : JSON.parse(text),
        );
      }),
      { numRuns: 2000 },
    );
  });
});

describe('isJsonObject', () => {
  it.each([[{}], [{ a: 1 }], [Object.create(null)]])('takes %j', (value) => {
    expect(isJsonObject(value)).toBe(true);
  });
  it.each([[null], [undefined], [[]], ['{}'], [1], [true]])('leaves %j', (value) => {
    expect(isJsonObject(value)).toBe(false);
  });
});
