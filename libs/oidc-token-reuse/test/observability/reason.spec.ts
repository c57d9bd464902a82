import { describe, expect, it } from '@jest/globals';
import { ProviderUnavailableException } from '../../src/errors/exceptions.js';
import { reasonOf } from '../../src/observability/reason.js';
import { ProviderRefusal, UnacceptableAnswerError } from '../../src/provider/provider-refusal.js';

const SECRET = 'eyJhbGciOiJSUzI1NiJ9.payload.signature';

describe('reasonOf', () => {
  it('gives our own words, then names and codes of what caused it', () => {
    const refused = Object.assign(new Error(`connect to ${SECRET}`), { code: 'ECONNREFUSED' });
    const cause = new TypeError(`fetch failed ${SECRET}`, { cause: refused });
    expect(reasonOf(new ProviderUnavailableException('the OpenID Provider did not answer', { cause }))).toBe(
      'the OpenID Provider did not answer < TypeError < Error ECONNREFUSED',
    );
  });

  it('gives the code of a refusal and the rule that an answer broke', () => {
    expect(reasonOf(new ProviderRefusal('invalid_grant', 400))).toBe(
      'the OpenID Provider refused with "invalid_grant"',
    );
    expect(reasonOf(new UnacceptableAnswerError('the answer is about another subject'))).toBe(
      'the answer is about another subject',
    );
  });

  it.each([
    [SECRET, 'string'],
    [undefined, 'undefined'],
    [{ message: SECRET }, 'object'],
    [Object.assign(new Error(SECRET), { code: 5 }), 'Error'],
    [Object.assign(new Error(SECRET), { code: `${SECRET}\n` }), 'Error'],
    [Object.assign(new Error(SECRET), { code: 'x'.repeat(201) }), 'Error'],
  ])('never gives a message or a value that came from outside: %#', (error, reason) => {
    expect(reasonOf(error)).toBe(reason);
  });

  it('names the class of an error that leaves its name as it is', () => {
    class ClientOfflineError extends Error {}
    expect(reasonOf(new Error(SECRET, { cause: new ClientOfflineError(SECRET) }))).toBe('Error < ClientOfflineError');
  });

  it('stops at the fourth cause', () => {
    const deep = new Error('1', { cause: new Error('2', { cause: new Error('3', { cause: endless() }) }) });
    expect(reasonOf(deep)).toBe('Error < Error < Error < RangeError');
  });
});

function endless(): Error {
  const error = new RangeError('4');
  error.cause = error;
  return error;
}
