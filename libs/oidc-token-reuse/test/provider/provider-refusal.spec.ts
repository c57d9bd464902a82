import { describe, expect, it } from '@jest/globals';
import { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { ProviderUnavailableException } from '../../src/errors/exceptions.js';
import { LostResponseException } from '../../src/provider/provider-fetch.js';
import { asProviderFailure, ProviderRefusal, UnacceptableAnswerError } from '../../src/provider/provider-refusal.js';

const response = new Response(null, { status: 400 });
const body = (cause: Record<string, unknown>): ResponseBodyError =>
  new ResponseBodyError('refused', { cause: { error: 'invalid_grant', ...cause }, response });
const wrapped = (error: Error, times: number): Error =>
  Array.from({ length: times }).reduce<Error>((cause) => new Error('wrapped', { cause }), error);

describe('asProviderFailure', () => {
  it('reads an error response, without its free text', () => {
    const failure = asProviderFailure(body({ error_description: 'alice is locked' }));
    expect(failure).toBeInstanceOf(ProviderRefusal);
    expect(failure).toMatchObject({ error: 'invalid_grant', status: 400, claims: undefined, suberror: undefined });
    expect(failure.message).toBe('the OpenID Provider refused with "invalid_grant"');
  });

  it.each(['Invalid Grant', 'a"b', '', 'x'.repeat(65), 'ünknown'])('takes %j for no code', (error) => {
    expect(asProviderFailure(body({ error, suberror: error }))).toMatchObject({
      error: 'unknown_error',
      suberror: 'unknown_error',
    });
  });

  it('keeps a claims challenge that is a JSON object of at most 4096 characters', () => {
    const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
    expect(asProviderFailure(body({ claims, suberror: 'basic_action' }))).toMatchObject({
      claims,
      suberror: 'basic_action',
    });
  });

  it.each([['[]'], ['{"a":'], [`{"a":"${'x'.repeat(4096)}"}`], [{ a: 1 }], [7]])(
    'leaves the claims out: %j',
    (claims) => {
      expect(asProviderFailure(body({ claims }))).toMatchObject({ claims: undefined });
    },
  );

  it('reads a challenge and an authorization error', () => {
    const challenge = (parameters: Record<string, string>): WWWAuthenticateChallengeError =>
      new WWWAuthenticateChallengeError('challenge', { cause: [{ scheme: 'bearer', parameters }], response });
    expect(asProviderFailure(challenge({ error: 'invalid_token' }))).toMatchObject({
      error: 'invalid_token',
      status: 400,
    });
    expect(asProviderFailure(challenge({}))).toMatchObject({ error: 'unknown_error' });
    const none = new WWWAuthenticateChallengeError('challenge', { cause: [], response });
    expect(asProviderFailure(none)).toMatchObject({ error: 'unknown_error' });
    const refused = new AuthorizationResponseError('refused', {
      cause: new URLSearchParams({ error: 'access_denied' }),
    });
    expect(asProviderFailure(refused)).toMatchObject({ error: 'access_denied', status: 400 });
  });

  it.each([
    new ProviderRefusal('invalid_token', 401),
    new UnacceptableAnswerError('about somebody else'),
    new ProviderUnavailableException('down'),
    new LostResponseException('lost'),
  ])('finds our own failure inside of what openid-client made of it: %s', (failure) => {
    expect([0, 1, 3].map((times) => asProviderFailure(wrapped(failure, times)))).toEqual([failure, failure, failure]);
  });

  it('takes everything else for a lost response', () => {
    for (const error of [new Error('?'), 'text', undefined, wrapped(new ProviderRefusal('deep', 400), 4)])
      expect(asProviderFailure(error)).toBeInstanceOf(LostResponseException);
  });
});
