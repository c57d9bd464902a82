import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';

import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { oidcEnvironmentSchema } from '../../src/config/environment.js';
import { createOidcConfig, oidcConfig } from '../../src/config/oidc.config.js';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { resolveOptions } from '../../src/config/resolve-options.js';
import { ENVIRONMENT, problemsOf, SECRET } from './valid-options.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<OidcModuleOptions>()
  .setClassMethodName('forRoot')
  .build();

@Module({})
class ConsumerModule extends ConfigurableModuleClass {}

const before = { ...process.env };
const unconfigured = Object.entries(before).filter(([name]) => !/^(OPENID_.*|PUBLIC_URL|PORT)$/i.test(name));

function setProcessEnvironment(variables: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, variables);
}

const configure = (variables: NodeJS.ProcessEnv) => {
  setProcessEnvironment({ ...Object.fromEntries(unconfigured), ...variables });
};

beforeEach(() => {
  configure({});
});

afterEach(() => {
  setProcessEnvironment(before);
});

describe('oidcConfig', () => {
  it('refuses an environment that is not configured', () => {
    expect(problemsOf(() => oidcConfig()).map(({ setting }) => setting)).toEqual([
      'OPENID_ISSUER',
      'OPENID_CLIENT_ID',
      'OPENID_SESSION_SECRET',
    ]);
  });

  it('reads the environment when it is called', () => {
    configure(ENVIRONMENT);
    expect(oidcConfig()).toEqual({
      issuer: 'https://id.example.com',
      clientId: 'client-1',
      publicUrl: 'https://app.example.com',
      sessionSecrets: [SECRET],
      warnings: [],
    });
  });

  it('feeds a module through ConfigModule', async () => {
    configure({ ...ENVIRONMENT, OPENID_SCOPE: 'openid offline_access' });
    const testing = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot({ ignoreEnvFile: true, load: [oidcConfig] }),
        ConsumerModule.forRootAsync(oidcConfig.asProvider()),
      ],
    }).compile();
    const consumer = testing.get<OidcModuleOptions>(MODULE_OPTIONS_TOKEN, { strict: false });
    expect(resolveOptions(consumer).scope).toBe('openid offline_access');
    await testing.close();
  });
});

describe('createOidcConfig', () => {
  it('reads the object it is given, not the process, and carries its warnings to the log once', () => {
    configure({ OPENID_SCOPE: 'openid' });
    const config = createOidcConfig({ ...ENVIRONMENT, OPENID_ISUER: 'x', OPENID_JWKS_URL_CACHE_ENABLED: 'off' });
    expect(resolveOptions(config()).warnings).toEqual([
      'OPENID_ISUER: is not known and has no effect; the nearest known name is OPENID_ISSUER',
      'jwksCache / OPENID_JWKS_URL_CACHE_ENABLED: signing keys are fetched again for every token; for tests only',
    ]);
  });
});

describe('oidcEnvironmentSchema', () => {
  const loaded = async () =>
    Test.createTestingModule({
      imports: [await ConfigModule.forRoot({ ignoreEnvFile: true, validationSchema: oidcEnvironmentSchema })],
    }).compile();

  it('stops ConfigModule with every problem', async () => {
    configure({ ...ENVIRONMENT, OPENID_USE_PAR: 'perhaps', OPENID_ISSUER: 'nowhere' });
    await expect(loaded()).rejects.toThrow(
      'Config validation error: OPENID_USE_PAR: must be true or false (or 1, 0, yes, no, on, off)\n' +
        'OPENID_ISSUER: must be an absolute URL, such as https://id.example.com',
    );
  });

  it('passes every variable through as it is', async () => {
    configure({ ...ENVIRONMENT, OPENID_AUDIENCE: 'a, b', SOMETHING_ELSE: '1' });
    const testing = await loaded();
    const config = testing.get(ConfigService);
    expect([config.get('OPENID_AUDIENCE'), config.get('SOMETHING_ELSE')]).toEqual(['a, b', '1']);
    expect(process.env['OPENID_AUDIENCE']).toBe('a, b');
    await testing.close();
  });
});
