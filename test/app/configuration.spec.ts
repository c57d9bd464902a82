/** What keeps the reference application from starting, and in which words it says so. */
import type { Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OidcConfigurationException } from 'nestjs-oidc-token-reuse';
import { readApplicationConfig } from '../../src/application.config.js';
import { CannotListenException } from '../../src/listening.js';
import { start } from '../../src/start.js';
import { occupy, portOf, release } from '../support/ports.js';
import { ADAPTERS } from '../support/harness.js';
import { startReference, type Settings } from '../support/reference.js';

const NO_PORT = 'is no port; write a number from 1 to 65535';

/** Settings that are wrong, with what is wrong about them. */
async function problemsOf(settings: Settings): Promise<Readonly<Record<string, string>>> {
  const failure = await failureOf(start(settings, { logger: false, stateFile: '/dev/null/never-written' }));
  if (!(failure instanceof OidcConfigurationException)) throw failure;
  return Object.fromEntries(failure.problems.map(({ setting, message }) => [setting, message]));
}

async function failureOf(attempt: Promise<unknown>): Promise<Error> {
  try {
    await attempt;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it started');
}

describe('the settings of the application', () => {
  it.each([
    ['PORT', 'abc', NO_PORT],
    ['PORT', '0', NO_PORT],
    ['PORT', '65536', NO_PORT],
    ['PORT', '3000.5', NO_PORT],
    ['PORT', '-1', NO_PORT],
    ['DEV_PROVIDER_PORT', '3e3', NO_PORT],
    ['DEV_PROVIDER_PORT', '3000', 'has to be another port than PORT; its default is PORT + 1'],
    ['HTTP_ADAPTER', 'koa', "is unknown; write 'express' or 'fastify'"],
    ['LOG_LEVEL', 'info', 'is unknown; write one of verbose, debug, log, warn, error, fatal'],
    ...['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'].map((method) => [
      'OPENID_TOKEN_ENDPOINT_AUTH_METHOD',
      method,
      'needs a provider of your own, since the embedded one knows no keys; set OPENID_ISSUER',
    ]),
    ['CACHE_URL', 'localhost:6379', 'is no Redis URL; write redis://host:6379'],
    ['CACHE_URL', 'redis-sentinel://host:26379', 'is no Redis URL; write redis://host:6379'],
    ['GRAPH_ME_URL', '/me', 'is no URL; write an absolute https URL'],
    ['GRAPH_ME_URL', 'ftp://graph.example/me', 'is no URL; write an absolute https URL'],
    [
      'GRAPH_ME_URL',
      'http://graph.example/me',
      'carries access tokens; write an https URL (http is accepted on loopback only)',
    ],
  ])('refuses %s=%s alone', async (name = '', value = '', message = '') => {
    expect(await problemsOf({ [name]: value })).toEqual({ [name]: message });
  });

  it('refuse the last port of all, which has none after it for the embedded provider', async () => {
    expect(await problemsOf({ PORT: '65535' })).toEqual({
      DEV_PROVIDER_PORT: 'has to be another port than PORT; its default is PORT + 1',
    });
  });

  it('accept the last port of all with a provider of its own', () => {
    expect(readApplicationConfig({ PORT: '65535', OPENID_ISSUER: 'https://op.example' }).port).toBe(65535);
  });

  it('have defaults, which blank values leave in place', () => {
    expect(readApplicationConfig({ PORT: ' ', HOST: '', HTTP_ADAPTER: '', CACHE_URL: '', GRAPH_ME_URL: '' })).toEqual({
      port: 3000,
      host: 'localhost',
      httpAdapter: 'express',
      logLevel: 'log',
      cacheUrl: undefined,
      devProviderPort: 3001,
      graphMeUrl: undefined,
    });
  });

  it('open every address of the machine in production, unless HOST says otherwise', () => {
    const production = { NODE_ENV: 'production', OPENID_ISSUER: 'https://op.example' };
    expect(readApplicationConfig(production).host).toBe('0.0.0.0');
    expect(readApplicationConfig({ ...production, HOST: '127.0.0.1' }).host).toBe('127.0.0.1');
  });

  it('are reported together with those of the library', async () => {
    const problems = await problemsOf({
      PORT: 'x',
      HTTP_ADAPTER: 'x',
      OPENID_CLOCK_TOLERANCE: 'x',
      OPENID_PRESET: 'x',
    });
    expect(Object.keys(problems)).toEqual(['PORT', 'HTTP_ADAPTER', 'OPENID_PRESET', 'OPENID_CLOCK_TOLERANCE']);
  });

  it('have to name a provider and a secret in production', async () => {
    expect(Object.keys(await problemsOf({ NODE_ENV: 'production' }))).toEqual([
      'OPENID_ISSUER',
      'OPENID_CLIENT_ID',
      'OPENID_SESSION_SECRET',
    ]);
  });

  it('have to name a client and a secret with a provider', async () => {
    expect(Object.keys(await problemsOf({ OPENID_ISSUER: 'https://op.example' }))).toEqual([
      'OPENID_CLIENT_ID',
      'OPENID_SESSION_SECRET',
    ]);
  });

  it('refuse form_post over http, where the embedded provider is another site', async () => {
    expect(Object.keys(await problemsOf({ OPENID_RESPONSE_MODE: 'form_post' }))).toEqual(['OPENID_RESPONSE_MODE']);
  });
});

describe.each(ADAPTERS)('an address that cannot be had on %s', (adapter) => {
  let server: Server;
  let port: string;

  beforeAll(async () => {
    server = await occupy();
    port = String(portOf(server));
  });
  afterAll(() => release(server));

  it.each(['PORT', 'DEV_PROVIDER_PORT'])('is named by its variable %s in one line', async (variable) => {
    const failure = await failureOf(startReference({ adapter, settings: { HOST: '127.0.0.1', [variable]: port } }));
    expect(failure).toBeInstanceOf(CannotListenException);
    expect(failure.message).toBe(`${variable}: port ${port} is in use; set ${variable} to a free port`);
  });

  it('is named HOST where the host is not of this machine', async () => {
    const failure = await failureOf(startReference({ adapter, settings: { HOST: '192.0.2.1' } }));
    expect(failure).toBeInstanceOf(CannotListenException);
    expect(failure.message).toBe('HOST: is no address of this machine; set HOST to localhost or 0.0.0.0');
  });
});

describe('unknown names', () => {
  it('are warned about with the nearest known one', async () => {
    const reference = await startReference({ settings: { OPENID_AUDIENCES: 'x' } });
    await reference.close();
    expect(reference.log).toContainEqual({
      level: 'warn',
      message: 'configuration.warning',
      fields: expect.objectContaining({
        reason: 'OPENID_AUDIENCES: is not known and has no effect; the nearest known name is OPENID_AUDIENCE',
      }),
    });
  });
});
