import { describe, expect, it } from '@jest/globals';
import { resolveOptions } from '../../src/config/resolve-options.js';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { InvalidRequestException } from '../../src/errors/exceptions.js';
import { readLoginRequest, type LoginRequest } from '../../src/login/login-request.js';
import { OPTIONS } from '../config/valid-options.js';

function read(query: unknown, options: Partial<OidcModuleOptions> = {}): LoginRequest {
  return readLoginRequest(query, resolveOptions({ ...OPTIONS, ...options }));
}

describe('readLoginRequest', () => {
  it.each(['prompt', 'login_hint', 'ui_locales', 'acr_values', 'max_age', 'returnTo', 'iss', 'target_link_uri'])(
    'refuses %s sent twice',
    (name) => {
      expect(() => read({ [name]: ['1', '2'] })).toThrow(
        new InvalidRequestException(`parameter '${name}' has to be sent once, as one string`),
      );
    },
  );

  it.each(['', '-1', '1.5', '1e3', '0x10', ' 1', '1234567890', 'NaN', '１'])('refuses max_age %j', (value) => {
    expect(() => read({ max_age: value })).toThrow(
      new InvalidRequestException("parameter 'max_age' is a number of seconds"),
    );
  });

  it('asks for nothing of its own', () => {
    expect(read({})).toStrictEqual({
      iss: undefined,
      returnTo: '/',
      maxAge: undefined,
      isForced: false,
      parameters: {},
    });
  });

  it('asks for the claims of the options', () => {
    const claims = { id_token: { auth_time: { essential: true } }, userinfo: { email: null } };
    expect(read({ claims: '{}' }, { claims }).parameters).toEqual({ claims: JSON.stringify(claims) });
  });

  it('L9 passes five parameters on, and nothing else', () => {
    const passed = {
      prompt: 'consent',
      login_hint: 'a@b.example',
      ui_locales: 'fr',
      acr_values: 'urn:x',
      max_age: '60',
    };
    const dropped = {
      redirect_uri: 'https://evil.example',
      scope: 'openid admin',
      client_id: 'other',
      response_type: 'token',
      response_mode: 'fragment',
      state: 's',
      nonce: 'n',
      code_challenge: 'c',
      code_challenge_method: 'plain',
      request: 'jwt',
      request_uri: 'urn:x',
      claims: '{}',
      id_token_hint: 'jwt',
      resource: 'https://evil.example',
      audience: 'evil',
      display: 'page',
    };
    expect(read({ ...dropped, ...passed }).parameters).toEqual(passed);
  });

  it('takes iss and target_link_uri of another site, and sends neither', () => {
    const asked = { iss: 'https://id.example.com', target_link_uri: 'https://app.example.com/page?a=b' };
    expect(read({ ...asked, returnTo: '/other' })).toEqual({
      iss: 'https://id.example.com',
      returnTo: '/page?a=b',
      maxAge: undefined,
      isForced: false,
      parameters: {},
    });
  });

  it('sends what the options say', () => {
    const options = {
      acrValues: 'urn:a urn:b',
      resource: 'https://api.example',
      audience: ['https://api.example', 'other'],
      maxAge: 300,
      preset: 'google',
    } as const;
    expect(read({}, options)).toEqual({
      returnTo: '/',
      maxAge: 300,
      isForced: false,
      parameters: {
        access_type: 'offline',
        acr_values: 'urn:a urn:b',
        resource: 'https://api.example',
        audience: 'https://api.example',
        max_age: '300',
      },
    });
  });

  it('lets a page ask for another authentication context than the options', () => {
    expect(read({ acr_values: 'urn:strong' }, { acrValues: 'urn:weak' }).parameters).toEqual({
      acr_values: 'urn:strong',
    });
  });

  it.each([
    ['60', 60],
    ['300', 300],
    ['999999999', 300],
    ['0', 0],
  ])('lets a page that sends max_age %s have at most the 300 s of the options', (asked, maxAge) => {
    const request = read({ max_age: asked }, { maxAge: 300 });
    expect({ maxAge: request.maxAge, sent: request.parameters['max_age'] }).toEqual({ maxAge, sent: String(maxAge) });
  });

  it('keeps a max_age of 0 from the options', () => {
    expect(read({}, { maxAge: 0 })).toMatchObject({ maxAge: 0, parameters: { max_age: '0' } });
  });

  it.each([
    [undefined, false],
    ['', false],
    ['login', true],
    ['consent login', true],
    ['consent', false],
    ['loginx', false],
    ['none', false],
  ])('reads prompt %j as forced: %p', (prompt, isForced) => {
    expect(read({ prompt }).isForced).toBe(isForced);
  });

  it('L8 takes a returnTo of any length for the start page, not for an error', () => {
    expect([9000, 1_000_000].map((length) => read({ returnTo: `/${'a'.repeat(length)}` }).returnTo)).toEqual([
      '/',
      '/',
    ]);
  });
});
