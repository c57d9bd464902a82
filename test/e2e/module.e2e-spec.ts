/** The module inside applications: how it is configured, where its routes are, what it leaves to the application. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CacheModule } from '@nestjs/cache-manager';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Post,
  UseGuards,
  VersioningType,
  type CanActivate,
  type DynamicModule,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { APP_GUARD, NestFactory, Reflector } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  AccessToken,
  createOidcConfig,
  CurrentUser,
  OIDC_OPTIONS,
  oidcConfig,
  OidcConfigurationException,
  OidcEventListener,
  OidcModule,
  OidcRoutes,
  OnBehalfOf,
  OptionalAuth,
  Principal,
  PrincipalFactory,
  PrincipalResolver,
  Public,
  RequireAcr,
  RequireRoles,
  RequireScopes,
  SessionService,
  TokenReuseGuard,
  type OidcEvent,
  type OidcModuleOptions,
  type OidcOptions,
  type OidcOptionsFactory,
} from 'nestjs-oidc-token-reuse';
import { createTestProvider, TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { answerOf } from '../support/answer.js';
import {
  ADAPTERS,
  API_AUDIENCE,
  SESSION_SECRET,
  startHarness,
  type AdapterName,
  type Harness,
} from '../support/harness.js';
import { authorize, comeBack, redirectOf } from '../support/login.js';
import { freePorts } from '../support/ports.js';

@Controller('open')
class Open {
  @Get()
  get(): string {
    return 'open';
  }
}

@Controller('unguarded')
class Unguarded {
  @Get('scopes')
  @RequireScopes('a')
  scopes(): string {
    return 'secret';
  }

  @Get('roles')
  @RequireRoles('a')
  roles(): string {
    return 'secret';
  }

  @Get('acr')
  @RequireAcr('a')
  acr(): string {
    return 'secret';
  }

  @Get()
  everybody(): string {
    return 'open';
  }
}

@Injectable()
class SomeGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

/** With a constructor of its own. */
@Injectable()
class OwnGuard extends TokenReuseGuard {
  constructor(
    reflector: Reflector,
    @Inject(OIDC_OPTIONS) options: OidcOptions,
    sessions: SessionService,
    principals: PrincipalFactory,
    routes: OidcRoutes,
  ) {
    super(reflector, options, sessions, principals, routes);
  }
}

@Controller('guarded-class')
@UseGuards(TokenReuseGuard)
class GuardedClass {
  @Get()
  @RequireRoles('a')
  get(): string {
    return 'secret';
  }
}

@Controller('guarded-handler')
@RequireRoles('a')
class GuardedHandler {
  @Get()
  @UseGuards(TokenReuseGuard)
  get(): string {
    return 'secret';
  }
}

@Controller('guarded-by-subclass')
@UseGuards(OwnGuard)
class GuardedBySubclass {
  @Get()
  @RequireRoles('a')
  get(): string {
    return 'secret';
  }
}

interface Application {
  readonly nest: INestApplication;
  readonly url: string;
}

const running: INestApplication[] = [];

/** Starts an application of this root module, as a `main.ts` does. */
async function startApplication(adapter: AdapterName, root: Type | DynamicModule, port = 0): Promise<Application> {
  const http = adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const nest = await NestFactory.create(root, http, { logger: false, abortOnError: false });
  running.push(nest);
  await nest.listen(port, '127.0.0.1');
  const { port: used } = (nest.getHttpServer() as Server).address() as AddressInfo;
  return { nest, url: `http://localhost:${used}` };
}

function rootOf(...imports: NonNullable<DynamicModule['imports']>): DynamicModule {
  class Root {}
  Module({})(Root);
  return { module: Root, imports, controllers: [ProbeController] };
}

@Controller('probe')
class ProbeController {
  @Get() probe() {
    return { ok: true };
  }
  @Get('user') user(@CurrentUser('user') user: unknown) {
    return { user: user ?? null };
  }
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((nest) => nest.close()));
});

describe.each(ADAPTERS)('the module on %s', (adapter) => {
  let provider: TestProvider;
  const state = { url: '' };

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
  });
  afterAll(async () => {
    await provider.close();
  });

  const options = (): OidcModuleOptions => ({
    issuer: provider.issuer,
    clientId: provider.client.clientId,
    clientSecret: provider.client.clientSecret,
    publicUrl: () => state.url,
    audience: [API_AUDIENCE],
    sessionSecrets: [SESSION_SECRET],
  });
  const begin = async (root: DynamicModule): Promise<string> => {
    const { url } = await startApplication(adapter, root);
    state.url = url;
    provider.registerRedirectUri(`${url}/auth/callback`);
    return url;
  };
  /** Signs alice in and asks the probe who she is. */
  const probeAs = async (url: string, path = '/probe'): Promise<unknown> => {
    const browser = new TestBrowser();
    await browser.signIn(`${url}/auth/login?returnTo=${path}`, { login: 'alice', password: 'alice' });
    return (await browser.fetch(url + path)).json();
  };

  describe('is configured', () => {
    it('with values', async () => {
      expect(await probeAs(await begin(rootOf(OidcModule.forRoot(options()))))).toEqual({ ok: true });
    });

    it('by a factory with injected collaborators, which may take its time', async () => {
      const root = rootOf(
        ConfigModule.forRoot({ ignoreEnvFile: true, load: [() => ({ secret: SESSION_SECRET })] }),
        OidcModule.forRootAsync({
          imports: [ConfigModule],
          inject: [ConfigService],
          useFactory: async (config: ConfigService) => ({
            ...options(),
            sessionSecrets: [await Promise.resolve(config.getOrThrow<string>('secret'))],
          }),
        }),
      );
      expect(await probeAs(await begin(root))).toEqual({ ok: true });
    });

    it('by a class', async () => {
      @Injectable()
      class Settings implements OidcOptionsFactory {
        createOidcOptions(): Promise<OidcModuleOptions> {
          return Promise.resolve(options());
        }
      }
      expect(await probeAs(await begin(rootOf(OidcModule.forRootAsync({ useClass: Settings }))))).toEqual({ ok: true });
    });

    it('by an instance that is there already', async () => {
      @Injectable()
      class Settings implements OidcOptionsFactory {
        calls = 0;
        createOidcOptions(): OidcModuleOptions {
          this.calls += 1;
          return options();
        }
      }
      @Module({ providers: [Settings], exports: [Settings] })
      class SettingsModule {}
      const root = rootOf(
        SettingsModule,
        OidcModule.forRootAsync({ imports: [SettingsModule], useExisting: Settings }),
      );
      expect(await probeAs(await begin(root))).toEqual({ ok: true });
      expect(running[0]?.get(Settings, { strict: false }).calls).toBe(1);
    });

    it('not at all, when options are wrong, and says everything that is', async () => {
      const wrong = { ...options(), issuer: 'http://id.example.com', clientId: '', sessionSecrets: ['short'] };
      const started = startApplication(adapter, rootOf(OidcModule.forRootAsync({ useFactory: () => wrong })));
      const failure: unknown = await started.catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(OidcConfigurationException);
      expect((failure as OidcConfigurationException).problems.map(({ setting }) => setting).sort()).toEqual([
        'clientId',
        'issuer',
        'sessionSecrets',
      ]);
    });

    it('twice in one process, each application with a callback of its own', async () => {
      const [one, other] = await Promise.all(
        (['/auth/callback', '/signed-in'] as const).map((callbackUrl) =>
          startHarness({ adapter, provider, oidc: { callbackUrl } }),
        ),
      );
      if (one === undefined || other === undefined) throw new Error('not started');
      const results = [
        await signInAt(one, '/auth/callback'),
        await signInAt(other, '/signed-in'),
        (await one.browser().fetch(`${one.url}/signed-in`)).status,
        (await other.browser().fetch(`${other.url}/auth/callback`)).status,
      ];
      await Promise.all([one.close(), other.close()]);
      expect(results).toEqual(['/', '/', 404, 404]);
    });

    const signInAt = async (harness: Harness, callbackPath: string): Promise<string | null> => {
      const browser = harness.browser();
      return (await comeBack(harness, browser, await authorize(harness, browser, { callbackPath }))).headers.get(
        'location',
      );
    };
  });

  describe('serves its routes', () => {
    const statusOf = async (url: string): Promise<number> => (await new TestBrowser().fetch(url)).status;
    const served = async (harness: Harness, paths: readonly string[]): Promise<Record<string, number>> => {
      const statuses = await Promise.all(paths.map((path) => statusOf(harness.url + path)));
      return Object.fromEntries(paths.map((path, index) => [path, statuses[index] ?? 0]));
    };

    it.each([
      ['oidc', '/oidc'],
      ['/a/b/', '/a/b'],
      ['', ''],
    ])('under the prefix %j, with the callback where it was configured', async (routePrefix, base) => {
      const harness = await startHarness({ adapter, provider, extras: { routePrefix } });
      const browser = harness.browser();
      const page = await browser.navigate(`${harness.url}/api/profile`, { follow: false });
      const returned = await comeBack(harness, browser, await authorize(harness, browser, { path: `${base}/login` }));
      const failed = await browser.navigate(`${harness.url}/auth/callback?state=s`, { follow: false });
      const statuses = await served(harness, [`${base}/session`, '/auth/session']);
      await harness.close();
      expect([page, returned, failed].map((response) => redirectOf(response).location)).toEqual([
        `${base}/login?returnTo=%2Fapi%2Fprofile`,
        '/',
        `${base}/error?error=transaction_missing`,
      ]);
      expect(statuses).toEqual({ [`${base}/session`]: 200, '/auth/session': 404 });
    });

    it.each(['/auth/callback', '/v1/auth/callback', '/signed-in'])(
      'under a global prefix, with the callback at %s to the letter',
      async (callbackUrl) => {
        const prepare = (application: INestApplication): void => {
          application.setGlobalPrefix('v1');
        };
        const harness = await startHarness({ adapter, provider, oidc: { callbackUrl }, prepare });
        const browser = harness.browser();
        const page = await browser.navigate(`${harness.url}/v1/api/profile`, { follow: false });
        const url = await authorize(harness, browser, { path: '/v1/auth/login', callbackPath: callbackUrl });
        const returned = await comeBack(harness, browser, url);
        const failed = await browser.navigate(`${harness.url}${callbackUrl}?state=s`, { follow: false });
        const errorPage = await browser.navigate(harness.url + (failed.headers.get('location') ?? ''));
        const again = await errorPage.text();
        await harness.close();
        expect([page, returned, failed].map((response) => redirectOf(response).location)).toEqual([
          '/v1/auth/login?returnTo=%2Fv1%2Fapi%2Fprofile',
          '/',
          '/v1/auth/error?error=transaction_missing',
        ]);
        expect({ status: errorPage.status, link: /href="([^"]+)"/.exec(again)?.[1] }).toEqual({
          status: 200,
          link: '/v1/auth/login',
        });
      },
    );

    it('outside a global prefix from which the application exempts them', async () => {
      const prepare = (application: INestApplication): void => {
        application.setGlobalPrefix('/api/', { exclude: ['auth/{*route}'] });
      };
      const harness = await startHarness({ adapter, provider, controllers: [ProbeController], prepare });
      const page = await harness.browser().navigate(`${harness.url}/api/probe`, { follow: false });
      const signedIn = await harness.signIn(harness.browser(), 'alice', '/auth/login?returnTo=/api/probe');
      const statuses = await served(harness, ['/auth/session', '/api/auth/session', '/probe']);
      await harness.close();
      expect(redirectOf(page)).toEqual({ status: 302, location: '/auth/login?returnTo=%2Fapi%2Fprobe' });
      expect({ status: signedIn.status, url: signedIn.url }).toEqual({ status: 200, url: `${harness.url}/api/probe` });
      expect(statuses).toEqual({ '/auth/session': 200, '/api/auth/session': 404, '/probe': 404 });
    });

    it('without a version where the application has versions', async () => {
      const prepare = (application: INestApplication): void => {
        application.enableVersioning({ type: VersioningType.URI, defaultVersion: '2' });
      };
      const harness = await startHarness({ adapter, provider, prepare });
      const signedIn = await harness.signIn(harness.browser(), 'alice', '/auth/login?returnTo=/v2/api/subject');
      await harness.close();
      expect({ status: signedIn.status, url: signedIn.url }).toEqual({
        status: 200,
        url: `${harness.url}/v2/api/subject`,
      });
    });

    it('not at all where the application wants none, and then leads nobody to them', async () => {
      const harness = await startHarness({ adapter, provider, extras: { routes: false } });
      const page = await harness.browser().navigate(`${harness.url}/api/profile`, { follow: false });
      const token = await provider.signAccessToken({ sub: 'user-alice' });
      const bearer = await harness
        .browser()
        .fetch(`${harness.url}/api/subject`, { headers: { authorization: `Bearer ${token}` } });
      const statuses = await served(harness, ['/auth/login', '/auth/callback', '/auth/session', '/auth/error']);
      await harness.close();
      expect(await answerOf(page)).toEqual({
        status: 401,
        body: { error: 'unauthorized', error_description: 'authentication is required' },
        challenge: 'Bearer',
      });
      expect(await bearer.json()).toEqual({ subject: 'user-alice' });
      expect(statuses).toEqual({ '/auth/login': 404, '/auth/callback': 404, '/auth/session': 404, '/auth/error': 404 });
    });

    it('and leaves the application unguarded where it wants that, but not UserInfo', async () => {
      const harness = await startHarness({ adapter, provider, extras: { globalGuard: false }, controllers: [Open] });
      const statuses = await served(harness, ['/open', '/auth/session', '/auth/userinfo']);
      await harness.close();
      expect(statuses).toEqual({ '/open': 200, '/auth/session': 200, '/auth/userinfo': 401 });
    });

    it('and does not start where decorators ask for what no guard looks at', async () => {
      const starting = startHarness({ adapter, provider, extras: { globalGuard: false }, controllers: [Unguarded] });
      await expect(starting).rejects.toMatchObject({
        problems: ['Unguarded.scopes', 'Unguarded.roles', 'Unguarded.acr'].map((setting) => ({
          setting,
          message: expect.stringContaining('no guard stands before it; add @UseGuards(TokenReuseGuard)'),
        })),
      });
    });

    it('and warns where a guard that it does not know stands before them', async () => {
      const providers = [{ provide: APP_GUARD, useClass: SomeGuard }];
      const extras = { globalGuard: false };
      const harness = await startHarness({ adapter, provider, extras, providers, controllers: [Unguarded] });
      const warnings = harness.events.filter(({ type }) => type === 'configuration.warning');
      await harness.close();
      expect(warnings.map((event) => ('reason' in event ? event.reason.split(':')[0] : ''))).toEqual(
        expect.arrayContaining(['Unguarded.scopes', 'Unguarded.roles', 'Unguarded.acr']),
      );
    });

    it('and is content with a guard at the class, at the handler, or of a subclass', async () => {
      const extras = { globalGuard: false };
      const controllers = [GuardedClass, GuardedHandler, GuardedBySubclass];
      const harness = await startHarness({ adapter, provider, extras, controllers, providers: [OwnGuard] });
      const statuses = await served(harness, ['/guarded-class', '/guarded-handler', '/guarded-by-subclass']);
      await harness.close();
      expect(statuses).toEqual({ '/guarded-class': 401, '/guarded-handler': 401, '/guarded-by-subclass': 401 });
    });

    it.each(['/auth/login', '/auth/session', '/auth/backchannel-logout'])(
      'and does not start with the callback at %s, which is a route already',
      async (callbackUrl) => {
        await expect(startHarness({ adapter, provider, oidc: { callbackUrl } })).rejects.toMatchObject({
          problems: [{ setting: 'callbackUrl', message: expect.stringContaining(`${callbackUrl} is another route`) }],
        });
      },
    );

    it('with the error page of the application where it has one', async () => {
      const harness = await startHarness({ adapter, provider, oidc: { errorPath: '/sign-in-failed' } });
      const failed = await harness.browser().navigate(`${harness.url}/auth/callback?state=s`, { follow: false });
      await harness.close();
      expect(redirectOf(failed)).toEqual({ status: 302, location: '/sign-in-failed?error=transaction_missing' });
    });
  });

  describe('calls the application', () => {
    @Injectable()
    class Accounts {
      readonly byIdentity = new Map([[`${provider.issuer} user-alice`, { account: 7 }]]);
    }
    @Injectable()
    class AccountResolver extends PrincipalResolver {
      constructor(private readonly accounts: Accounts) {
        super();
      }
      async resolve({ issuer, subject }: Principal): Promise<unknown> {
        return Promise.resolve(this.accounts.byIdentity.get(`${issuer} ${subject}`));
      }
    }
    @Module({ providers: [Accounts], exports: [Accounts] })
    class AccountsModule {}

    it('to learn whose account an identity is', async () => {
      const root = rootOf(
        OidcModule.forRootAsync({ imports: [AccountsModule], useFactory: options, principalResolver: AccountResolver }),
      );
      expect(await probeAs(await begin(root), '/probe/user')).toEqual({ user: { account: 7 } });
    });

    it('to tell what happened, and goes on when that fails', async () => {
      @Injectable()
      class Log {
        readonly events: OidcEvent[] = [];
      }
      @Module({ providers: [Log], exports: [Log] })
      class LogModule {}
      @Injectable()
      class Listener extends OidcEventListener {
        constructor(private readonly log: Log) {
          super();
        }
        handle(event: OidcEvent): void {
          this.log.events.push(event);
          throw new Error('the log is full');
        }
      }
      const root = rootOf(
        OidcModule.forRootAsync({ imports: [LogModule], useFactory: options, eventListener: Listener }),
      );
      expect(await probeAs(await begin(root))).toEqual({ ok: true });
      const events = running[0]?.get(Log, { strict: false }).events;
      expect(events?.map(({ type }) => type)).toEqual(['login.started', 'login.succeeded']);
      expect(events?.at(-1)).toEqual({
        type: 'login.succeeded',
        issuer: provider.issuer,
        subject: 'user-alice',
        session: expect.stringMatching(/^[\w-]{12}$/),
      });
    });
  });
});

@Controller('orders')
@RequireScopes('access_user')
class OrdersController {
  @Get() list(@CurrentUser() user: Principal) {
    return { subject: user.subject, kind: user.kind };
  }
  @Get('mine') mine(@CurrentUser('user') account: unknown) {
    return { account: account ?? null };
  }
  @Post() place() {
    return { placed: true };
  }
  @Get('report') @RequireScopes('reports.read') report() {
    return { report: true };
  }
}

@Controller('people')
class PeopleController {
  @Get('open') @Public() open() {
    return { open: true };
  }
  @Get('maybe') @OptionalAuth() maybe(@CurrentUser() user: Principal | undefined) {
    return { subject: user?.subject ?? null };
  }
  @Get('token') token(@AccessToken() token: string) {
    return { isJwt: token.startsWith('eyJ') };
  }
  @Get('downstream') downstream(@OnBehalfOf('user.read') token: string) {
    return { isJwt: token.startsWith('eyJ') };
  }
  @Get('admin') @RequireRoles('admin', 'owner') admin() {
    return { admin: true };
  }
  @Get('strong') @RequireAcr('urn:test:mfa') strong() {
    return { strong: true };
  }
}

@Module({ controllers: [OrdersController] })
class OrdersModule {}
@Module({ controllers: [PeopleController] })
class PeopleModule {}

/** Names of the variables that the test sets, so that it takes them away again. */
function setEnvironment(values: Readonly<Record<string, string>>): () => void {
  const before = Object.fromEntries(Object.keys(values).map((name) => [name, process.env[name]]));
  Object.assign(process.env, values);
  return () => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  };
}

describe.each(ADAPTERS)('an application as the documentation shows it, on %s', (adapter) => {
  let provider: TestProvider;
  let url: string;
  let environment: Readonly<Record<string, string>>;
  let port: number | undefined;

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE });
    [port] = await freePorts(1);
    url = `http://localhost:${port ?? 0}`;
    environment = {
      OPENID_ISSUER: provider.issuer,
      OPENID_CLIENT_ID: provider.client.clientId,
      OPENID_CLIENT_SECRET: provider.client.clientSecret,
      OPENID_SESSION_SECRET: SESSION_SECRET,
      OPENID_AUDIENCE: API_AUDIENCE,
      PUBLIC_URL: url,
    };
    provider.registerRedirectUri(`${url}/auth/callback`);
  });
  afterAll(async () => {
    await provider.close();
  });

  @Module({
    imports: [
      ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load: [oidcConfig] }),
      CacheModule.register({ isGlobal: true }),
      OidcModule.forRootAsync(oidcConfig.asProvider()),
      OrdersModule,
      PeopleModule,
    ],
  })
  class AppModule {}

  it('guards feature modules, and does what their decorators say', async () => {
    const restore = setEnvironment(environment);
    await startApplication(adapter, AppModule, port).finally(restore);
    const browser = new TestBrowser();
    const anonymous = await Promise.all(
      ['/orders', '/people/open', '/people/maybe', '/people/admin'].map((path) => browser.fetch(url + path)),
    );
    expect(await Promise.all(anonymous.map(async (answer) => [answer.status, await answer.json()]))).toEqual([
      [401, { error: 'unauthorized', error_description: 'authentication is required' }],
      [200, { open: true }],
      [200, { subject: null }],
      [401, { error: 'unauthorized', error_description: 'authentication is required' }],
    ]);

    const landed = await browser.signIn(`${url}/orders`, { login: 'alice', password: 'alice' });
    expect([landed.url, await landed.json()]).toEqual([`${url}/orders`, { subject: 'user-alice', kind: 'session' }]);
    const paths = [
      '/orders/mine',
      '/orders/report',
      '/people/maybe',
      '/people/token',
      '/people/downstream',
      '/people/admin',
      '/people/strong',
    ];
    const answers = await Promise.all(paths.map(async (path) => answerOf(await browser.fetch(url + path))));
    expect(
      answers.map(({ status, body }) => [status, status === 200 ? body : (body as { error: string }).error]),
    ).toEqual([
      [200, { account: null }],
      [403, 'insufficient_scope'],
      [200, { subject: 'user-alice' }],
      [200, { isJwt: true }],
      [200, { isJwt: true }],
      [200, { admin: true }],
      [401, 'insufficient_user_authentication'],
    ]);
    expect((await browser.fetch(`${url}/orders`, { method: 'POST' })).status).toBe(201);
    expect(
      (await browser.fetch(`${url}/orders`, { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } })).status,
    ).toBe(403);
  });

  it('may take its environment from elsewhere, and opt out of the global guard', async () => {
    const config = createOidcConfig(environment);
    const root = rootOf(
      ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load: [config] }),
      OidcModule.forRootAsync({ ...config.asProvider(), globalGuard: false }),
    );
    await startApplication(adapter, root, port);
    expect(await (await new TestBrowser().fetch(`${url}/probe`)).json()).toEqual({ ok: true });
  });

  it('does not start with a wrong environment, and names each variable', async () => {
    const config = createOidcConfig({
      ...environment,
      OPENID_SESSION_SECRET: 'short',
      OPENID_CLIENT_ID: '',
      OPENID_USE_PKCE: 'maybe',
    });
    const started = async () =>
      startApplication(
        adapter,
        rootOf(
          ConfigModule.forRoot({ ignoreEnvFile: true, load: [config] }),
          OidcModule.forRootAsync(config.asProvider()),
        ),
        port,
      );
    const failure: unknown = await started().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OidcConfigurationException);
    expect((failure as OidcConfigurationException).problems.map(({ setting }) => setting).sort()).toEqual([
      'OPENID_CLIENT_ID',
      'OPENID_SESSION_SECRET',
      'OPENID_USE_PKCE',
    ]);
  });
});
