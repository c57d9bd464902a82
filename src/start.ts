/** From an environment to a listening application, with one clear message when that fails. */
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { OidcConfigurationException, readEnvironment, type ConfigurationProblem } from 'nestjs-oidc-token-reuse';
import { AppModule } from './app.module.js';
import { readApplicationConfig, type ApplicationConfig } from './application.config.js';
import { expectedSettings, startDevelopmentProvider, type DevelopmentProvider } from './development-provider.js';
import { withoutBlanks, type Environment } from './environment.js';

/** A running application. */
export interface Running {
  readonly application: INestApplication;
  /** The address that browsers open. */
  readonly publicUrl: string;
  /** Whether a development provider runs beside it. */
  readonly hasDevelopmentProvider: boolean;
  close(): Promise<void>;
}

/**
 * Starts the application, and a development provider where none is configured.
 *
 * @throws OidcConfigurationException that lists every problem of the environment, or names the variable of a port in use
 */
export async function start(environment: Environment): Promise<Running> {
  const own = withoutBlanks(environment);
  const config = check(own);
  const publicUrl = own['PUBLIC_URL'] ?? `http://localhost:${String(config.port)}`;
  const provider = needsProvider(own, config)
    ? await portChecked('DEV_PROVIDER_PORT', startDevelopmentProvider(config, publicUrl))
    : undefined;
  try {
    const application = await create({ ...provider?.environment, ...own });
    await portChecked('PORT', application.listen(config.port, config.host));
    return {
      application,
      publicUrl,
      hasDevelopmentProvider: provider !== undefined,
      close: () => closeAll(application, provider),
    };
  } catch (error) {
    await provider?.close();
    throw error;
  }
}

/** Reads both halves of the environment, the application's and the library's, so that one message lists the problems of both. */
function check(environment: Environment): ApplicationConfig {
  const problems: ConfigurationProblem[] = [];
  const config = collect(problems, () => readApplicationConfig(environment));
  const needed = config !== undefined && needsProvider(environment, config) ? expectedSettings(config) : {};
  collect(problems, () => readEnvironment({ ...needed, ...environment }));
  if (config === undefined || problems.length > 0) throw new OidcConfigurationException(problems);
  return config;
}

function collect<Result>(problems: ConfigurationProblem[], read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof OidcConfigurationException)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

function needsProvider(environment: Environment, { isProduction }: ApplicationConfig): boolean {
  return environment['OPENID_ISSUER'] === undefined && !isProduction;
}

async function create(environment: Environment): Promise<INestApplication> {
  const config = readApplicationConfig(environment);
  const adapter = config.httpAdapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const application = await NestFactory.create(AppModule.with(config, environment), adapter, { abortOnError: false });
  return application;
}

async function portChecked<Result>(variable: string, listening: Promise<Result>): Promise<Result> {
  try {
    return await listening;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error) || (error.code !== 'EADDRINUSE' && error.code !== 'EACCES'))
      throw error;
    throw new OidcConfigurationException([
      { setting: variable, message: 'the port is in use or not allowed; set it to a free one' },
    ]);
  }
}

async function closeAll(application: INestApplication, provider: DevelopmentProvider | undefined): Promise<void> {
  await application.close();
  await provider?.close();
}
