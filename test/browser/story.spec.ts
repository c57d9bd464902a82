/** The main job as an end-user sees it: signing in, watching the tokens, calling, refreshing and signing out on the page. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createTestProvider, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { ADAPTERS } from '../support/harness.js';
import { startReference, type Reference } from '../support/reference.js';
import { enterCredentials, launchChromium, newProfile, signIn, watchPages } from './chromium.js';

jest.setTimeout(60_000);

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

describe.each(ADAPTERS)('the page on %s', (adapter) => {
  let provider: TestProvider;
  let reference: Reference;
  let context: BrowserContext;
  let faults: readonly string[];
  let page: Page;

  beforeAll(async () => {
    provider = await createTestProvider();
    reference = await startReference({ adapter, provider });
  });
  afterAll(async () => {
    await reference.close();
    await provider.close();
  });
  beforeEach(async () => {
    context = await newProfile(browser);
    faults = watchPages(context);
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });

  const logged = (text: string | RegExp): Locator =>
    page.getByTestId('log').getByRole('listitem').filter({ hasText: text });

  describe('before a sign-in', () => {
    it('offers to sign in, and shows nobody', async () => {
      await page.goto(reference.url);
      await page.getByTestId('sign-in').waitFor();
      expect(await page.getByTestId('principal').isVisible()).toBe(false);
      expect(await page.getByTestId('timeline').isVisible()).toBe(false);
      expect(await page.getByTestId('sign-out').isVisible()).toBe(false);
    });

    it('answers a call with a hint that leads to the sign-in', async () => {
      await page.goto(reference.url);
      await page.getByRole('button', { name: 'Refresh' }).click();
      await expectAnswer(page, 'POST /auth/refresh 401');
      expect(await page.getByTestId('hint').textContent()).toContain('You are not signed in.');
      await page.getByTestId('hint').getByRole('link', { name: 'Sign in' }).click();
      await enterCredentials(page);
      await page.getByTestId('principal').waitFor();
    });

    it.each([
      ['access_denied', 'The sign-in was cancelled, or the provider refused it.'],
      ['<img src=x onerror=alert(1)>', 'The sign-in failed: <img src=x onerror=alert(1)>'],
    ])('explains ?error=%s once, as text', async (code, text) => {
      await page.goto(`${reference.url}/?error=${encodeURIComponent(code)}`);
      await page.getByTestId('notice').waitFor();
      expect(await page.getByTestId('notice').textContent()).toBe(text);
      expect(page.url()).toBe(`${reference.url}/`);
      await page.reload();
      await page.getByTestId('sign-in').waitFor();
      expect(await page.getByTestId('notice').isVisible()).toBe(false);
    });

    it('says what happened when the sign-in is cancelled at the provider', async () => {
      await page.goto(reference.url);
      await page.getByTestId('sign-in').click();
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByTestId('notice').waitFor();
      expect(await page.getByTestId('notice').textContent()).toContain('The sign-in was cancelled');
    });
  });

  describe('after a sign-in', () => {
    beforeEach(() => signIn(page, reference.url));

    it('says who is signed in', async () => {
      await page.getByRole('heading', { name: 'Signed in as' }).waitFor();
      expect(page.url()).toBe(`${reference.url}/`);
      expect(await page.locator('#principal-name').textContent()).toMatch(/^Alice/);
      expect(await page.locator('#principal-facts').textContent()).toContain('user-alice');
      await page.getByText('ID Token claims').click();
      const claims = JSON.parse((await page.locator('#principal-claims').textContent()) ?? '') as object;
      expect(claims).toMatchObject({ sub: 'user-alice', roles: ['admin'] });
      expect(await logged(/signed in as Alice/).count()).toBe(1);
    });

    it('stores cookies that no script can read, on this host and path only', async () => {
      const cookies = (await context.cookies(reference.url)).filter(({ name }) => name.startsWith('oidc'));
      expect(cookies.length).toBeGreaterThan(0);
      for (const cookie of cookies) {
        expect(cookie).toMatchObject({
          domain: 'localhost',
          path: '/',
          httpOnly: true,
          secure: false,
          sameSite: 'Lax',
        });
        expect(cookie.name.length + cookie.value.length).toBeLessThanOrEqual(4096);
      }
      expect(await page.evaluate('document.cookie')).toBe('');
    });

    it('draws lifetimes that move', async () => {
      const remaining = page.locator('[data-lane=access] .remaining');
      const before = (await remaining.textContent()) ?? '';
      expect(before).toMatch(/^(5 min 00|4 min \d\d) s left$/);
      await remaining.filter({ hasNotText: before }).waitFor();
      for (const lane of ['access', 'id', 'refresh', 'session']) {
        expect((await page.locator(`[data-lane=${lane}] .bar`).boundingBox())?.width).toBeGreaterThan(3);
      }
      const whole = page.getByRole('button', { name: 'Whole session' });
      await whole.click();
      expect(await whole.getAttribute('aria-pressed')).toBe('true');
      expect(await page.getByRole('button', { name: 'Access token' }).getAttribute('aria-pressed')).toBe('false');
    });

    it.each([
      ['Call the API', 'GET /api/profile 200', { kind: 'session', subject: 'user-alice' }],
      ['Admin role', 'GET /api/admin 200', { message: 'You have the role admin.' }],
      ['Reports scope', 'GET /api/reports 403', { error: 'insufficient_scope', scope: 'reports.read' }],
      ['Public route', 'GET /api/public 200', { message: 'Everybody may read this.' }],
      ['Graph on behalf of', 'GET /api/graph/me 200', { id: 'user-alice' }],
      ['UserInfo', 'GET /auth/userinfo 200', { sub: 'user-alice' }],
      ['Refresh', 'POST /auth/refresh 200', { authenticated: true }],
    ])('shows and logs the answer to %s', async (button, line, body) => {
      await page.getByRole('button', { name: button }).click();
      await expectAnswer(page, line);
      expect(JSON.parse((await page.getByTestId('answer-body').textContent()) ?? '')).toMatchObject(body);
      const [route = '', status = ''] = line.split(/ (?=\d)/);
      expect(await logged(route).textContent()).toMatch(new RegExp(`${route} ${status} \\d+ ms$`));
    });

    it('shows the challenge of a refused call', async () => {
      await page.getByRole('button', { name: 'Reports scope' }).click();
      await expectAnswer(page, 'GET /api/reports 403');
      expect(await page.locator('#answer-headers').textContent()).toContain('scope="reports.read"');
    });

    it('sees new tokens after a refresh', async () => {
      const before = await issuedAt(page);
      // times are whole seconds: the next one has to begin
      await page
        .locator('[data-lane=access] .remaining')
        .filter({ hasText: /^4 min 5[0-8] s/ })
        .waitFor();
      await page.getByRole('button', { name: 'Refresh' }).click();
      await logged('access token refreshed').waitFor();
      expect(await issuedAt(page)).toBeGreaterThan(before);
    });

    it('S9 signs out here and at the provider, and leaves no cookie behind', async () => {
      await page.getByTestId('sign-out').click();
      await page.getByTestId('sign-in').waitFor();
      expect(page.url()).toBe(`${reference.url}/`);
      expect((await context.cookies(reference.url)).filter(({ name }) => name.includes('oidc'))).toEqual([]);
      await page.getByTestId('sign-in').click();
      await page.locator('input[name=password]').waitFor();
      expect(new URL(page.url()).origin).toBe(provider.issuer);
    });

    it('shows nothing of before when the browser goes back after the sign-out', async () => {
      await page.goto(`${reference.url}/?second`);
      await page.getByTestId('principal').waitFor();
      await page.getByRole('button', { name: 'Call the API' }).click();
      await expectAnswer(page, 'GET /api/profile 200');
      await page.getByTestId('sign-out').click();
      await page.getByTestId('sign-in').waitFor();
      for (const move of ['goBack', 'goBack', 'goForward'] as const) {
        await page[move]();
        await page.getByTestId('sign-in').waitFor();
        expect(await page.locator('body').innerText()).not.toMatch(/alice@|user-alice|Alice [A-Z]/);
      }
    });

    it('is the same in a second tab, which learns of a sign-out in the first', async () => {
      const second = await context.newPage();
      await second.goto(reference.url);
      await second.getByTestId('principal').waitFor();
      await page.getByTestId('sign-out').click();
      await page.getByTestId('sign-in').waitFor();
      await second.getByRole('button', { name: 'Call the API' }).click();
      await expectAnswer(second, 'GET /api/profile 401');
      await second.getByTestId('sign-in').waitFor();
      expect(await second.getByTestId('principal').isVisible()).toBe(false);
      expect(await second.getByTestId('log').textContent()).toContain('the session has ended');
    });
  });

  it('L7 signs in from two tabs at once', async () => {
    const second = await context.newPage();
    for (const tab of [page, second]) {
      await tab.goto(reference.url);
      await tab.getByTestId('sign-in').click();
      await tab.locator('input[name=login]').waitFor();
    }
    for (const tab of [second, page]) {
      await enterCredentials(tab);
      await tab.getByTestId('principal').waitFor();
      await tab.getByRole('button', { name: 'Call the API' }).click();
      await expectAnswer(tab, 'GET /api/profile 200');
    }
    await second.getByRole('button', { name: 'Refresh' }).click();
    await expectAnswer(second, 'POST /auth/refresh 200');
  });

  it('needs no mouse', async () => {
    await page.goto(reference.url);
    await page.getByTestId('sign-in').waitFor();
    await focusByTab(page, 'Sign in');
    await page.keyboard.press('Enter');
    await page.locator('input[name=login]:focus').waitFor();
    for (const key of ['alice', 'Tab', 'alice', 'Enter']) {
      await (key === 'alice' ? page.keyboard.type(key) : page.keyboard.press(key));
    }
    await page.getByTestId('principal').waitFor();
    await focusByTab(page, 'Call the API GET /api/profile');
    await page.keyboard.press('Space');
    await expectAnswer(page, 'GET /api/profile 200');
    expect(await focused(page)).toBe('Call the API GET /api/profile');
    await page.keyboard.press('Home');
    await focusByTab(page, 'Sign out');
    await page.keyboard.press('Enter');
    await page.getByTestId('sign-in').waitFor();
  });
});

async function expectAnswer(page: Page, line: string): Promise<void> {
  await page.getByTestId('answer-status').filter({ hasText: line }).waitFor();
}

async function issuedAt(page: Page): Promise<number> {
  const session: unknown = await page.evaluate("fetch('/auth/session').then((answer) => answer.json())");
  return (session as { tokens: { access: { issued_at: number } } }).tokens.access.issued_at;
}

function focused(page: Page): Promise<string> {
  return page.evaluate('document.activeElement.textContent.trim()');
}

/** Presses Tab until the element with that text has the focus, and sees that the focus shows. */
async function focusByTab(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await focused(page)) !== text) continue;
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    return;
  }
  throw new Error(`Tab never reaches '${text}'`);
}
