/** From an environment to a listening application, with one clear message when that fails. */
import type { Server } from 'node:http';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { OidcConfigurationException, readEnvironment, type ConfigurationProblem } from 'nestjs-oidc-token-reuse';
import { AppModule } from './app.module.js';
import { readApplicationConfig, type ApplicationConfig } from './application.config.js';
import { ApplicationLogger } from './application.logger.js';
import { Connections } from './connections.js';
import { expectedSettings, startDevelopmentProvider } from './development-provider.js';
import { isProduction, needsDevelopmentProvider, withoutBlanks, type Environment } from './environment.js';
import { adapterOf } from './http-adapter.js';
import { listening } from './listening.js';

export interface StartOptions {
  /** Where the embedded provider keeps its state. Default is `.dev/state.json`. */
  readonly stateFile?: string;
  /** Default writes to the console, as JSON in production. */
  readonly logger?: LoggerService | false;
}

/** A running application. */
export interface Running {
  /** The address that browsers open. */
  readonly publicUrl: string;
  /** Whether a development provider runs beside it. */
  readonly hasDevelopmentProvider: boolean;
  /** Answers what was asked, then ends everything. */
  close(): Promise<void>;
}

/**
 * Starts the application, and a development provider where none is configured.
 *
 * @throws OidcConfigurationException that lists every problem of the environment; CannotListenException
 */
export async function start(environment: Environment, options: StartOptions = {}): Promise<Running> {
  const { stateFile = '.dev/state.json' } = options;
  const settings = withoutBlanks(environment);
  const { port, devProviderPort } = check(settings);
  const publicUrl = new URL(settings['PUBLIC_URL'] ?? `http://localhost:${String(port)}`).origin;
  const provider = needsDevelopmentProvider(settings)
    ? await listening(
        { variable: 'DEV_PROVIDER_PORT', port: devProviderPort },
        startDevelopmentProvider({ port: devProviderPort, publicUrl, settings, stateFile }),
      )
    : undefined;
  try {
    const closeApplication = await startApplication(provider?.settings ?? settings, options);
    return {
      publicUrl,
      hasDevelopmentProvider: provider !== undefined,
      close: async () => {
        await closeApplication();
        await provider?.close();
      },
    };
  } catch (error) {
    await provider?.close();
    throw error;
  }
}

/** Reads both halves of the environment, the application's and the library's, so that one message lists the problems of both. */
function check(settings: Environment): ApplicationConfig {
  const own = attempt(() => readApplicationConfig(settings));
  // What is already known to be wrong is not reported again in other words.
  const wrong = new Set(own.problems.map(({ setting }) => setting));
  const rest = Object.fromEntries(Object.entries(settings).filter(([name]) => !wrong.has(name)));
  const library = attempt(() => readEnvironment(needsDevelopmentProvider(rest) ? expectedSettings(rest) : rest));
  const problems = [...own.problems, ...library.problems];
  if (own.result === undefined || problems.length > 0) throw new OidcConfigurationException(problems);
  return own.result;
}

interface Attempt<Result> {
  readonly result?: Result;
  readonly problems: readonly ConfigurationProblem[];
}

function attempt<Result>(read: () => Result): Attempt<Result> {
  try {
    return { result: read(), problems: [] };
  } catch (error) {
    if (error instanceof OidcConfigurationException) return { problems: error.problems };
    throw error;
  }
}

/** Gives back how to end it. */
async function startApplication(settings: Environment, options: StartOptions): Promise<() => Promise<void>> {
  const config = readApplicationConfig(settings);
  const { logger = new ApplicationLogger({ json: isProduction(settings), level: config.logLevel }) } = options;
  const application = await NestFactory.create(AppModule.with(config, settings), adapterOf(config), {
    logger,
    abortOnError: false,
  });
  const connections = new Connections(application.getHttpServer() as Server);
  try {
    await listening({ variable: 'PORT', port: config.port }, application.listen(config.port, config.host));
  } catch (error) {
    await application.close();
    throw error;
  }
  return async () => {
    connections.close();
    await application.close();
  };
}
