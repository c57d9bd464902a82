import { describe, expect, it } from '@jest/globals';
import { HttpException } from '@nestjs/common';
import { OidcConfigurationException } from '../../src/errors/configuration.exception.js';
import {
  CoordinationUnavailableException,
  ForbiddenException,
  InsufficientScopeException,
  InsufficientUserAuthenticationException,
  InvalidRequestException,
  InvalidTokenException,
  LoginFailedException,
  LoginRequiredException,
  OnBehalfOfException,
  ProviderUnavailableException,
  tokenReuseDisabled,
  UnauthorizedException,
} from '../../src/errors/exceptions.js';
import { ERROR_CODES, OidcException, withoutStack } from '../../src/errors/oidc.exception.js';

describe('failures', () => {
  it.each([
    [new UnauthorizedException(), 401, 'unauthorized', { 'WWW-Authenticate': 'Bearer' }],
    [
      new InvalidRequestException('no'),
      400,
      'invalid_request',
      { 'WWW-Authenticate': 'Bearer error="invalid_request", error_description="no"' },
    ],
    [
      new InvalidTokenException('no'),
      401,
      'invalid_token',
      { 'WWW-Authenticate': 'Bearer error="invalid_token", error_description="no"' },
    ],
    [
      new InsufficientScopeException(['a', 'b'], 'no'),
      403,
      'insufficient_scope',
      { 'WWW-Authenticate': 'Bearer error="insufficient_scope", error_description="no", scope="a b"' },
    ],
    [
      new InsufficientScopeException([], 'no'),
      403,
      'insufficient_scope',
      { 'WWW-Authenticate': 'Bearer error="insufficient_scope", error_description="no"' },
    ],
    [
      new InsufficientUserAuthenticationException(['a', 'b']),
      401,
      'insufficient_user_authentication',
      {
        'WWW-Authenticate':
          'Bearer error="insufficient_user_authentication", error_description="a different authentication level is required", acr_values="a b"',
      },
    ],
    [new ProviderUnavailableException('no'), 503, 'provider_unavailable', { 'Retry-After': '5' }],
    [new ProviderUnavailableException('no', { retryAfter: 30 }), 503, 'provider_unavailable', { 'Retry-After': '30' }],
    [new CoordinationUnavailableException(), 503, 'session_store_unavailable', { 'Retry-After': '1' }],
    [new LoginRequiredException('session_missing', 'no'), 401, 'session_missing', { 'WWW-Authenticate': 'Bearer' }],
    [new LoginRequiredException('login_required', 'no'), 401, 'login_required', { 'WWW-Authenticate': 'Bearer' }],
    [new ForbiddenException('csrf', 'no'), 403, 'csrf', {}],
    [tokenReuseDisabled(), 403, 'token_reuse_disabled', {}],
    [new LoginFailedException('issuer_mismatch', 400, 'no'), 400, 'issuer_mismatch', {}],
    [new OnBehalfOfException('consent_required', { description: 'no' }), 403, 'consent_required', {}],
    [new OnBehalfOfException('provider_rejected', { description: 'no' }), 502, 'provider_rejected', {}],
  ])('%s: %i %s', (exception, status, code, headers) => {
    expect(exception).toBeInstanceOf(HttpException);
    expect({ status: exception.getStatus(), code: exception.code, headers: exception.headers }).toEqual({
      status,
      code,
      headers,
    });
    expect(exception.getResponse()).toMatchObject({ error: code, error_description: exception.message });
    expect(ERROR_CODES).toContain(code);
  });

  it('keep their cause and say more where that helps', () => {
    const cause = new Error('inner');
    const exception = new OidcException('access_denied', 418, { description: 'no', cause, members: { hint: 'x' } });
    expect({ cause: exception.cause, body: exception.getResponse(), status: exception.getStatus() }).toEqual({
      cause,
      body: { error: 'access_denied', error_description: 'no', hint: 'x' },
      status: 418,
    });
  });

  it('hand claims that the provider asks for to the client, as a challenge in base64', () => {
    const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
    const exception = new OnBehalfOfException('interaction_required', { description: 'sign in again', claims });
    expect(exception.claims).toBe(claims);
    expect(exception.headers).toEqual({
      'WWW-Authenticate': `Bearer error="insufficient_claims", error_description="sign in again", claims="${Buffer.from(claims).toString('base64')}"`,
    });
    expect(exception.getResponse()).toEqual({
      error: 'interaction_required',
      error_description: 'sign in again',
    });
  });

  it('have codes that each stand once in the list, in order', () => {
    expect([...ERROR_CODES]).toEqual([...new Set(ERROR_CODES)].sort());
  });
});

describe('OidcConfigurationException', () => {
  it('lists every problem with its setting', () => {
    const problems = [
      { setting: 'OPENID_ISSUER', message: 'is no URL' },
      { setting: 'clientId', message: 'is missing' },
    ];
    const exception = new OidcConfigurationException(problems);
    expect({ name: exception.name, message: exception.message, problems: exception.problems }).toEqual({
      name: 'OidcConfigurationException',
      message: 'The OpenID Connect configuration has 2 problem(s):\n  OPENID_ISSUER: is no URL\n  clientId: is missing',
      problems,
    });
  });
});

describe('an error without a stack', () => {
  it('says what it is and nothing of where, and the next one says where again', () => {
    const before = Error.stackTraceLimit;
    expect(withoutStack(() => new InvalidTokenException('no')).stack).not.toContain(' at ');
    expect(() =>
      withoutStack(() =>
        (() => {
          throw new RangeError('broken');
        })(),
      ),
    ).toThrow(RangeError);
    expect([Error.stackTraceLimit, new InvalidTokenException('no').stack?.includes(' at ')]).toEqual([before, true]);
  });
});
