/** A real browser: Chromium of the machine, driven over its own protocol. */
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';

const EXECUTABLE = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

/** Fails where there is no Chromium: a suite that did not run proves nothing. */
export function launchChromium(): Promise<Browser> {
  // pages are kept for the back button, as they are for people
  const ignoreDefaultArgs = ['--disable-back-forward-cache'];
  return chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS, ignoreDefaultArgs });
}

const PATIENCE_MS = 20_000;

/** A profile of its own, as nobody has used before. */
export async function newProfile(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

/** What went wrong on the pages of a context that nobody would see: script errors, and what a policy forbade. */
export function watchPages(context: BrowserContext): readonly string[] {
  const faults: string[] = [];
  context.on('page', (page) => {
    page.on('pageerror', (error) => faults.push(`${page.url()}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return;
      // The browser's own line about a status, which the page shows and explains.
      if (!message.text().startsWith('Failed to load resource')) faults.push(`${page.url()}: ${message.text()}`);
    });
  });
  return faults;
}

/** Types into the provider's login form, which the page has come to. */
export async function enterCredentials(page: Page, login = 'alice'): Promise<void> {
  await page.locator('input[name=login]').fill(login);
  await page.locator('input[name=password]').fill(login);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Opens the application's page and signs somebody in by its button. */
export async function signIn(page: Page, url: string, login = 'alice'): Promise<void> {
  await page.goto(url);
  await page.getByTestId('sign-in').click();
  await enterCredentials(page, login);
  await page.getByTestId('principal').waitFor();
}
