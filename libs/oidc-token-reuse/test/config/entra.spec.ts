import { describe, expect, it } from '@jest/globals';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { resolveOptions } from '../../src/config/resolve-options.js';
import { OPTIONS, problemsOf } from './valid-options.js';

const ONE = '11111111-2222-3333-4444-55555555555a';
const TWO = '22222222-3333-4444-5555-66666666666b';
const PERSONAL = '9188040d-6c67-4c5b-b112-36a304b66dad';
const HOST = 'https://login.microsoftonline.com';

const resolved = (changes: Partial<OidcModuleOptions>) => resolveOptions({ ...OPTIONS, ...changes });
const problems = (changes: Partial<OidcModuleOptions>) => problemsOf(() => resolved(changes));

describe('Entra issuers that are refused', () => {
  it.each(['common', 'organizations', 'Common'])('%s without tenants', (name) => {
    expect(problems({ issuer: `${HOST}/${name}/v2.0` })).toEqual([
      {
        setting: 'tenants',
        message: 'is required with an issuer of several tenants; list the ids of the tenants allowed',
      },
    ]);
  });

  it('a tenant that is not an id', () => {
    expect(problems({ issuer: `${HOST}/common/v2.0`, tenants: [ONE, 'contoso.onmicrosoft.com'] })).toEqual([
      { setting: 'tenants', message: 'must hold tenant ids (GUIDs), not names' },
    ]);
  });

  it.each(['contoso.onmicrosoft.com', '{tenantid}'])(
    'an issuer of tenant %s, which metadata never confirms',
    (name) => {
      expect(problems({ issuer: `${HOST}/${name}/v2.0` })).toEqual([
        { setting: 'issuer', message: 'must name the tenant by its id (a GUID), or "organizations" or "common"' },
      ]);
    },
  );

  it('no tenant at all', () => {
    expect(problems({ issuer: 'https://sts.windows.net' })).toEqual([
      { setting: 'issuer', message: 'must name the tenant by its id (a GUID), or "organizations" or "common"' },
    ]);
  });

  it('the path of v1 under the host of v2', () => {
    expect(problems({ issuer: `${HOST}/${ONE}` })).toEqual([
      { setting: 'issuer', message: `must end in /v2.0, such as ${HOST}/TENANT-ID/v2.0` },
    ]);
  });

  it('other tenants than the only one of the issuer', () => {
    expect(problems({ issuer: `${HOST}/${ONE}/v2.0`, tenants: [ONE, TWO] })).toEqual([
      {
        setting: 'tenants',
        message:
          'names another tenant than the issuer; for several tenants write "organizations" in place of the id in the issuer',
      },
    ]);
  });

  it('tenants of another provider', () => {
    expect(problems({ tenants: [ONE] })).toEqual([
      { setting: 'tenants', message: 'means nothing with preset generic; remove it, or set preset to entra' },
    ]);
  });
});

describe('Entra issuers', () => {
  it.each([
    [`${HOST}/common/v2.0`, [ONE.toUpperCase(), TWO, ONE], `${HOST}/{tenantid}/v2.0`, [ONE, TWO]],
    [`${HOST}/organizations/v2.0`, [ONE], `${HOST}/{tenantid}/v2.0`, [ONE]],
    [`${HOST}/consumers/v2.0`, [], `${HOST}/${PERSONAL}/v2.0`, [PERSONAL]],
    [`${HOST}/${ONE}/v2.0`, [], `${HOST}/${ONE}/v2.0`, [ONE]],
    [`${HOST}/${ONE.toUpperCase()}/v2.0`, [ONE], `${HOST}/${ONE}/v2.0`, [ONE]],
    [`https://sts.windows.net/${ONE}/`, [], `https://sts.windows.net/${ONE}/`, [ONE]],
    ['https://sts.windows.net/common/', [TWO], 'https://sts.windows.net/{tenantid}/', [TWO]],
  ])('%s for %p', (configured, tenants, issuer, allowed) => {
    expect(resolved({ issuer: configured, tenants })).toMatchObject({
      preset: 'entra',
      issuer,
      tenants: allowed,
      discoveryUrl: `${configured.replace(/\/$/, '')}/.well-known/openid-configuration`,
    });
  });

  it('by its well-known URL', () => {
    const discoveryUrl = `${HOST}/common/v2.0/.well-known/openid-configuration`;
    expect(resolved({ issuer: discoveryUrl, tenants: [ONE] })).toMatchObject({
      issuer: `${HOST}/{tenantid}/v2.0`,
      discoveryUrl,
    });
  });

  it.each([
    ['http://127.0.0.1:3001', [], 'http://127.0.0.1:3001', []],
    ['http://127.0.0.1:3001/op', [ONE], 'http://127.0.0.1:3001/op', [ONE]],
    ['http://127.0.0.1:3001/common', [ONE], 'http://127.0.0.1:3001/{tenantid}', [ONE]],
    [`http://127.0.0.1:3001/${ONE}/v2.0`, [], `http://127.0.0.1:3001/${ONE}/v2.0`, [ONE]],
  ])('on another host with the preset named: %s for %p', (configured, tenants, issuer, allowed) => {
    expect(resolved({ issuer: configured, tenants, preset: 'entra' })).toMatchObject({ issuer, tenants: allowed });
  });
});

describe('Entra preset', () => {
  it('sends the scope at refresh, exchanges by jwt-bearer and knows that refresh tokens stay valid', () => {
    expect(resolved({ preset: 'entra', scope: 'openid offline_access' })).toMatchObject({
      scope: 'openid offline_access',
      refreshScope: 'openid offline_access',
      onBehalfOfFlavour: 'entra',
      replayWindow: 86_400,
    });
  });

  const accepted = (scope: string, changes: Partial<OidcModuleOptions> = {}) =>
    resolved({ preset: 'entra', scope: `openid ${scope}`, ...changes }).acceptedAudiences;

  it.each([
    ['api://orders/.default', ['client-1', 'api://orders']],
    ['api://orders/read api://orders/write', ['client-1', 'api://orders']],
    ['api://example.com/orders/read', ['client-1', 'api://example.com/orders']],
    [`api://${ONE}/.default`, ['client-1', `api://${ONE}`, ONE]],
    ['api://orders', ['client-1']],
    ['https://graph.microsoft.com/User.Read', ['client-1']],
  ])('accepts of %s %p', (scope, audiences) => {
    expect(accepted(scope)).toEqual(audiences);
  });

  it('keeps the configured audiences first, and sends only those at login', () => {
    const { acceptedAudiences, loginAudience } = resolved({
      preset: 'entra',
      scope: 'openid api://orders/read',
      audience: ['x'],
    });
    expect(acceptedAudiences).toEqual(['client-1', 'x', 'api://orders']);
    expect(loginAudience).toBe('x');
    expect(resolved({ preset: 'entra', scope: 'openid api://orders/read' }).loginAudience).toBeUndefined();
  });

  it('accepts an ID Token for the client id and the configured audiences only', () => {
    expect(accepted('api://orders/read', { reusedToken: 'id_token', audience: ['x'] })).toEqual(['client-1', 'x']);
  });

  it('derives no audience for another preset', () => {
    expect(accepted('api://orders/read', { preset: 'generic' })).toEqual(['client-1']);
  });
});
