import { describe, expect, it } from '@jest/globals';
import { isOwnIssuer, issuerOf, validateIssuer, type IssuerPolicy } from '../../src/verification/issuer.js';
import type { Claims } from './support.js';

const A = '11111111-1111-1111-1111-111111111111';
const B = '22222222-2222-2222-2222-222222222222';
const C = '33333333-3333-3333-3333-333333333333';
const v1 = (tenant: string): string => `https://sts.windows.net/${tenant}/`;
const v2 = (tenant: string): string => `https://login.microsoftonline.com/${tenant}/v2.0`;

const ONE: IssuerPolicy = {
  metadataIssuer: 'https://id.example.com',
  options: { preset: 'generic', tenants: [] },
  keyIssuer: undefined,
};
const ENTRA: IssuerPolicy = {
  metadataIssuer: v2('{tenantid}'),
  options: { preset: 'entra', tenants: [A, B] },
  keyIssuer: v2('{tenantid}'),
};
const check = (claims: Claims, policy: IssuerPolicy): string | undefined => validateIssuer(claims, policy);

describe('validateIssuer, one issuer', () => {
  it('takes it byte for byte, and knows no tenant', () => {
    expect(check({ iss: 'https://id.example.com', tid: A }, ONE)).toBeUndefined();
  });

  it.each([
    'https://id.example.com/',
    'https://ID.example.com',
    'http://id.example.com',
    'https://id.example.com.evil.example',
    '',
    v2(A),
  ])('refuses %j', (iss) => {
    expect(() => check({ iss }, ONE)).toThrow('unexpected "iss" claim value');
  });

  it.each([[undefined], [null], [7], [['https://id.example.com']]])('refuses an iss that is no string: %j', (iss) => {
    expect(() => check({ iss }, ONE)).toThrow('missing or malformed "iss" claim value');
  });

  it('refuses a key of another issuer', () => {
    expect(check({ iss: ONE.metadataIssuer }, { ...ONE, keyIssuer: ONE.metadataIssuer })).toBeUndefined();
    expect(() => check({ iss: ONE.metadataIssuer }, { ...ONE, keyIssuer: 'https://other.example' })).toThrow(
      'unexpected "iss" claim value',
    );
  });
});

describe('validateIssuer, Entra', () => {
  it.each([
    [v2(A), A],
    [v1(A), A],
    [v2(B), B],
  ])('T12 takes the v1 and the v2 issuer of an allowed tenant: %s', (iss, tid) => {
    expect(check({ iss, tid }, ENTRA)).toBe(tid);
  });

  it.each([
    ['of another tenant than it says', { iss: v2(B), tid: A }],
    ['of another tenant than it says, v1', { iss: v1(B), tid: A }],
    ['with the template itself', { iss: v2('{tenantid}'), tid: A }],
    ['of the v1 endpoint without its slash', { iss: v1(A).slice(0, -1), tid: A }],
    ['of common', { iss: v2('common'), tid: A }],
  ])('T12 refuses an issuer %s', (_what, claims) => {
    expect(() => check(claims, ENTRA)).toThrow('unexpected "iss" claim value');
  });

  it.each([
    ['missing', undefined],
    ['not allowed', C],
    ['no string', [A]],
    ['no GUID', 'contoso.onmicrosoft.com'],
    ['in other letters', A.toUpperCase().replace('1', 'A')],
    ['empty', ''],
    ['a pattern', '$&'],
  ])('T12 refuses a tid that is %s', (_what, tid) => {
    expect(() => check({ iss: v2(String(tid)), tid }, ENTRA)).toThrow('missing or not allowed "tid" claim value');
  });

  it('T12 refuses a key of another tenant, and takes one of the same tenant or of all', () => {
    const claims = { iss: v2(A), tid: A };
    for (const keyIssuer of [v2('{tenantid}'), v1('{tenantid}'), v2(A), v1(A), undefined])
      expect(check(claims, { ...ENTRA, keyIssuer })).toBe(A);
    for (const keyIssuer of [v2(B), v1(B), v2('9188040d-6c67-4c5b-b112-36a304b66dad'), 'https://other.example'])
      expect(() => check(claims, { ...ENTRA, keyIssuer })).toThrow('unexpected "iss" claim value');
  });

  it('takes the forms of Entra for those of Entra only', () => {
    const other: IssuerPolicy = { ...ENTRA, metadataIssuer: 'https://id.example.com/{tenantid}', keyIssuer: undefined };
    const generic: IssuerPolicy = { ...other, options: { preset: 'generic', tenants: [A] } };
    expect(check({ iss: `https://id.example.com/${A}`, tid: A }, generic)).toBe(A);
    expect(() => check({ iss: v2(A), tid: A }, generic)).toThrow('unexpected "iss" claim value');
  });
});

describe('issuerOf', () => {
  it('is one name for both forms of a tenant, so that identities do not depend on the version of a token', () => {
    expect(issuerOf(v2('{tenantid}'), A)).toBe(v2(A));
    expect(issuerOf('https://id.example.com', undefined)).toBe('https://id.example.com');
  });
});

describe('isOwnIssuer', () => {
  it('knows the only issuer, or those of the allowed tenants', () => {
    expect(isOwnIssuer('https://id.example.com', ONE.metadataIssuer, ONE.options)).toBe(true);
    expect(isOwnIssuer(v2(A), ONE.metadataIssuer, ONE.options)).toBe(false);
    expect([A, B, C].map((tenant) => isOwnIssuer(v2(tenant), ENTRA.metadataIssuer, ENTRA.options))).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('validateIssuer, at the edges of its policy', () => {
  it.each([`x${A}`, `${A}x`, 'contoso'])('T12 takes %s for no tenant, although it is on the list', (tid) => {
    const policy = { ...ENTRA, options: { preset: 'entra', tenants: [tid] } } as const;
    expect(() => check({ iss: v2(tid), tid }, policy)).toThrow('missing or not allowed "tid" claim value');
  });

  it('takes the one issuer that Entra has without tenants, and no form of it for a tenant that there is not', () => {
    const policy = {
      ...ENTRA,
      metadataIssuer: v2(A),
      keyIssuer: undefined,
      options: { preset: 'entra', tenants: [] },
    } as const;
    expect(check({ iss: v2(A), tid: A }, policy)).toBeUndefined();
    for (const iss of [v1('undefined'), v2('undefined')])
      expect(() => check({ iss, tid: A }, policy)).toThrow('unexpected "iss" claim value');
  });

  it('T12 takes the v2 issuer of Entra also where the metadata names the v1 form', () => {
    expect(check({ iss: v2(A), tid: A }, { ...ENTRA, metadataIssuer: v1('{tenantid}'), keyIssuer: undefined })).toBe(A);
  });

  it('leaves a template alone where there is no tenant', () => {
    const policy = { ...ONE, metadataIssuer: 'https://id.example.com/{tenantid}' };
    expect(check({ iss: 'https://id.example.com/{tenantid}' }, policy)).toBeUndefined();
    expect(issuerOf('https://id.example.com/{tenantid}', undefined)).toBe('https://id.example.com/{tenantid}');
  });
});
