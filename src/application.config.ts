/** The application's own settings, beside those of the library. */
import { z } from 'zod';
import { OidcConfigurationException, type ConfigurationProblem } from 'nestjs-oidc-token-reuse';
import { withoutBlanks, type Environment } from './environment.js';

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'is no port; write a number from 0 to 65535')
  .transform(Number)
  .refine((value) => value < 65_536, 'is no port; write a number from 0 to 65535');
const redisUrl = z.string().regex(/^rediss?:\/\/.+/, 'is no Redis URL; write redis://host:6379');
const httpUrl = z.url({ protocol: /^https?$/, error: 'is no URL; write an absolute http or https URL' });

const schema = z.object({
  NODE_ENV: z.string().optional(),
  PORT: port.default(3000),
  HOST: z.string().optional(),
  HTTP_ADAPTER: z.enum(['express', 'fastify'], "is unknown; write 'express' or 'fastify'").default('express'),
  CACHE_URL: redisUrl.optional(),
  DEV_PROVIDER_PORT: port.optional(),
  GRAPH_ME_URL: httpUrl.optional(),
});

export interface ApplicationConfig {
  readonly isProduction: boolean;
  readonly port: number;
  readonly host: string;
  readonly httpAdapter: 'express' | 'fastify';
  readonly cacheUrl: string | undefined;
  /** Port of the embedded development provider. */
  readonly devProviderPort: number;
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
  const isProduction = data.NODE_ENV === 'production';
  return {
    isProduction,
    port: data.PORT,
    host: data.HOST ?? (isProduction ? '0.0.0.0' : 'localhost'),
    httpAdapter: data.HTTP_ADAPTER,
    cacheUrl: data.CACHE_URL,
    devProviderPort: data.DEV_PROVIDER_PORT ?? data.PORT + 1,
    graphMeUrl: data.GRAPH_ME_URL,
  };
}

function toProblem({ path, message }: z.core.$ZodIssue): ConfigurationProblem {
  return { setting: path.join('.'), message };
}
