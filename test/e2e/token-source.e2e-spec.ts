/** Access tokens at the moment of use, after the request that began the work. */
import { Controller, Get, Injectable } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CurrentUser, RefreshService, type Principal, type TokenSource } from 'nestjs-oidc-token-reuse';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

/** Work that goes on when its request has been answered. */
@Injectable()
class Jobs {
  tokens: TokenSource | undefined;
}

@Controller('api')
class JobController {
  constructor(
    private readonly refresh: RefreshService,
    private readonly jobs: Jobs,
  ) {}

  @Get('job')
  start(@CurrentUser() principal: Principal): { readonly hasTokens: boolean } {
    this.jobs.tokens = this.refresh.tokenSource(principal);
    return { hasTokens: this.jobs.tokens !== undefined };
  }
}

describe.each(ADAPTERS)('a token source on %s', (adapter) => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await startHarness({ adapter, controllers: [JobController], providers: [Jobs] });
  });
  afterEach(releaseTime);
  afterAll(() => harness.close());

  const refreshes = (): number => harness.provider.requests.count('token', { grant: 'refresh_token' });

  async function startJob(browser = harness.browser()): Promise<TokenSource> {
    await harness.signIn(browser, 'alice', '/auth/login?returnTo=/api/job');
    const { tokens } = harness.application.get(Jobs);
    if (tokens === undefined) throw new Error('no job was started');
    return tokens;
  }

  it('gives the token of the session while it lives, and asks nobody', async () => {
    const tokens = await startJob();
    const before = refreshes();
    const [one, two] = [await tokens.getAccessToken(), await tokens.getAccessToken()];
    expect(one.reveal()).toBe(two.reveal());
    expect(refreshes() - before).toBe(0);
  });

  it('renews it when it has expired, once for all who ask, and the browser finds what came of it a long time after', async () => {
    const browser = harness.browser();
    const tokens = await startJob(browser);
    const first = (await tokens.getAccessToken()).reveal();
    freezeTime();
    advance(3700);
    const before = refreshes();
    const renewed = await Promise.all(Array.from({ length: 20 }, () => tokens.getAccessToken()));
    expect(new Set(renewed.map((token) => token.reveal())).size).toBe(1);
    expect(renewed[0]?.reveal()).not.toBe(first);
    advance(200);
    expect((await browser.fetch(`${harness.url}/api/job`)).status).toBe(200);
    expect(refreshes() - before).toBe(1);
    expect({ replays: harness.provider.replays }).toEqual({ replays: 0 });
  });

  it('gives none any more once the end-user has signed out', async () => {
    const browser = harness.browser();
    const tokens = await startJob(browser);
    await browser.fetch(`${harness.url}/auth/logout`, { method: 'POST' });
    await expect(tokens.getAccessToken()).rejects.toMatchObject({ code: 'login_required' });
  });

  it('says 503 while the provider cannot be asked, and goes on afterwards', async () => {
    const tokens = await startJob();
    freezeTime();
    advance(3700);
    harness.provider.faults.status({ kind: 'token', grant: 'refresh_token' }, 500);
    await expect(tokens.getAccessToken()).rejects.toMatchObject({ code: 'provider_unavailable', status: 503 });
    advance(60);
    expect((await tokens.getAccessToken()).reveal()).not.toBe('');
  });

  it('ends with the session', async () => {
    const tokens = await startJob();
    freezeTime();
    advance(86_400);
    await expect(tokens.getAccessToken()).rejects.toMatchObject({ code: 'login_required' });
  });

  it('is not there for a bearer, who brings their own', async () => {
    const token = await harness.provider.signAccessToken({ sub: 'user-alice' });
    const response = await fetch(`${harness.url}/api/job`, { headers: { authorization: `Bearer ${token}` } });
    expect(await response.json()).toEqual({ hasTokens: false });
  });
});

describe.each(ADAPTERS)('a token source without token reuse on %s', (adapter) => {
  it('says that the session holds no tokens', async () => {
    const harness = await startHarness({
      adapter,
      controllers: [JobController],
      providers: [Jobs],
      oidc: { reuseTokens: false },
    });
    await harness.signIn(harness.browser(), 'alice', '/auth/login?returnTo=/api/job');
    const { tokens } = harness.application.get(Jobs);
    await expect(tokens?.getAccessToken()).rejects.toMatchObject({ code: 'token_reuse_disabled', status: 403 });
    await harness.close();
  });
});
