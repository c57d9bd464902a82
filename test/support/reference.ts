/** The reference application in this process, with the embedded provider or with one of the test. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import { TestBrowser, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { start, type Running } from '../../src/start.js';
import type { AdapterName } from './harness.js';
import { freePorts } from './ports.js';
import { watched } from './secret-watch.js';

export type Settings = Readonly<Record<string, string>>;

export interface ReferenceOptions {
  readonly adapter?: AdapterName;
  /** Without one, the embedded provider runs. */
  readonly provider?: TestProvider;
  /** Environment variables that differ from those below; blank ones are absent. */
  readonly settings?: Settings;
}

/** One line of the application's log. */
export interface LogEntry {
  readonly level: string;
  readonly message: unknown;
  readonly fields: unknown;
}

export class Reference {
  constructor(
    private readonly running: Running,
    readonly log: readonly LogEntry[],
    private readonly folder: string,
  ) {}

  /** Origin of the application. */
  get url(): string {
    return this.running.publicUrl;
  }

  get hasDevelopmentProvider(): boolean {
    return this.running.hasDevelopmentProvider;
  }

  /** Whether the embedded provider has left its state on the disk. */
  get hasState(): boolean {
    return existsSync(stateFileIn(this.folder));
  }

  /** A browser in which somebody is signed in. */
  async signedIn(login = 'alice'): Promise<TestBrowser> {
    const browser = new TestBrowser();
    const landed = await browser.signIn(`${this.url}/auth/login?returnTo=/api/public`, { login, password: login });
    if (landed.url !== `${this.url}/api/public`) throw new Error(`the sign-in ended at ${landed.url}`);
    return browser;
  }

  async close(): Promise<void> {
    await this.running.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function startReference(options: ReferenceOptions = {}): Promise<Reference> {
  const { adapter = 'express', provider, settings = {} } = options;
  const [port = 0, providerPort = 0] = await freePorts(2);
  const environment = {
    PORT: String(port),
    DEV_PROVIDER_PORT: String(providerPort),
    HTTP_ADAPTER: adapter,
    ...(provider === undefined ? {} : settingsFor(provider)),
    ...settings,
  };
  const folder = mkdtempSync(join(tmpdir(), 'reference-'));
  const log: LogEntry[] = [];
  try {
    const running = await start(environment, { logger: recorder(log), stateFile: stateFileIn(folder) });
    provider?.registerRedirectUri(`${running.publicUrl}/auth/callback`);
    provider?.registerPostLogoutRedirectUri(running.publicUrl);
    return new Reference(running, log, folder);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** What somebody with a provider of their own writes into `.env`. */
export function settingsFor(provider: TestProvider): Settings {
  return {
    OPENID_ISSUER: provider.issuer,
    OPENID_CLIENT_ID: provider.client.clientId,
    OPENID_CLIENT_SECRET: provider.client.clientSecret,
    OPENID_AUDIENCE: provider.audience,
    OPENID_SESSION_SECRET: 'a-session-secret-of-the-tests-0001',
    OPENID_ON_BEHALF_FLOW_FOR_USERINFRO_REQUIRED: 'true',
    OPENID_USE_END_SESSION_ENDPOINT: 'true',
    GRAPH_ME_URL: `${provider.issuer}/graph/me`,
  };
}

function stateFileIn(folder: string): string {
  return join(folder, 'state.json');
}

function recorder(log: LogEntry[]): LoggerService {
  const at =
    (level: string) =>
    (message: unknown, fields: unknown): void => {
      log.push({ level, message, fields });
      watched.see(message, fields);
    };
  return { log: at('log'), warn: at('warn'), error: at('error'), debug: at('debug') };
}
