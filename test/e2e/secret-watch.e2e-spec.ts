/** The watch over all suites finds what is planted, wherever it is planted: else its silence would mean nothing. */
import { randomBytes } from 'node:crypto';
import { Controller, Get, Inject, Logger, Post } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AccessToken, Coordinator, Public } from 'nestjs-oidc-token-reuse';
import type { TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { SecretScan } from '../support/secret-scan.js';
import { watched } from '../support/secret-watch.js';

/** A handler that does what it must not. */
@Controller('leaks')
class LeakingController {
  private readonly logger = new Logger('Leaking');

  constructor(@Inject(Coordinator) private readonly coordinator: Coordinator) {}

  @Get('debug')
  debug(@AccessToken() token = ''): void {
    this.logger.debug('asked', { with: [token.slice(-20)] });
  }

  @Get('error')
  error(@AccessToken() token = ''): void {
    throw new Error('failed', { cause: { url: `https://api.example/?t=${encodeURIComponent(token)}` } });
  }

  @Get('record')
  async record(@AccessToken() token = ''): Promise<void> {
    await this.coordinator.put('session', 'a-key', { value: Buffer.from(token).toString('base64'), ttl: 60 });
  }

  @Get('lease')
  async lease(@AccessToken() token = ''): Promise<void> {
    const lease = await this.coordinator.acquire('a-key', { wait: 1000 });
    await lease?.publish([{ space: 'successor', key: 'a-key', value: token, ttl: 60 }]);
    await lease?.release();
  }

  @Post('echo')
  @Public()
  echo(): void {
    this.logger.log('Z0-the-refresh-token-of-somebody');
  }
}

describe.each(ADAPTERS)('the watch over an application on %s', (adapter) => {
  let harness: Harness;
  let browser: TestBrowser;

  beforeAll(async () => {
    harness = await startHarness({ adapter, controllers: [LeakingController] });
    browser = await harness.signedIn();
  });
  afterEach(() => {
    watched.forget();
  });
  afterAll(() => harness.close());

  const visit = (path: string, options = {}): Promise<Response> => browser.fetch(`${harness.url}${path}`, options);

  it('says nothing of a sign-in', () => {
    expect({ leaks: watched.leaks(), isWatching: watched.counts.seen > 20 }).toEqual({ leaks: [], isWatching: true });
  });

  it.each(['debug', 'error', 'record', 'lease'])(
    'finds the access token that a handler leaks by way of %s',
    async (way) => {
      await visit(`/leaks/${way}`);
      expect(watched.leaks()).toEqual(expect.arrayContaining([expect.stringContaining('<SECRET>')]));
    },
  );

  it('finds what was posted', async () => {
    const body = new URLSearchParams({ refresh_token: 'Z0-the-refresh-token-of-somebody' });
    await visit('/leaks/echo', { method: 'POST', body });
    expect(watched.leaks()).not.toEqual([]);
  });

  it.each([
    ['a session cookie', () => browser.cookies(harness.url).find(({ name }) => name.startsWith('oidc.session'))?.value],
    ['a code', () => browser.history.map((url) => new URL(url).searchParams.get('code')).find((code) => code !== null)],
    ['the client secret', () => harness.provider.client.clientSecret],
  ])('knows %s', (_, secret) => {
    expect(watched.leaksOf(`see: ${secret() ?? ''}`)).toHaveLength(1);
  });
});

describe('a scan for secrets', () => {
  const refreshToken = 'q7T-planted-refresh-token-0123456789_XYZ+/=';
  const sealed = `${Buffer.from('{"alg":"dir"}').toString('base64url')}..iv-of-a-cookie.ciphertext-of-a-cookie.tag`;

  const scan = new SecretScan();
  scan.hide(refreshToken, sealed);

  it.each([
    ['in a line of the log', `renewed with ${refreshToken}`],
    ['as a piece of sixteen characters', { message: `token ends with ${refreshToken.slice(-16)}!` }],
    ['in an event', { type: 'refresh.failed', issuer: 'https://provider.example', reason: refreshToken }],
    [
      'in the cause of an error',
      new Error('outer', { cause: { nested: [{ form: { refresh_token: refreshToken } }] } }),
    ],
    ['in a hidden member of an error', Object.defineProperty(new Error('outer'), 'body', { value: refreshToken })],
    ['in a map', new Map([['session', new Set([refreshToken])]])],
    ['percent-encoded', `https://provider.example/?token=${encodeURIComponent(refreshToken)}`],
    ['in base64url', Buffer.from(refreshToken).toString('base64url')],
    ['in base64, in the middle of something', Buffer.from(`{"token":"${refreshToken}"}`).toString('base64')],
    ['in base64, moved by two', Buffer.from(`ab${refreshToken}`).toString('base64')],
    ['of which only the middle is left', `xx${refreshToken.slice(10, 26)}xx`],
    ['as the value of a cookie', { 'set-cookie': `oidc.session.0=${sealed}` }],
    ['in a stored record', { value: sealed.slice(-20), ttl: 60 }],
  ])('finds a leak %s', (_, leak) => {
    expect(scan.leaksOf(leak)).toEqual(expect.arrayContaining([expect.stringContaining('<SECRET>')]));
  });

  it.each([
    ['fifteen characters of it', refreshToken.slice(0, 15)],
    ['the public header of a sealed value', sealed.slice(0, sealed.indexOf('.'))],
    ['a digest', 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'],
  ])('takes %s for no leak', (_, text) => {
    expect(scan.leaksOf(text)).toEqual([]);
  });

  it('hands on what is too much at the same time, and looks for that by itself', () => {
    const handedOn: string[] = [];
    const full = new SecretScan((secret) => handedOn.push(secret));
    const secrets = Array.from({ length: 20_001 }, () => randomBytes(24).toString('base64url'));
    const [first = '', last = ''] = [secrets[0], secrets.at(-1)];
    full.hide(...secrets);
    full.see(`first ${first}`, `last ${last}`);
    expect({ handedOn, leaks: full.leaks(), byItself: full.leaksAmong(handedOn) }).toEqual({
      handedOn: [last],
      leaks: ['…first <SECRET>'],
      byItself: ['…last <SECRET>'],
    });
  });
});
