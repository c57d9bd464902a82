/** The application behind a TLS front: cookies as a browser stores them over https, and a provider on another site that posts back. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createTestProvider, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import type { Browser, BrowserContext, Cookie, Page } from 'playwright-core';
import { freePorts } from '../support/ports.js';
import { startReference, type Reference } from '../support/reference.js';
import { enterCredentials, launchChromium, newProfile, signIn, watchPages } from './chromium.js';
import { TlsFront } from './tls-front.js';

jest.setTimeout(60_000);

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

describe.each(['query', 'form_post'])('over https with response mode %s', (mode) => {
  let provider: TestProvider;
  let reference: Reference;
  let front: TlsFront;
  let context: BrowserContext;
  let faults: readonly string[];
  let page: Page;

  beforeAll(async () => {
    const [port = 0, publicPort = 0] = await freePorts(2);
    provider = await createTestProvider();
    reference = await startReference({
      provider,
      settings: {
        PORT: String(port),
        PUBLIC_URL: `https://localhost:${String(publicPort)}`,
        OPENID_RESPONSE_MODE: mode,
      },
    });
    front = await TlsFront.start(publicPort, port);
  });
  afterAll(async () => {
    await front.close();
    await reference.close();
    await provider.close();
  });
  beforeEach(async () => {
    context = await newProfile(browser, { ignoreHTTPSErrors: true });
    faults = watchPages(context);
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });

  const ownCookies = async (): Promise<Cookie[]> =>
    (await context.cookies(reference.url)).filter(({ name }) => name.includes('oidc'));

  it('S9 tells the whole story, and leaves no cookie behind', async () => {
    await signIn(page, reference.url);
    expect(page.url()).toBe(`${reference.url}/`);
    for (const [button, status] of [
      ['Call the API', '200'],
      ['Graph on behalf of', '200'],
      ['UserInfo', '200'],
      ['Reports scope', '403'],
      ['Refresh', '200'],
    ] as const) {
      await page.getByRole('button', { name: button }).click();
      const line = page
        .getByTestId('log')
        .getByRole('listitem')
        .filter({ hasText: ` ${status} ` });
      await line.first().waitFor();
      await page.locator(`[data-testid=answer][data-status="${status}"]`).waitFor();
    }
    await page.getByTestId('sign-out').click();
    await page.getByTestId('sign-in').waitFor();
    expect(page.url()).toBe(`${reference.url}/`);
    expect(await ownCookies()).toEqual([]);
  });

  it('S1 stores the session under the __Host- prefix, for this host and https alone', async () => {
    await signIn(page, reference.url);
    const cookies = await ownCookies();
    expect(cookies.filter(({ name }) => name.includes('session')).length).toBeGreaterThan(0);
    for (const cookie of cookies) {
      expect(cookie.name).toMatch(/^__Host-oidc\./);
      expect(cookie).toMatchObject({ domain: 'localhost', path: '/', httpOnly: true, secure: true, sameSite: 'Lax' });
    }
    expect(await page.evaluate('document.cookie')).toBe('');
  });

  it('lets the transaction come back from another site where the provider posts, and only there', async () => {
    await page.goto(reference.url);
    await page.getByTestId('sign-in').click();
    await page.locator('input[name=login]').waitFor();
    expect(new URL(page.url()).hostname).toBe('127.0.0.1');
    const [transaction, ...others] = await ownCookies();
    expect(others).toEqual([]);
    expect(transaction?.name).toMatch(/^__Host-oidc\./);
    expect(transaction).toMatchObject({
      path: '/',
      httpOnly: true,
      secure: true,
      sameSite: mode === 'form_post' ? 'None' : 'Lax',
    });
    await enterCredentials(page);
    await page.getByTestId('principal').waitFor();
    expect((await ownCookies()).map(({ name }) => name)).not.toContain(transaction?.name);
  });
});
