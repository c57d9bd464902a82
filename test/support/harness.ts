/** An application under test on a real provider: both on loopback, both on ports of their own. */
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { Injectable, type INestApplication, type ModuleMetadata, type Provider } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import {
  OidcEventListener,
  OidcModule,
  type OidcEvent,
  type OidcModuleExtras,
  type OidcModuleOptions,
} from 'nestjs-oidc-token-reuse';
import {
  createTestProvider,
  TestBrowser,
  type ProviderOptions,
  type TestProvider,
} from 'nestjs-oidc-token-reuse-testing';
import { SampleController } from './sample.controller.js';
import { watched, watchingLogger, watchStores } from './secret-watch.js';

export type AdapterName = 'express' | 'fastify';
export const ADAPTERS: readonly AdapterName[] = ['express', 'fastify'];
/** Each adapter with each custody of the sessions. */
export const ADAPTERS_AND_CUSTODIES = ADAPTERS.flatMap((adapter) =>
  (['cookie', 'store'] as const).map((custody) => [adapter, custody] as const),
);

export const API_AUDIENCE = 'http://localhost:3000/api';
export const SESSION_SECRET = 'a-session-secret-of-the-tests-0001';

export interface HarnessOptions {
  readonly adapter?: AdapterName;
  /** Options of the module that differ from those below. */
  readonly oidc?: Partial<OidcModuleOptions>;
  readonly extras?: OidcModuleExtras;
  /** A provider to share; otherwise one is made with `providerOptions` and closed with the application. */
  readonly provider?: TestProvider;
  readonly providerOptions?: Partial<ProviderOptions>;
  readonly controllers?: ModuleMetadata['controllers'];
  readonly imports?: ModuleMetadata['imports'];
  readonly providers?: Provider[];
  /** Replaces collaborators through dependency injection. */
  readonly override?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
  /** Runs before the application is initialised. */
  readonly prepare?: (application: INestApplication) => void;
}

export class Harness {
  constructor(
    readonly application: INestApplication,
    readonly provider: TestProvider,
    /** Origin of the application. */
    readonly url: string,
    /** Everything the application reported, oldest first. */
    readonly events: OidcEvent[],
    private readonly ownsProvider: boolean,
  ) {}

  /** A browser that nobody has signed in with yet. */
  browser(): TestBrowser {
    return new TestBrowser();
  }

  /** A browser in which somebody is signed in. */
  async signedIn(login = 'alice'): Promise<TestBrowser> {
    const browser = this.browser();
    await this.signIn(browser, login);
    return browser;
  }

  signIn(browser: TestBrowser, login = 'alice', path = '/auth/login?returnTo=/api/public'): Promise<Response> {
    return browser.signIn(this.url + path, { login, password: login });
  }

  /** Types of the events so far. */
  eventTypes(): string[] {
    return this.events.map(({ type }) => type);
  }

  async close(): Promise<void> {
    await this.application.close();
    if (this.ownsProvider) await this.provider.close();
  }
}

/** Starts an application with the module, the sample routes and a provider. */
export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const provider =
    options.provider ?? (await createTestProvider({ audience: API_AUDIENCE, ...options.providerOptions }));
  const events: OidcEvent[] = [];
  let url = '';
  const configured = { ...defaultOptions(provider, () => url), ...options.oidc };
  const application = await createApplication(options, { options: configured, events });
  if (typeof configured.clientSecret === 'string') watched.hide(configured.clientSecret);
  watched.hide(...configured.sessionSecrets);
  watchStores(application);
  await application.listen(0, '127.0.0.1');
  url =
    configured.publicUrl instanceof Function ? `http://localhost:${String(portOf(application))}` : configured.publicUrl;
  provider.registerRedirectUri(`${url}${pathOf(configured.callbackUrl ?? '/auth/callback')}`);
  provider.registerPostLogoutRedirectUri(configured.postLogoutRedirectUri ?? url);
  return new Harness(
    application,
    provider,
    `http://localhost:${String(portOf(application))}`,
    events,
    options.provider === undefined,
  );
}

function defaultOptions(provider: TestProvider, publicUrl: () => string): OidcModuleOptions {
  return {
    issuer: provider.issuer,
    clientId: provider.client.clientId,
    clientSecret: provider.client.clientSecret,
    publicUrl,
    audience: [API_AUDIENCE],
    sessionSecrets: [SESSION_SECRET],
    useEndSessionEndpoint: true,
    userInfoOnBehalfOf: true,
  };
}

async function createApplication(
  { adapter = 'express', extras, controllers, imports, providers, override, prepare }: HarnessOptions,
  { options, events }: { readonly options: OidcModuleOptions; readonly events: OidcEvent[] },
): Promise<INestApplication> {
  const builder = Test.createTestingModule({
    imports: [...(imports ?? []), OidcModule.forRoot({ ...options, eventListener: recorderOf(events), ...extras })],
    controllers: controllers ?? [SampleController],
    providers: providers ?? [],
  });
  const module = await (override?.(builder) ?? builder).compile();
  const application = module.createNestApplication(
    adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(),
    { logger: watchingLogger },
  );
  prepare?.(application);
  return application;
}

function recorderOf(events: OidcEvent[]): new () => OidcEventListener {
  @Injectable()
  class Recorder extends OidcEventListener {
    handle(event: OidcEvent): void {
      events.push(event);
      watched.see(event);
    }
  }
  return Recorder;
}

function portOf(application: INestApplication): number {
  const server = application.getHttpServer() as Server;
  return (server.address() as AddressInfo).port;
}

function pathOf(callbackUrl: string): string {
  return callbackUrl.startsWith('/') ? callbackUrl : new URL(callbackUrl).pathname;
}
