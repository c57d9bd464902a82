/** Runs a real OpenID Provider beside the application when none is configured, so that a newcomer can sign in at once. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ProviderState, TestProvider } from 'nestjs-oidc-token-reuse-testing';
import type { ApplicationConfig } from './application.config.js';
import type { Environment } from './environment.js';

const STATE_FILE = '.dev/state.json';
const CALLBACK_PATH = '/auth/callback';

/** What survives a restart, so that a restart signs nobody out. Readable by its owner only. */
interface DevelopmentState {
  readonly sessionSecret: string;
  readonly provider?: ProviderState;
}

export interface DevelopmentProvider {
  /** The settings that point the application at the provider. */
  readonly environment: Environment;
  close(): Promise<void>;
}

/** The application's settings for the provider, before it runs: what is checked does not depend on what it makes up. */
export function expectedSettings({ port, devProviderPort }: ApplicationConfig): Environment {
  const placeholder = 'generated-when-the-provider-starts-';
  return settingsFor({
    issuer: `http://127.0.0.1:${String(devProviderPort === 0 ? 1 : devProviderPort)}`,
    client: { clientId: 'web', clientSecret: placeholder },
    audience: audienceOf(port),
    sessionSecret: placeholder,
  });
}

/** Starts the provider on its own port and host name: cookies are not shared, and SameSite is really exercised. */
export async function startDevelopmentProvider(
  { port, devProviderPort }: ApplicationConfig,
  publicUrl: string,
): Promise<DevelopmentProvider> {
  // Imported only here, so that production never loads it.
  const { createTestProvider } = await import('nestjs-oidc-token-reuse-testing');
  const { sessionSecret = randomBytes(32).toString('base64url'), provider: state } = readState();
  const audience = audienceOf(port);
  const saver = new StateSaver(sessionSecret);
  const provider = await createTestProvider({
    port: devProviderPort,
    audience,
    onStateChanged: () => {
      saver.schedule();
    },
    ...(state === undefined ? {} : { state }),
  });
  provider.registerRedirectUri(`${publicUrl}${CALLBACK_PATH}`);
  provider.registerPostLogoutRedirectUri(publicUrl);
  saver.watch(provider);
  return {
    environment: settingsFor({ issuer: provider.issuer, client: provider.client, audience, sessionSecret }),
    close: async () => {
      saver.save();
      await provider.close();
    },
  };
}

interface Settings {
  readonly issuer: string;
  readonly client: Pick<TestProvider['client'], 'clientId' | 'clientSecret'>;
  readonly audience: string;
  readonly sessionSecret: string;
}

function audienceOf(port: number): string {
  return `http://localhost:${String(port)}/api`;
}

function settingsFor({ issuer, client, audience, sessionSecret }: Settings): Environment {
  return {
    OPENID_ISSUER: issuer,
    OPENID_CLIENT_ID: client.clientId,
    OPENID_CLIENT_SECRET: client.clientSecret,
    OPENID_AUDIENCE: audience,
    OPENID_SESSION_SECRET: sessionSecret,
    OPENID_ON_BEHALF_FLOW_FOR_USERINFO_REQUIRED: 'true',
    OPENID_USE_END_SESSION_ENDPOINT: 'true',
    GRAPH_ME_URL: `${issuer}/graph/me`,
  };
}

/** Writes the state once after any number of changes in the same turn. */
class StateSaver {
  private provider: TestProvider | undefined;
  private scheduled: NodeJS.Immediate | undefined;

  constructor(private readonly sessionSecret: string) {}

  watch(provider: TestProvider): void {
    this.provider = provider;
    this.save();
  }

  schedule(): void {
    this.scheduled ??= setImmediate(() => {
      this.save();
    });
  }

  save(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    if (this.provider !== undefined)
      writeState({ sessionSecret: this.sessionSecret, provider: this.provider.exportState() });
  }
}

function readState(): Partial<DevelopmentState> {
  try {
    return JSON.parse(readFileSync(STATE_FILE, 'utf8')) as Partial<DevelopmentState>; // our own file; the provider checks its part
  } catch {
    // None yet, or deleted to start afresh.
    return {};
  }
}

function writeState(state: DevelopmentState): void {
  mkdirSync(dirname(STATE_FILE), { recursive: true });
  const draft = `${STATE_FILE}.${String(process.pid)}`;
  writeFileSync(draft, JSON.stringify(state), { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, STATE_FILE);
}
