/** Runs a real OpenID Provider beside the application when none is configured, so that a newcomer can sign in at once. */
import { randomBytes } from 'node:crypto';
import type { TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { readState, StateSaver } from './development-state.js';
import type { Environment } from './environment.js';

const API_AUDIENCE = 'http://localhost:3000/api';

export interface DevelopmentProviderOptions {
  readonly port: number;
  /** Origin of the application. */
  readonly publicUrl: string;
  /** The application's settings so far. */
  readonly settings: Environment;
  readonly stateFile: string;
}

export interface DevelopmentProvider {
  /** The application's settings, with those that point it at the provider. */
  readonly settings: Environment;
  close(): Promise<void>;
}

/** The settings as they will be, before the provider runs: whether they are right does not depend on what it makes up. */
export function expectedSettings(settings: Environment): Environment {
  const placeholder = 'generated-when-the-provider-starts';
  return withProvider(settings, {
    issuer: 'http://127.0.0.1:3001',
    client: { clientId: 'web', clientSecret: placeholder },
    sessionSecret: placeholder,
  });
}

/** Starts the provider on its own port and host name: cookies are not shared, and SameSite is really exercised. */
export async function startDevelopmentProvider(options: DevelopmentProviderOptions): Promise<DevelopmentProvider> {
  const { port, publicUrl, settings, stateFile } = options;
  // Imported only here, so that an application with a provider of its own never loads it.
  const { createTestProvider } = await import('nestjs-oidc-token-reuse-testing');
  const saved = readState(stateFile);
  const sessionSecret = saved?.sessionSecret ?? randomBytes(32).toString('base64url');
  const saver = new StateSaver(stateFile, sessionSecret);
  const provider = await createTestProvider({
    port,
    audience: audienceOf(settings),
    defaultClient: chosenClient(settings),
    onStateChanged: () => {
      saver.schedule();
    },
    ...(saved === undefined ? {} : { state: saved.provider }),
  });
  registerApplication(provider, publicUrl, settings);
  saver.watch(provider);
  return {
    settings: withProvider(settings, { issuer: provider.issuer, client: provider.client, sessionSecret }),
    close: async () => {
      saver.save();
      await provider.close();
    },
  };
}

/** The API that the provider issues access tokens for. */
function audienceOf({ OPENID_AUDIENCE: audiences, OPENID_RESOURCE: resource }: Environment): string {
  const [first = ''] = audiences?.split(',') ?? [];
  return first.trim() || (resource ?? API_AUDIENCE);
}

/** The client that the settings name, where they name one. */
function chosenClient({ OPENID_CLIENT_ID: clientId, OPENID_CLIENT_SECRET: clientSecret }: Environment) {
  return { ...(clientId === undefined ? {} : { clientId }), ...(clientSecret === undefined ? {} : { clientSecret }) };
}

function registerApplication(provider: TestProvider, publicUrl: string, settings: Environment): void {
  const callback = settings['OPENID_CALLBACK_URL'] ?? '/auth/callback';
  const authMethod = settings['OPENID_TOKEN_ENDPOINT_AUTH_METHOD'];
  provider.registerRedirectUri(new URL(callback, publicUrl).href);
  provider.registerPostLogoutRedirectUri(settings['OPENID_POST_LOGOUT_REDIRECT_URI'] ?? publicUrl);
  if (authMethod !== undefined) provider.updateClient({ token_endpoint_auth_method: authMethod });
}

interface Generated {
  readonly issuer: string;
  readonly client: Pick<TestProvider['client'], 'clientId' | 'clientSecret'>;
  readonly sessionSecret: string;
}

/** What is set wins over what the provider suggests. */
function withProvider(settings: Environment, { issuer, client, sessionSecret }: Generated): Environment {
  return {
    OPENID_ISSUER: issuer,
    OPENID_CLIENT_ID: client.clientId,
    OPENID_AUDIENCE: audienceOf(settings),
    OPENID_SESSION_SECRET: sessionSecret,
    OPENID_USE_END_SESSION_ENDPOINT: 'true',
    GRAPH_ME_URL: `${issuer}/graph/me`,
    ...(settings['OPENID_TOKEN_ENDPOINT_AUTH_METHOD'] === 'none' ? {} : { OPENID_CLIENT_SECRET: client.clientSecret }),
    ...(hasExchangeSetting(settings) ? {} : { OPENID_ON_BEHALF_FLOW_FOR_USERINFRO_REQUIRED: 'true' }),
    ...settings,
  };
}

/** The setting has two spellings, which must not contradict each other. */
function hasExchangeSetting(settings: Environment): boolean {
  return ['USERINFRO', 'USERINFO'].some((name) => settings[`OPENID_ON_BEHALF_FLOW_FOR_${name}_REQUIRED`] !== undefined);
}
