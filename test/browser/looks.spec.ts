/** The page on a wide and on a narrow screen, light and dark: everything is in view, and nothing sticks out. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { startReference, type Reference } from '../support/reference.js';
import { launchChromium, newProfile, signIn } from './chromium.js';

/** Set it to a folder to look at the pages oneself. */
const { SCREENSHOTS = '' } = process.env;

jest.setTimeout(60_000);

let browser: Browser;
let reference: Reference;

beforeAll(async () => {
  browser = await launchChromium();
  reference = await startReference();
});
afterAll(async () => {
  await browser.close();
  await reference.close();
});

const SCREENS = [1280, 375, 320].flatMap((width) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
);

describe.each(SCREENS)('on a screen of $width px in $colorScheme', ({ width, colorScheme }) => {
  it('the page fits', async () => {
    const context = await newProfile(browser, {
      viewport: { width, height: 800 },
      colorScheme,
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    const look = async (name: string): Promise<void> => {
      await expectFit(page);
      if (SCREENSHOTS === '') return;
      await page.screenshot({ path: join(SCREENSHOTS, `${name}-${String(width)}-${colorScheme}.png`), fullPage: true });
    };

    await page.goto(`${reference.url}/?error=session_not_stored`);
    await page.getByTestId('sign-in').waitFor();
    await look('signed-out');

    await signIn(page, reference.url);
    await page.getByText('ID Token claims').click();
    await page.getByRole('button', { name: 'Graph on behalf of' }).click();
    await page.locator('[data-testid=answer][data-status="200"]').waitFor();
    await page.getByRole('button', { name: 'Reports scope' }).click();
    await page.locator('[data-testid=answer][data-status="403"]').waitFor();
    await look('signed-in');

    await page.getByRole('button', { name: 'Whole session' }).click();
    await look('whole-session');
    expect(await backgroundOf(page)).toBe(colorScheme === 'light' ? 'rgb(245, 245, 242)' : 'rgb(17, 19, 21)');
    await context.close();
  });
});

/** Nothing is wider than the screen, and no button's text is cut off. */
async function expectFit(page: Page): Promise<void> {
  const [content, screen, cut] = await page.evaluate<[number, number, string[]]>(`[
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
    [...document.querySelectorAll('button, a, h1, h2, dd, dt, p')]
      .filter((element) => element.checkVisibility() && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0)
      .map((element) => element.textContent.trim()),
  ]`);
  expect(content).toBeLessThanOrEqual(screen);
  expect(cut).toEqual([]);
}

function backgroundOf(page: Page): Promise<string> {
  return page.evaluate('getComputedStyle(document.body).backgroundColor');
}
