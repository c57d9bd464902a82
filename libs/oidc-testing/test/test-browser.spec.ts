import { describe, expect, it, beforeAll, afterAll } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { CookieJar, TestBrowser } from '../src/index.js';

const site = 'https://app.example.test/a/b';
const kept = (setCookie: string, url = site): string => {
  const jar = new CookieJar();
  jar.store(setCookie, url);
  return jar.header(url);
};

describe('CookieJar', () => {
  it.each([
    ['a Secure cookie over http', 'a=1; Secure', 'http://app.example.test/'],
    ['SameSite=None without Secure', 'a=1; SameSite=None', site],
    ['__Host- with a path', '__Host-a=1; Secure; Path=/a', site],
    ['__Host- with a domain', '__Host-a=1; Secure; Path=/; Domain=app.example.test', site],
    ['__Secure- without Secure', '__Secure-a=1', site],
    ['the domain of somebody else', 'a=1; Domain=other.test', site],
    ['more than 4096 bytes', `a=${'x'.repeat(4096)}`, site],
    ['an expiry in the past', 'a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT', site],
    ['Max-Age of zero', 'a=1; Max-Age=0', site],
  ])('refuses %s', (_name, setCookie, url) => {
    expect(kept(setCookie, url)).toBe('');
  });

  it('takes what browsers take', () => {
    expect(kept('__Host-a=1; Secure; Path=/')).toBe('__Host-a=1');
    expect(kept(`a=${'x'.repeat(4095)}`)).toHaveLength(4097);
    expect(kept('a=b=c; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT')).toBe('a=b=c');
  });

  it('ignores ports, and separates hosts, subdomains and paths', () => {
    const jar = new CookieJar();
    jar.store('host=1; Path=/', 'http://localhost:3000/');
    jar.store('path=1; Path=/api', 'http://localhost:3000/');
    jar.store('wide=1; Domain=example.test; Path=/', 'https://app.example.test/');
    expect(jar.header('http://localhost:3001/')).toBe('host=1');
    expect(jar.header('http://localhost:3001/api/x')).toBe('path=1; host=1');
    expect(jar.header('http://localhost:3001/apix')).toBe('host=1');
    expect(jar.header('http://127.0.0.1:3000/')).toBe('');
    expect(jar.header('https://www.example.test/')).toBe('wide=1');
    expect(jar.header('https://badexample.test/')).toBe('');
  });

  it('follows SameSite', () => {
    const jar = new CookieJar();
    for (const cookie of ['s=1; SameSite=Strict', 'l=1; SameSite=Lax', 'd=1', 'n=1; SameSite=None; Secure']) {
      jar.store(cookie, site);
    }
    const cross = { crossSite: true, safeNavigation: true };
    expect(jar.header(site)).toBe('s=1; l=1; d=1; n=1');
    expect(jar.header(site, cross)).toBe('l=1; d=1; n=1');
    expect(jar.header(site, { ...cross, safeNavigation: false })).toBe('n=1');
  });

  it('deletes, and puts older cookies back', () => {
    const jar = new CookieJar();
    jar.store('a=old; Path=/', site);
    const before = jar.snapshot();
    jar.store('a=new; Path=/', site);
    jar.store('b=new; Path=/', site);
    jar.store('b=; Path=/; Max-Age=-1', site);
    expect(jar.header(site)).toBe('a=new');
    jar.restore(before);
    expect(jar.header(site)).toBe('a=old');
    jar.clear('a');
    expect(jar.header(site)).toBe('');
  });
});

describe('TestBrowser', () => {
  let server: Server;
  let local: string;
  let named: string;
  const seen: { method: string; url: string; headers: IncomingHttpHeaders }[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, headers });
      response.setHeader('set-cookie', ['visible=1; Path=/', 'hidden=1; Path=/; HttpOnly']);
      const location = new URL(url, local).searchParams.get('to');
      response.writeHead(location === null ? 200 : 302, location === null ? {} : { location });
      response.end();
    });
    server.listen(0);
    await once(server, 'listening');
    const address = server.address();
    const port = String(typeof address === 'object' ? address?.port : '');
    local = `http://127.0.0.1:${port}`;
    named = `http://localhost:${port}`;
  });

  afterAll(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  const last = (): IncomingHttpHeaders => seen.at(-1)?.headers ?? {};

  it('marks navigations and requests by script as browsers do', async () => {
    const browser = new TestBrowser();
    await browser.navigate(`${local}/`);
    expect(last()).toMatchObject({
      'sec-fetch-mode': 'navigate',
      'sec-fetch-site': 'none',
      'sec-fetch-dest': 'document',
    });
    await browser.navigate(`${local}/`, { initiator: `${named}/page` });
    expect(last()['sec-fetch-site']).toBe('cross-site');
    await browser.fetch(`${local}/api`, { method: 'POST', body: '{}' });
    expect(last()).toMatchObject({ 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'same-origin', origin: local });
    await browser.fetch(`${local}/api`, { headers: { 'sec-fetch-site': null, 'sec-fetch-mode': 'no-cors' } });
    expect([last()['sec-fetch-site'], last()['sec-fetch-mode']]).toEqual([undefined, 'no-cors']);
  });

  it('stays cross-site through redirects and turns POST into GET', async () => {
    const browser = new TestBrowser();
    await browser.navigate(`${named}/`);
    const url = `${local}/?to=${encodeURIComponent(`${named}/end`)}`;
    const response = await browser.navigate(url, { form: { a: '1' }, initiator: `${named}/page` });
    expect([response.url, seen.at(-1)?.method, last()['sec-fetch-site']]).toEqual([
      `${named}/end`,
      'GET',
      'cross-site',
    ]);
    expect(last().cookie).toBe('visible=1; hidden=1');
    await browser.navigate(`${named}/`, { form: { a: '1' }, initiator: `${local}/page` });
    expect(last().cookie).toBeUndefined();
  });

  it('hides HttpOnly cookies from script, and does not follow redirects of fetch', async () => {
    const browser = new TestBrowser();
    const response = await browser.fetch(`${local}/?to=/elsewhere`);
    expect([response.status, response.headers.get('location')]).toEqual([302, '/elsewhere']);
    expect(browser.documentCookie(local)).toBe('visible=1');
    expect(browser.cookies(local).map(({ name, httpOnly }) => [name, httpOnly])).toEqual([
      ['visible', false],
      ['hidden', true],
    ]);
  });

  it('gives up on a redirect that never ends', async () => {
    const loop = `${local}/?to=`;
    await expect(new TestBrowser().navigate(loop)).rejects.toThrow('more than 20 redirects after');
  });
});
