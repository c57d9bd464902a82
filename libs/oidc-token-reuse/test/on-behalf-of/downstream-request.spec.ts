import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { resolveOptions } from '../../src/config/resolve-options.js';
import type { Assertion } from '../../src/on-behalf-of/assertion.js';
import {
  cacheKey,
  normalScope,
  ownerOf,
  toWire,
  type DownstreamRequest,
} from '../../src/on-behalf-of/downstream-request.js';
import { OPTIONS } from '../config/valid-options.js';
import { verifiedToken } from '../support.js';

const EXCHANGE = resolveOptions({ ...OPTIONS, onBehalfOfFlavour: 'token-exchange' });
const ENTRA = resolveOptions({ ...OPTIONS, onBehalfOfFlavour: 'entra' });
const OTHER_CLIENT = resolveOptions({ ...OPTIONS, clientId: 'client-2', onBehalfOfFlavour: 'token-exchange' });
const ASSERTION: Assertion = { token: 'token', verified: verifiedToken({ tenant: 'tenant' }) };
const REQUEST: DownstreamRequest = { scope: 'a b', resource: 'urn:r', audience: 'urn:a' };

describe('normalScope', () => {
  it('is the same for the same scopes, however they are written', () => {
    expect([' b  a ', 'a b a', 'a b'].map(normalScope)).toEqual(['a b', 'a b', 'a b']);
  });

  it('holds every scope once, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'B', '.', '/'), minLength: 1 })), (scopes) => {
        expect(normalScope(scopes.join(' '))).toBe([...new Set(scopes)].sort().join(' '));
      }),
    );
  });
});

describe('cacheKey', () => {
  const key = cacheKey(ASSERTION, REQUEST, EXCHANGE);
  const verified = (parts: Partial<Assertion['verified']>): Assertion => ({
    token: 'token',
    verified: { ...ASSERTION.verified, ...parts },
  });

  it.each([
    ['issuer', cacheKey(verified({ issuer: 'https://other.example' }), REQUEST, EXCHANGE)],
    ['tenant', cacheKey(verified({ tenant: 'other' }), REQUEST, EXCHANGE)],
    ['absence of a tenant', cacheKey(verified({ tenant: undefined }), REQUEST, EXCHANGE)],
    ['subject', cacheKey(verified({ subject: 'bob' }), REQUEST, EXCHANGE)],
    ['assertion', cacheKey({ ...ASSERTION, token: 'other' }, REQUEST, EXCHANGE)],
    ['client', cacheKey(ASSERTION, REQUEST, OTHER_CLIENT)],
    ['wire form', cacheKey(ASSERTION, REQUEST, ENTRA)],
    ['smaller scope', cacheKey(ASSERTION, { ...REQUEST, scope: 'a' }, EXCHANGE)],
    ['larger scope', cacheKey(ASSERTION, { ...REQUEST, scope: 'a b c' }, EXCHANGE)],
    ['resource', cacheKey(ASSERTION, { ...REQUEST, resource: 'urn:other' }, EXCHANGE)],
    ['absence of a resource', cacheKey(ASSERTION, { scope: 'a b', audience: 'urn:a' }, EXCHANGE)],
    ['audience', cacheKey(ASSERTION, { ...REQUEST, audience: 'urn:other' }, EXCHANGE)],
    [
      'resource and audience exchanged',
      cacheKey(ASSERTION, { scope: 'a b', resource: 'urn:a', audience: 'urn:r' }, EXCHANGE),
    ],
  ])('R3 is another one for another %s', (_what, other) => {
    expect(other).not.toBe(key);
  });

  it('R3 is the same for the same scopes in another order', () => {
    expect(cacheKey(ASSERTION, { ...REQUEST, scope: 'b  a a' }, EXCHANGE)).toBe(key);
  });

  it('R3 never is the same for two requests that differ, wherever their parts begin and end', () => {
    const part = fc.string({ unit: fc.constantFrom('a', '"', ',', '\\', '[', 'n'), maxLength: 4 });
    const keyFor = (resource: string, audience: string) =>
      cacheKey(ASSERTION, { scope: 'a', resource, audience }, EXCHANGE);
    fc.assert(
      fc.property(fc.tuple(part, part, part), fc.constantFrom(',', '","', ' ', ''), ([one, two, three], between) => {
        const early = [one, `${two}${between}${three}`] as const;
        const late = [`${one}${between}${two}`, three] as const;
        expect(keyFor(...early) === keyFor(...late)).toBe(early.join('|') === late.join('|'));
      }),
    );
  });

  it('says nothing of the token', () => {
    expect(key).toMatch(/^[\w-]{43}$/);
  });
});

describe('ownerOf', () => {
  it('tells issuers, tenants and subjects apart', () => {
    const owners = [
      { issuer: 'i', tenant: undefined, subject: 's' },
      { issuer: 'i', tenant: 't', subject: 's' },
      { issuer: 'i', tenant: undefined, subject: 't' },
      { issuer: 'j', tenant: undefined, subject: 's' },
    ];
    expect(new Set(owners.map(ownerOf)).size).toBe(4);
  });
});

describe('toWire', () => {
  it('writes the on-behalf-of flow of Entra', () => {
    expect(toWire(ASSERTION, { ...REQUEST, scope: 'b a' }, ENTRA)).toEqual({
      grantType: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      parameters: { assertion: 'token', requested_token_use: 'on_behalf_of', scope: 'a b' },
    });
  });

  it('writes a token exchange of RFC 8693', () => {
    expect(toWire(ASSERTION, REQUEST, EXCHANGE)).toEqual({
      grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
      parameters: {
        subject_token: 'token',
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        scope: 'a b',
        resource: 'urn:r',
        audience: 'urn:a',
      },
    });
  });

  it('leaves out what was not asked for', () => {
    expect(Object.keys(toWire(ASSERTION, { scope: ' ' }, EXCHANGE).parameters)).toEqual([
      'subject_token',
      'subject_token_type',
      'requested_token_type',
    ]);
    expect(Object.keys(toWire(ASSERTION, { scope: '' }, ENTRA).parameters)).toEqual([
      'assertion',
      'requested_token_use',
    ]);
  });
});
