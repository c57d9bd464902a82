import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Configuration, customFetch, fetchUserInfo, WWWAuthenticateChallengeError } from 'openid-client';
import { challenge, errorChallenge } from '../../src/errors/challenge.js';

describe('errorChallenge', () => {
  it('is that of the error and the description it is given, whatever came before', () => {
    const pairs = [
      ['invalid_token', 'it has expired'],
      ['invalid_token', 'it has expired'],
      ['invalid_token', 'it is not valid'],
      ['invalid_request', 'it is not valid'],
      ['invalid_token', 'it has "expired"'],
    ] as const;
    for (const [error, error_description] of pairs)
      expect(errorChallenge(error, error_description)).toBe(challenge({ error, error_description }));
  });
});

describe('challenge', () => {
  it('is the bare scheme without parameters', () => {
    expect(challenge({})).toBe('Bearer');
  });

  it('writes each parameter as a quoted-string', () => {
    expect(challenge({ error: 'invalid_token', error_description: 'it has expired' })).toBe(
      'Bearer error="invalid_token", error_description="it has expired"',
    );
  });

  it('leaves out what RFC 6750 section 3 does not allow in a value', () => {
    expect(challenge({ error_description: 'a"b\\c\r\nSet-Cookie: d\u00e9\u0000\u007f' })).toBe(
      'Bearer error_description="abcSet-Cookie: d"',
    );
  });

  it('is read by a client as it was meant, whatever the values are', async () => {
    const name = fc.constantFrom('error', 'error_description', 'scope', 'acr_values', 'claims');
    const value = fc.string({ unit: 'binary', minLength: 1 });
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, value, { minKeys: 1 }), async (parameters) => {
        const expected = Object.entries(parameters).map(([key, text]) => [key, allowedIn(text)]);
        expect(await readByClient(challenge(parameters))).toEqual([
          { scheme: 'bearer', parameters: Object.fromEntries(expected) },
        ]);
      }),
    );
  });
});

function allowedIn(text: string): string {
  return [...text].filter((character) => /[\x20-\x7e]/.test(character) && !['"', '\\'].includes(character)).join('');
}

/** Challenges as the client of OpenID certification reads them. */
async function readByClient(value: string): Promise<unknown> {
  const issuer = 'https://provider.example';
  const configuration = new Configuration({ issuer, userinfo_endpoint: `${issuer}/me` }, 'client');
  configuration[customFetch] = () =>
    Promise.resolve(new Response(null, { status: 401, headers: { 'www-authenticate': value } }));
  try {
    return await fetchUserInfo(configuration, 'token', 'alice');
  } catch (error) {
    if (error instanceof WWWAuthenticateChallengeError) return error.cause;
    throw error;
  }
}
