import { describe, expect, it } from '@jest/globals';
import { CookieWriter } from '../../src/http/cookie-writer.js';
import { conversation } from '../session/support.js';

const LOOPBACK = 'http://localhost:3000';
const PUBLIC = 'https://app.example';

describe.each([
  { publicUrl: LOOPBACK, crossSite: false, name: 'oidc.x', attributes: 'Path=/; HttpOnly; SameSite=Lax' },
  { publicUrl: LOOPBACK, crossSite: true, name: 'oidc.x', attributes: 'Path=/; HttpOnly; SameSite=Lax' },
  { publicUrl: PUBLIC, crossSite: false, name: '__Host-oidc.x', attributes: 'Path=/; HttpOnly; SameSite=Lax; Secure' },
  { publicUrl: PUBLIC, crossSite: true, name: '__Host-oidc.x', attributes: 'Path=/; HttpOnly; SameSite=None; Secure' },
])('cookies of $publicUrl, cross-site $crossSite', ({ publicUrl, crossSite, name, attributes }) => {
  const writer = new CookieWriter({ publicUrl: () => publicUrl, crossSite });

  it('S1 S9 are set and cleared with the same attributes', () => {
    const { exchange, cookies } = conversation();
    expect(writer.nameOf('oidc.x')).toBe(name);
    writer.set(exchange, writer.nameOf('oidc.x'), { value: 'sealed', maxAge: 60 });
    expect(cookies()).toEqual([`${name}=sealed; Max-Age=60; ${attributes}`]);
    writer.clear(exchange, writer.nameOf('oidc.x'));
    expect(cookies()).toEqual([`${name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ${attributes}`]);
  });
});

describe('CookieWriter', () => {
  it('asks for the public URL when the first cookie is named, not before', () => {
    let url = '';
    const writer = new CookieWriter({ publicUrl: () => url, crossSite: false });
    url = PUBLIC;
    expect(writer.nameOf('a')).toBe('__Host-a');
  });
});
