/** The guard and its failures inside applications: extended, replaced, in feature modules, under their own filters, outside HTTP. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  HttpException,
  Injectable,
  Module,
  Res,
  UseGuards,
} from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { APP_FILTER, APP_GUARD, ExternalContextCreator, HttpAdapterHost } from '@nestjs/core';
import {
  AccessToken,
  CurrentUser,
  InvalidTokenException,
  OnBehalfOf,
  OptionalAuth,
  Principal,
  Public,
  RequireRoles,
  TokenReuseGuard,
  type HttpExchange,
  type Requirements,
} from 'nestjs-oidc-token-reuse';
import { createTestProvider, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness, type HarnessOptions } from '../support/harness.js';
import { advance, freezeTime, releaseTime } from '../support/time.js';

const MISSING = {
  status: 401,
  body: { error: 'unauthorized', error_description: 'authentication is required' },
  challenge: 'Bearer',
};
const CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';

/** Takes scopes from elsewhere, a principal from a key, and never leads to the login. */
@Injectable()
class StrictGuard extends TokenReuseGuard {
  protected override getRequirements(context: ExecutionContext): Requirements {
    return { ...super.getRequirements(context), scopes: ['reports.read'] };
  }

  protected override async authenticate(exchange: HttpExchange): Promise<Principal | undefined> {
    if (exchange.header('x-api-key') !== 'letmein') return super.authenticate(exchange);
    const claims = { sub: 'machine' };
    const identity = { issuer: 'urn:keys', subject: 'machine', tenant: undefined, claims, roles: ['admin'] };
    const verified = { ...identity, providerSessionId: undefined, scopes: ['reports.read'], expiresAt: 0 };
    return new Principal({ ...identity, kind: 'bearer', expiresAt: 0, accessToken: undefined, verified });
  }

  protected override shouldRedirectToLogin(): boolean {
    return false;
  }
}

/** Finds the request where GraphQL keeps it. */
@Injectable()
class ResolverGuard extends TokenReuseGuard {
  protected override getRequestResponse(context: ExecutionContext) {
    const { request, response } = context.getArgByIndex<{ request: { user?: unknown }; response: object }>(2);
    return { request, response };
  }
}

@Controller('feature')
@UseGuards(TokenReuseGuard)
class FeatureController {
  @Get('subject') subject(@CurrentUser('subject') subject: string) {
    return { subject };
  }
  @Get('downstream') downstream(@OnBehalfOf('user.read') token: string) {
    return { token };
  }
}

@Controller('unguarded')
class UnguardedController {
  @Get() open(@CurrentUser() principal: Principal | undefined, @AccessToken() token: string | undefined) {
    return { principal: principal ?? null, token: token ?? null };
  }
  @Get('downstream') downstream(@OnBehalfOf('user.read') token: string) {
    return { token };
  }
  @Get('late') late(@Res() response: ServerResponse | { readonly raw: ServerResponse }) {
    ('raw' in response ? response.raw : response).end('sent');
    throw new InvalidTokenException('too late to say');
  }
}

@Module({ controllers: [FeatureController] })
class InnerModule {}

@Module({ imports: [InnerModule], controllers: [UnguardedController] })
class FeatureModule {}

/** The catch-all of Nest's documentation. */
@Catch()
class EverythingFilter implements ExceptionFilter {
  constructor(private readonly host: HttpAdapterHost) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const status = exception instanceof HttpException ? exception.getStatus() : 500;
    this.host.httpAdapter.reply(host.switchToHttp().getResponse(), { mine: true }, status);
  }
}

describe.each(ADAPTERS)('the guard in an application on %s', (adapter) => {
  let provider: TestProvider;
  let harness: Harness | undefined;

  const start = async (options: HarnessOptions = {}): Promise<Harness> => {
    harness = await startHarness({ adapter, provider, ...options });
    return harness;
  };
  const get = async (path: string, headers: Record<string, string> = {}) =>
    answerOf(await fetch(`${harness?.url ?? ''}${path}`, { headers, redirect: 'manual' }));
  const bearer = async (claims = {}) => ({ authorization: `Bearer ${await provider.signAccessToken(claims)}` });

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
  });
  afterEach(async () => {
    releaseTime();
    provider.faults.clear();
    await harness?.close();
    harness = undefined;
  });
  afterAll(() => provider.close());

  it('may be extended: its decisions are methods to override', async () => {
    const providers = [{ provide: APP_GUARD, useClass: StrictGuard }];
    const extended = await start({ extras: { globalGuard: false }, providers });
    expect(await answerOf(await extended.browser().navigate(`${extended.url}/api/profile`))).toEqual(MISSING);
    expect((await get('/api/subject', await bearer())).status).toBe(403);
    expect((await get('/api/subject', await bearer({ scope: 'reports.read' }))).body).toEqual({
      subject: 'user-alice',
    });
    expect((await get('/api/subject', { 'x-api-key': 'letmein' })).body).toEqual({ subject: 'machine' });
    expect((await get('/api/admin', { 'x-api-key': 'letmein' })).status).toBe(200);
    expect((await get('/api/public')).status).toBe(200);
  });

  it('may be replaced in tests', async () => {
    await start({
      override: (builder) => builder.overrideProvider(TokenReuseGuard).useValue({ canActivate: () => true }),
    });
    expect(await get('/api/items')).toMatchObject({ status: 404 });
    expect(await get('/api/admin')).toEqual({ status: 200, body: { ok: true }, challenge: null });
    // No principal: what needs one says so instead of failing.
    expect(await get('/auth/userinfo')).toEqual(MISSING);
    expect(await get('/api/downstream')).toEqual(MISSING);
  });

  it('resolves in every feature module, without being global', async () => {
    await start({ extras: { globalGuard: false }, controllers: [], imports: [FeatureModule] });
    expect(await get('/feature/subject')).toEqual(MISSING);
    expect((await get('/feature/subject', await bearer())).body).toEqual({ subject: 'user-alice' });
    expect(await get('/unguarded', await bearer())).toEqual({
      status: 200,
      body: { principal: null, token: null },
      challenge: null,
    });
    expect(await get('/unguarded/downstream', await bearer())).toEqual(MISSING);
    expect(await get('/auth/userinfo')).toEqual(MISSING);
    const { access_token: token } = await provider.login();
    const downstream = await get('/feature/downstream', { authorization: `Bearer ${token}` });
    expect(downstream.body).toEqual({ token: expect.stringMatching(/^eyJ/) });
  });

  it('may stand twice before a handler: what it renewed the first time is used the second time', async () => {
    const started = await start({ imports: [FeatureModule], oidc: { successorGrace: 0 } });
    const browser = await started.signedIn();
    freezeTime();
    advance(301);
    provider.requests.reset();
    expect(await (await browser.fetch(`${started.url}/feature/subject`)).json()).toEqual({ subject: 'user-alice' });
    expect(provider.requests.count('token')).toBe(1);
    expect((await browser.fetch(`${started.url}/feature/subject`)).status).toBe(200);
  });

  describe('outside HTTP', () => {
    @Injectable()
    class Resolver {
      guarded() {
        return 'secret';
      }
      @Public() open(@CurrentUser() principal: Principal | undefined, @AccessToken() token: string | undefined) {
        return { principal, token };
      }
      @OptionalAuth() optional() {
        return 'secret';
      }
      @RequireRoles('admin') forAdmins() {
        return 'secret';
      }
      @Public() downstream(@OnBehalfOf('user.read') token: string) {
        return token;
      }
    }

    /** Calls a method as a library for another kind of context does, with all that Nest puts before it. */
    const call = (method: keyof Resolver, { type = 'graphql', args = [] as unknown[] } = {}) => {
      const { application } = started;
      const resolver = application.get(Resolver);
      const creator = application.get(ExternalContextCreator, { strict: false });
      const target = creator.create(
        resolver,
        resolver[method] as (...values: unknown[]) => unknown,
        method,
        ROUTE_ARGS_METADATA,
        { exchangeKeyForValue: () => undefined },
        undefined,
        undefined,
        undefined,
        type,
      ) as (...values: unknown[]) => Promise<unknown>;
      return target(...args);
    };
    const requestOf = (headers: Record<string, string>) => {
      const request: IncomingMessage & { user?: unknown } = new IncomingMessage(new Socket());
      request.headers = headers;
      return { request, response: new ServerResponse(request) };
    };

    let started: Harness;
    beforeEach(async () => {
      started = await start({ providers: [Resolver] });
    });

    it('refuses every other kind of context, whatever it carries', async () => {
      const request = { headers: await bearer(), user: { subject: 'user-alice' } };
      const args = [request, request, { request, req: request }];
      for (const type of ['graphql', 'ws', 'rpc', 'something-new']) {
        for (const method of ['guarded', 'optional', 'forAdmins'] as const) {
          const refused = { code: 'unauthorized', status: 401 };
          await expect(call(method, { type, args })).rejects.toMatchObject(refused);
        }
      }
    });

    it('lets public handlers be called, without a principal', async () => {
      expect(await call('open')).toEqual({ principal: undefined, token: undefined });
      await expect(call('downstream')).rejects.toMatchObject({ code: 'unauthorized' });
    });

    it('accepts a context that a subclass finds the request in, and leaves the principal on it', async () => {
      await started.close();
      const providers = [Resolver, { provide: APP_GUARD, useClass: ResolverGuard }];
      started = await start({ extras: { globalGuard: false }, providers });
      const carried = requestOf(await bearer({ roles: [] }));
      const args = [undefined, {}, carried];
      expect(await call('guarded', { args })).toBe('secret');
      expect(carried.request.user).toBeInstanceOf(Principal);
      await expect(call('forAdmins', { args })).rejects.toMatchObject({ code: 'insufficient_scope' });
      const anonymous = [undefined, {}, requestOf({})];
      await expect(call('guarded', { args: anonymous })).rejects.toMatchObject({ code: 'unauthorized' });
    });
  });

  describe.each([
    ['useGlobalFilters', false],
    ['APP_FILTER', true],
  ])("under the application's own filter for everything (%s)", (_how, isProvider) => {
    const startFiltered = () =>
      start({
        imports: [FeatureModule],
        ...(isProvider
          ? { providers: [{ provide: APP_FILTER, useClass: EverythingFilter }] }
          : {
              prepare: (application) => {
                application.useGlobalFilters(new EverythingFilter(application.get(HttpAdapterHost)));
              },
            }),
      });

    it('keeps the headers of what the guard refuses', async () => {
      await startFiltered();
      expect(await get('/api/profile')).toMatchObject({ status: 401, challenge: 'Bearer' });
      expect(await get('/api/reports', await bearer())).toMatchObject({
        status: 403,
        challenge:
          'Bearer error="insufficient_scope", error_description="the access token lacks a required scope", scope="reports.read"',
      });
    });

    it('still leads a page load to the login', async () => {
      const filtered = await startFiltered();
      const landed = await filtered.browser().navigate(`${filtered.url}/api/profile`, { follow: false });
      expect({ status: landed.status, location: landed.headers.get('location') }).toEqual({
        status: 302,
        location: '/auth/login?returnTo=%2Fapi%2Fprofile',
      });
    });

    it('keeps the headers of an exchange that @OnBehalfOf could not make', async () => {
      await startFiltered();
      const { access_token: token } = await provider.login();
      provider.faults.refuseExchange({ error: 'interaction_required', claims: CLAIMS });
      expect(await get('/api/downstream', { authorization: `Bearer ${token}` })).toMatchObject({
        status: 403,
        challenge: `Bearer error="insufficient_claims", error_description="the end-user has to sign in or consent again", claims="${Buffer.from(CLAIMS).toString('base64')}"`,
      });
    });

    it("answers the library's own routes as documented", async () => {
      const { url } = await startFiltered();
      const refresh = await fetch(`${url}/auth/refresh`, { method: 'POST' });
      expect(await answerOf(refresh)).toEqual({
        status: 401,
        body: { error: 'session_missing', error_description: 'there is no session; sign in first' },
        challenge: 'Bearer',
      });
      expect(await get('/auth/userinfo')).toEqual(MISSING);
    });
  });

  it('answers failures of the library wherever they are thrown, headers included', async () => {
    await start({ extras: { globalGuard: false }, controllers: [], imports: [FeatureModule] });
    expect(await get('/unguarded/downstream')).toEqual(MISSING);
    expect(await get('/unguarded/late')).toEqual({ status: 200, body: 'sent', challenge: null });
    expect((await get('/unguarded')).status).toBe(200);
  });
});
