/** Three processes of the built application, one Redis and one provider. */
import { TestBrowser, type ReplayMode } from 'nestjs-oidc-token-reuse-testing';
import { freePorts } from '../../support/ports.js';
import { RedisServer } from '../../support/redis.js';
import type { Settings } from '../../support/reference.js';
import { buildIfStale } from './build.js';
import { Instance } from './instance.js';
import { RemoteProvider, type ProviderIdentity } from './remote-provider.js';
import { SCALE } from './scale.js';
import { Visitor } from './visitor.js';

export const SECRET = 'a-session-secret-of-the-suite-0001';
export const NEXT_SECRET = 'a-session-secret-of-the-suite-0002';
/** Seconds. */
const ACCESS_TOKEN_LIFETIME = 2;
const ADAPTERS = ['express', 'fastify', 'express'] as const;
/** Sign-ins at the same time. */
const SIGN_INS = 8;

export interface FleetOptions {
  readonly custody: 'cookie' | 'store';
  readonly mode: ReplayMode;
  readonly settings?: Settings;
}

export class Fleet {
  private constructor(
    readonly provider: RemoteProvider,
    readonly identity: ProviderIdentity,
    readonly redis: RedisServer,
    readonly instances: readonly Instance[],
    readonly publicUrl: string,
  ) {}

  static async start({ custody, mode, settings = {} }: FleetOptions): Promise<Fleet> {
    await buildIfStale();
    const redis = await RedisServer.start({ persistent: true });
    const provider = await RemoteProvider.start({ mode, accessTokenLifetime: ACCESS_TOKEN_LIFETIME });
    const ports = await freePorts(ADAPTERS.length);
    const publicUrl = `http://localhost:${String(ports[0])}`;
    await provider.registerRedirectUri(`${publicUrl}/auth/callback`);
    const identity = await provider.describe();
    const common = {
      ...commonSettings(identity),
      PUBLIC_URL: publicUrl,
      CACHE_URL: redis.url,
      OPENID_CUSTODY: custody,
      LOG_LEVEL: SCALE.logLevel,
    };
    const instances = ports.map(
      (port, index) => new Instance(port, { ...common, HTTP_ADAPTER: ADAPTERS[index] ?? 'express', ...settings }),
    );
    await Promise.all(instances.map((instance) => instance.start()));
    return new Fleet(provider, identity, redis, instances, publicUrl);
  }

  /** Browsers, each with a session of its own. */
  async signIn(count: number): Promise<readonly Visitor[]> {
    const visitors: Visitor[] = [];
    while (visitors.length < count) {
      const some = Math.min(SIGN_INS, count - visitors.length);
      visitors.push(...(await Promise.all(Array.from({ length: some }, () => this.signInOne()))));
    }
    await this.provider.resetRequests();
    return visitors;
  }

  /** How often the instances logged each event. */
  get events(): Readonly<Record<string, number>> {
    const sums = new Map<string, number>();
    for (const { events } of this.instances) {
      for (const [event, count] of events) sums.set(event, (sums.get(event) ?? 0) + count);
    }
    return Object.fromEntries(sums);
  }

  forgetEvents(): void {
    for (const instance of this.instances) instance.forgetEvents();
  }

  /** Leases held at the moment. */
  async leases(): Promise<number> {
    const answer = await this.redis.command('KEYS', `${this.namespace}:*:lease:*`);
    return Number(/^\*(\d+)/.exec(answer)?.[1] ?? 0);
  }

  /** What Redis calls the records of this application begin with this. */
  get namespace(): string {
    return `oidc:${this.identity.issuer}:${this.identity.clientId}`;
  }

  /** The one instance that an index names; they count around. */
  instance(index: number): Instance {
    const instance = this.instances[index % this.instances.length];
    if (instance === undefined) throw new Error('there is no instance');
    return instance;
  }

  async close(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.close()));
    await this.provider.close();
    await this.redis.close();
  }

  private async signInOne(): Promise<Visitor> {
    const browser = new TestBrowser();
    const landed = await browser.signIn(`${this.publicUrl}/auth/login?returnTo=/api/public`, {
      login: 'alice',
      password: 'alice',
    });
    if (landed.status !== 200) throw new Error(`the sign-in ended with ${String(landed.status)}`);
    return new Visitor(browser, this.publicUrl);
  }
}

function commonSettings({ issuer, clientId, clientSecret, audience }: ProviderIdentity): Settings {
  return {
    NODE_ENV: 'production',
    OPENID_ISSUER: issuer,
    OPENID_CLIENT_ID: clientId,
    OPENID_CLIENT_SECRET: clientSecret,
    OPENID_AUDIENCE: audience,
    OPENID_SESSION_SECRET: SECRET,
  };
}
