import { describe, expect, it } from '@jest/globals';
import { codeOf, readAuthorizationResponse } from '../../src/login/authorization-response.js';
import { OidcException } from '../../src/errors/oidc.exception.js';

const ISSUER = 'https://id.example';

/** Code, status and message of what is thrown. */
function refusalOf(action: () => unknown): readonly unknown[] {
  try {
    return ['accepted', action()];
  } catch (error) {
    if (error instanceof OidcException) return [error.code, error.getStatus(), error.message];
    throw error;
  }
}

function code(parameters: Readonly<Record<string, string>>, required = false): readonly unknown[] {
  const response = readAuthorizationResponse({ state: 's', ...parameters });
  return refusalOf(() => codeOf(response, { accepts: (issuer) => issuer === ISSUER, required }));
}

describe('readAuthorizationResponse', () => {
  it.each(['state', 'code', 'error', 'iss'])('T16 refuses %s sent twice', (name) => {
    const source = { state: 's', code: 'c', [name]: ['1', '2'] };
    expect(refusalOf(() => readAuthorizationResponse(source))).toEqual([
      'invalid_request',
      400,
      `parameter '${name}' has to be sent once, as one string`,
    ]);
  });

  it.each([undefined, null, 'state=s', {}, { state: '' }, { code: 'c' }, { error: 'access_denied' }])(
    'refuses %j, which has no state',
    (source) => {
      expect(refusalOf(() => readAuthorizationResponse(source))).toEqual([
        'invalid_request',
        400,
        "parameter 'state' is missing",
      ]);
    },
  );

  it('L12 does not read what the provider says in its own words', () => {
    const source = { state: 's', error: 'e', error_description: '<script>', error_uri: 'https://evil.example' };
    expect(readAuthorizationResponse(source)).toEqual({ state: 's', code: undefined, error: 'e', iss: undefined });
  });
});

describe('codeOf', () => {
  const mismatch = ['issuer_mismatch', 400, 'the response does not come from the OpenID Provider that was asked'];

  it('gives the code', () => {
    expect(code({ code: 'c' })).toEqual(['accepted', 'c']);
  });

  it('gives the code of a response with the right iss', () => {
    expect(code({ code: 'c', iss: ISSUER }, true)).toEqual(['accepted', 'c']);
  });

  it('L4 refuses another iss, announced or not', () => {
    const iss = 'https://evil.example';
    expect([code({ code: 'c', iss }), code({ code: 'c', iss }, true), code({ code: 'c', iss: '' })]).toEqual([
      mismatch,
      mismatch,
      mismatch,
    ]);
  });

  it('L4 refuses a missing iss where the provider announces one', () => {
    expect([code({ code: 'c' }, true), code({ error: 'access_denied' }, true)]).toEqual([mismatch, mismatch]);
  });

  it('refuses a response with neither code nor error', () => {
    const missing = ['invalid_request', 400, "parameter 'code' is missing"];
    expect([code({}), code({ code: '' })]).toEqual([missing, missing]);
  });

  it.each([
    'access_denied',
    'login_required',
    'interaction_required',
    'consent_required',
    'account_selection_required',
  ])('keeps the name of %s, also beside a code', (error) => {
    const refusal = [error, 403, 'the OpenID Provider did not sign the end-user in'];
    expect([code({ error }), code({ error, code: 'c' })]).toEqual([refusal, refusal]);
  });

  it.each(['temporarily_unavailable', 'server_error'])('reads %s as not now', (error) => {
    expect(code({ error })).toEqual(['provider_unavailable', 503, 'the OpenID Provider cannot sign anybody in now']);
  });

  it('names another error by its code', () => {
    expect(code({ error: 'invalid_scope' })).toEqual([
      'provider_rejected',
      502,
      'the OpenID Provider refused to sign anybody in with "invalid_scope"',
    ]);
  });

  it.each(['<script>alert(1)</script>', '"', 'Access Denied', 'é', 'a\r\nb', '', 'x'.repeat(65)])(
    'L12 does not repeat the error %j',
    (error) => {
      expect(code({ error })).toEqual(['provider_rejected', 502, 'the OpenID Provider refused to sign anybody in']);
    },
  );
});
