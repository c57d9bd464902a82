import { describe, expect, it } from '@jest/globals';
import { CookieWriter } from '../../src/http/cookie-writer.js';
import { LoginMark } from '../../src/session/login-mark.js';
import { conversation } from './support.js';

describe('LoginMark', () => {
  const mark = new LoginMark(new CookieWriter({ publicUrl: () => 'https://app.example', crossSite: false }));

  it('is a cookie of ten seconds', () => {
    const { exchange, cookies } = conversation();
    mark.set(exchange);
    expect(cookies()).toEqual(['__Host-oidc.completed=1; Max-Age=10; Path=/; HttpOnly; SameSite=Lax; Secure']);
  });

  it('is taken once', () => {
    const { exchange, cookies } = conversation({ '__Host-oidc.completed': '1' });
    expect(mark.take(exchange)).toBe(true);
    expect(cookies()).toEqual([
      '__Host-oidc.completed=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax; Secure',
    ]);
  });

  it('is not there without its cookie, and leaves the response alone', () => {
    const { exchange, cookies } = conversation({ 'oidc.completed': '1' });
    expect({ taken: mark.take(exchange), cookies: cookies() }).toEqual({ taken: false, cookies: [] });
  });
});
