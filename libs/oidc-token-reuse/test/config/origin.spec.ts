import { describe, expect, it } from '@jest/globals';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { resolveOptions } from '../../src/config/resolve-options.js';
import { OPTIONS, problemsOf } from './valid-options.js';

const resolved = (changes: Partial<OidcModuleOptions>) => resolveOptions({ ...OPTIONS, ...changes });
const problems = (changes: Partial<OidcModuleOptions>) => problemsOf(() => resolved(changes));

const CALLBACK =
  'must be a path or an absolute URL with one, without query and without a slash at the end, such as /auth/callback';

describe('publicUrl', () => {
  it.each([
    ['app.example.com', 'must be the origin that browsers use, such as https://app.example.com'],
    ...[
      'http://app.example.com',
      'http://localhost.evil.example',
      'http://127.0.0.1.evil.example',
      'http://10.0.0.1',
      'http://0.0.0.0',
      'ftp://localhost',
    ].map((url) => [url, 'must be an https URL; http is accepted on loopback only']),
    ['https://app.example.com/app', 'must be an origin only, without user, path, query or fragment'],
    ['https://user@app.example.com', 'must be an origin only, without user, path, query or fragment'],
    ['https://app.example.com/?', 'must be an origin only, without user, path, query or fragment'],
  ])('S1 refuses %s', (publicUrl, message) => {
    expect(problems({ publicUrl })).toEqual([{ setting: 'publicUrl', message }]);
  });

  it.each([
    ['https://app.example.com/', 'https://app.example.com'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['http://[::1]:3000/', 'http://[::1]:3000'],
  ])('%s is the origin %s', (publicUrl, origin) => {
    expect(resolved({ publicUrl }).publicUrl()).toBe(origin);
  });

  it('over http is warned about, since cookies lose their prefix and Secure', () => {
    expect(resolved({ publicUrl: 'http://localhost:3000' }).warnings).toEqual([
      'publicUrl / PUBLIC_URL: is http: cookies go without the prefix __Host- and without Secure; for development only',
    ]);
    expect(resolved({ publicUrl: 'https://localhost:3000' }).warnings).toEqual([]);
  });

  it('as a function is called at first use and only once', () => {
    let calls = 0;
    const publicUrl = () => `http://localhost:${3000 + calls++}`;
    const options = resolved({ publicUrl });
    expect(calls).toBe(0);
    expect(options.callbackUrl()).toBe('http://localhost:3000/auth/callback');
    expect(options.publicUrl()).toBe('http://localhost:3000');
    expect(options.postLogoutRedirectUri()).toBe('http://localhost:3000');
    expect(calls).toBe(1);
  });

  it('as a function is checked at first use, and again after a refusal', () => {
    const answers = ['http://app.example.com', 'https://app.example.com'];
    const options = resolved({ publicUrl: () => answers.shift() ?? 'spent' });
    expect(problemsOf(options.publicUrl)).toEqual([
      { setting: 'publicUrl', message: 'must be an https URL; http is accepted on loopback only' },
    ]);
    expect(options.publicUrl()).toBe('https://app.example.com');
  });

  it('as a function is checked against an absolute callback', () => {
    const callbackUrl = 'https://other.example.com/cb';
    const options = resolved({ publicUrl: () => 'https://app.example.com', callbackUrl });
    expect(options.callbackPath).toBe('/cb');
    expect(problemsOf(options.callbackUrl)).toEqual([
      { setting: 'callbackUrl', message: 'must be on the origin of publicUrl, or only a path' },
    ]);
  });
});

describe('callbackUrl', () => {
  it.each([
    'callback',
    '/',
    '//evil.example.com/cb',
    '/auth/callback/',
    '/auth//callback',
    '/auth/../callback',
    '/auth/callback?x=1',
    '/auth/:id',
    '/auth/*path',
    '/auth/c%61llback',
    'https://app.example.com',
    'https://app.example.com/cb?x=1',
    'https://user@app.example.com/cb',
  ])('refuses %s', (callbackUrl) => {
    expect(problems({ callbackUrl })).toEqual([{ setting: 'callbackUrl', message: CALLBACK }]);
  });

  it('refuses a custom scheme', () => {
    expect(problems({ callbackUrl: 'app://app.example.com/cb' })).toContainEqual({
      setting: 'callbackUrl',
      message: CALLBACK,
    });
  });

  it('refuses another origin', () => {
    expect(problems({ callbackUrl: 'https://other.example.com/cb' })).toEqual([
      { setting: 'callbackUrl', message: 'must be on the origin of publicUrl, or only a path' },
    ]);
  });

  it.each([
    ['/oauth/openid/callback', '/oauth/openid/callback', 'https://app.example.com/oauth/openid/callback'],
    ['https://app.example.com/cb', '/cb', 'https://app.example.com/cb'],
    ['https://app.example.com:443/cb', '/cb', 'https://app.example.com:443/cb'],
  ])('%s is served at %s and sent as %s', (callbackUrl, path, sent) => {
    const options = resolved({ callbackUrl });
    expect(options.callbackPath).toBe(path);
    expect(options.callbackUrl()).toBe(sent);
  });
});

describe('responseMode form_post', () => {
  const insecure = (issuer: string, publicUrl: string) =>
    problems({ issuer, publicUrl, responseMode: 'form_post' }).map(({ setting }) => setting);

  it.each([
    ['http://127.0.0.1:3001', 'http://localhost:3000'],
    ['https://id.example.com', 'http://localhost:3000'],
    ['https://localhost:3001', 'http://localhost:3000'],
  ])('is refused from %s to %s, where no cookie comes back', (issuer, publicUrl) => {
    expect(insecure(issuer, publicUrl)).toEqual(['responseMode']);
  });

  it.each([
    ['http://localhost:3001', 'http://localhost:3000'],
    ['https://id.example.com', 'https://app.example.com'],
    ['http://127.0.0.1:3001', 'https://localhost:3000'],
  ])('is accepted from %s to %s', (issuer, publicUrl) => {
    expect(insecure(issuer, publicUrl)).toEqual([]);
  });

  it('says what to change', () => {
    const publicUrl = 'http://localhost:3000';
    expect(problems({ publicUrl, responseMode: 'form_post' })).toEqual([
      {
        setting: 'responseMode',
        message:
          'form_post over http works only when provider and application have the same host; use query, or https in publicUrl',
      },
    ]);
  });

  it('is not judged by an issuer that is wrong itself', () => {
    expect(insecure('nowhere', 'http://localhost:3000')).toEqual(['issuer']);
  });
});

describe('where a browser is sent', () => {
  it.each([
    'failed',
    '//evil.example.com',
    '/\\evil.example.com',
    '/a/../b',
    '/failed?x',
    '/failed#x',
    'https://app.example.com/x',
  ])('refuses errorPath %s', (errorPath) => {
    expect(problems({ errorPath })).toEqual([
      { setting: 'errorPath', message: 'must be a path on this origin, such as /sign-in-failed' },
    ]);
  });

  it.each(['/', '/sign-in/failed', '/caf%C3%A9/'])('accepts errorPath %s', (errorPath) => {
    expect(resolved({ errorPath }).errorPath).toBe(errorPath);
  });

  it.each(['/bye', 'bye', 'javascript://x/%0aalert(1)', 'ftp://example.com/'])(
    'refuses to return to %s after logout',
    (uri) => {
      expect(problems({ postLogoutRedirectUri: uri })).toEqual([
        { setting: 'postLogoutRedirectUri', message: 'must be an absolute http or https URL' },
      ]);
    },
  );

  it('returns after logout to where it is told', () => {
    const postLogoutRedirectUri = 'https://www.example.com/bye?lang=en';
    expect(resolved({ postLogoutRedirectUri }).postLogoutRedirectUri()).toBe(postLogoutRedirectUri);
  });
});
