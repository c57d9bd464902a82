/** The application's own settings, beside those of the library. */
import type { LogLevel } from '@nestjs/common';
import { z } from 'zod';
import { OidcConfigurationException, type ConfigurationProblem } from 'nestjs-oidc-token-reuse';
import { CACHE_URL } from './cache-url.js';
import { isProduction, needsDevelopmentProvider, withoutBlanks, type Environment } from './environment.js';

/** Names of Nest's, from the most that can be said to the least. */
export const LOG_LEVELS = ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'] as const satisfies readonly LogLevel[];

const DEFAULT_PORT = 3000;
const MAX_PORT = 65_535;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'is no port; write a number from 1 to 65535')
  .transform(Number)
  .refine((value) => value > 0 && value <= MAX_PORT, 'is no port; write a number from 1 to 65535');
const redisUrl = z.string().regex(CACHE_URL, 'is no Redis URL; write redis://host:6379');
const protectedUrl = z
  .url({ protocol: /^https?$/, error: 'is no URL; write an absolute https URL', abort: true })
  .refine(isProtected, 'carries access tokens; write an https URL (http is accepted on loopback only)');

const schema = z
  .object({
    NODE_ENV: z.string().optional(),
    OPENID_ISSUER: z.string().optional(),
    OPENID_TOKEN_ENDPOINT_AUTH_METHOD: z.string().optional(),
    PORT: port.default(DEFAULT_PORT),
    HOST: z.string().optional(),
    HTTP_ADAPTER: z.enum(['express', 'fastify'], "is unknown; write 'express' or 'fastify'").default('express'),
    LOG_LEVEL: z.enum(LOG_LEVELS, `is unknown; write one of ${LOG_LEVELS.join(', ')}`).default('log'),
    CACHE_URL: redisUrl.optional(),
    DEV_PROVIDER_PORT: port.optional(),
    GRAPH_ME_URL: protectedUrl.optional(),
  })
  .transform((settings) => ({ ...settings, DEV_PROVIDER_PORT: settings.DEV_PROVIDER_PORT ?? settings.PORT + 1 }))
  .refine(hasPortForProvider, {
    path: ['DEV_PROVIDER_PORT'],
    error: 'has to be another port than PORT; its default is PORT + 1',
  })
  .refine(suitsProvider, {
    path: ['OPENID_TOKEN_ENDPOINT_AUTH_METHOD'],
    error: 'needs a provider of your own, since the embedded one knows no keys; set OPENID_ISSUER',
  });

interface Surroundings {
  readonly NODE_ENV?: string | undefined;
  readonly OPENID_ISSUER?: string | undefined;
}

interface Ports extends Surroundings {
  readonly PORT: number;
  readonly DEV_PROVIDER_PORT: number;
}

export interface ApplicationConfig {
  readonly port: number;
  /** Address to listen on. */
  readonly host: string;
  readonly httpAdapter: 'express' | 'fastify';
  /** The least important lines that are written. */
  readonly logLevel: LogLevel;
  readonly cacheUrl: string | undefined;
  /** Port of the embedded development provider. */
  readonly devProviderPort: number;
  /** Downstream API of the example. */
  readonly graphMeUrl: string | undefined;
}

/**
 * Reads the application's settings. Blank counts as absent.
 *
 * @throws OidcConfigurationException that lists all problems
 */
export function readApplicationConfig(environment: Environment): ApplicationConfig {
  const { data, error } = schema.safeParse(withoutBlanks(environment));
  if (error !== undefined) throw new OidcConfigurationException(error.issues.map(toProblem));
  return {
    port: data.PORT,
    host: data.HOST ?? (isProduction(environment) ? '0.0.0.0' : 'localhost'),
    httpAdapter: data.HTTP_ADAPTER,
    logLevel: data.LOG_LEVEL,
    cacheUrl: data.CACHE_URL,
    devProviderPort: data.DEV_PROVIDER_PORT,
    graphMeUrl: data.GRAPH_ME_URL,
  };
}

function hasPortForProvider({ PORT, DEV_PROVIDER_PORT, ...settings }: Ports): boolean {
  return !needsDevelopmentProvider(settings) || (DEV_PROVIDER_PORT !== PORT && DEV_PROVIDER_PORT <= MAX_PORT);
}

interface Registration extends Surroundings {
  readonly OPENID_TOKEN_ENDPOINT_AUTH_METHOD?: string | undefined;
}

function suitsProvider({ OPENID_TOKEN_ENDPOINT_AUTH_METHOD: method = '', ...settings }: Registration): boolean {
  return !needsDevelopmentProvider(settings) || !/^(private_key_jwt|(self_signed_)?tls_client_auth)$/.test(method);
}

function isProtected(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || LOOPBACK.test(hostname);
}

function toProblem({ path, message }: z.core.$ZodIssue): ConfigurationProblem {
  return { setting: path.join('.'), message };
}
