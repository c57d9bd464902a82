/** What each option alone may be, as a schema that also applies the defaults. */
import { z } from 'zod';
import { isClaimPath } from './claim-path.js';
import type { OptionName } from './findings.js';
import {
  CLIENT_AUTH_METHODS,
  DEFAULTS,
  PRESET_NAMES,
  type ClientSecretSource,
  type OidcModuleOptions,
} from './options.js';

/** Ten minutes, in milliseconds. All that is waited for in a row stays far below what a timer can wait for; beyond that it fires at once. */
const LONGEST_REQUEST = 600_000;

const text = z.string('must be text').trim().min(1, 'must not be empty');
const list = z.array(text, 'must be a list').default([]);
const flag = z.boolean('must be true or false');

function whole(min: number, max = Number.MAX_SAFE_INTEGER) {
  const range = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `from ${min} to ${max}`;
  const message = `must be a whole number, ${range}`;
  return z.number(message).int(message).min(min, message).max(max, message);
}

function oneOf<const T extends readonly string[]>(values: T, notYet: readonly string[] = []) {
  const choice = `${values.length === 1 ? 'must be' : 'must be one of'} ${values.join(', ')}`;
  return z.enum(values, {
    error: ({ input }) =>
      notYet.some((value) => value === input) ? `is not available in this version; ${choice}` : choice,
  });
}

function callable<T>(message: string) {
  return z.custom<T>((value) => typeof value === 'function', message);
}

/** At least 32 characters each: 256 bits when they are random letters and digits. */
const sessionSecrets = z
  .array(z.string('must be a list of text'), 'must be a list')
  .min(1, 'needs at least one secret, such as the output of: openssl rand -base64 48')
  .refine(
    (secrets) => secrets.every((secret) => secret.trim().length >= 32),
    'needs at least 32 characters in each secret',
  )
  .refine((secrets) => new Set(secrets).size === secrets.length, 'holds the same secret twice; remove one');

export const OPTION_SHAPE = {
  issuer: text.optional(),
  clientId: text.optional(),
  clientSecret: z
    .union(
      [
        z.string().transform((secret) => (secret.trim() === '' ? undefined : secret)),
        callable<ClientSecretSource>('must be text or a function'),
      ],
      'must be text or a function',
    )
    .optional(),
  clientSecretFile: text.optional(),
  clientKeys: list,
  clientCert: text.optional(),
  clientAuthMethod: oneOf(CLIENT_AUTH_METHODS, ['client_secret_jwt']).optional(),
  publicUrl: z
    .union([text, callable<() => string>('must be text or a function')], 'must be text or a function')
    .optional(),
  preset: oneOf(PRESET_NAMES).optional(),
  tenants: list,

  callbackUrl: text.default(DEFAULTS.callbackUrl),
  responseMode: oneOf(['query', 'form_post']).default(DEFAULTS.responseMode),
  scope: text.transform((scope) => scope.split(/\s+/).join(' ')).optional(),
  audience: list,
  refreshAudience: text.optional(),
  resource: text.optional(),
  maxAge: whole(0).optional(),
  acrValues: text.optional(),
  claims: z.record(z.string(), z.unknown(), 'must be a JSON object').optional(),
  usePar: flag.optional(),
  usePkce: flag.default(DEFAULTS.usePkce),
  errorPath: text.optional(),

  sessionSecrets: sessionSecrets.optional(),
  custody: oneOf(['cookie', 'store']).default(DEFAULTS.custody),
  sessionAbsoluteLifetime: whole(1).default(DEFAULTS.sessionAbsoluteLifetime),
  sessionIdleLifetime: whole(1).default(DEFAULTS.sessionIdleLifetime),
  reuseTokens: flag.default(DEFAULTS.reuseTokens),
  reuseMaxSessionAge: whole(0).default(DEFAULTS.reuseMaxSessionAge),
  reusedToken: oneOf(['access_token', 'id_token']).default(DEFAULTS.reusedToken),
  exposeAccessToken: flag.default(DEFAULTS.exposeAccessToken),
  successorGrace: whole(0).default(DEFAULTS.successorGrace),
  replayWindow: whole(0).optional(),

  clockTolerance: whole(0, 300).default(DEFAULTS.clockTolerance),
  jwksCache: flag.default(DEFAULTS.jwksCache),
  jwksCacheTime: whole(1).default(DEFAULTS.jwksCacheTime),
  maxVerifiedTokens: whole(0).default(DEFAULTS.maxVerifiedTokens),
  maxVerifiedTokenBytes: whole(0).default(DEFAULTS.maxVerifiedTokenBytes),
  maxOpenedSessions: whole(0).default(DEFAULTS.maxOpenedSessions),
  maxOpenedSessionBytes: whole(0).default(DEFAULTS.maxOpenedSessionBytes),

  userInfoOnBehalfOf: flag.default(DEFAULTS.userInfoOnBehalfOf),
  userInfoScope: text.default(DEFAULTS.userInfoScope),
  onBehalfOfFlavour: oneOf(['entra', 'token-exchange']).optional(),

  requiredRoles: list,
  roleTokenKind: oneOf(['access', 'id', 'userinfo']).optional(),
  rolePath: text.refine(isClaimPath, 'must be names joined by dots, such as realm_access.roles').optional(),

  useEndSessionEndpoint: flag.default(DEFAULTS.useEndSessionEndpoint),
  postLogoutRedirectUri: text.optional(),
  maxLogoutUrlLength: whole(1).default(DEFAULTS.maxLogoutUrlLength),

  httpTimeout: whole(1, LONGEST_REQUEST).default(DEFAULTS.httpTimeout),
  tokenRequestTimeout: whole(1, LONGEST_REQUEST).default(DEFAULTS.tokenRequestTimeout),
  fetch: callable<typeof fetch>('must be a function').optional(),
  warnings: z.array(z.string('must be a list of text'), 'must be a list of text').default([]),
} satisfies { readonly [K in OptionName]: z.ZodType<OidcModuleOptions[K] | undefined> };

const OPTIONS = z.object(OPTION_SHAPE);

/** Options before anything is known about them. */
export type UncheckedOptions = { readonly [K in OptionName]?: OidcModuleOptions[K] | undefined };

/** Options of which each alone is as it should be. */
export type Settings = z.output<typeof OPTIONS>;

type Report = (option: OptionName, message: string) => void;

const REQUIRED: ReadonlyMap<OptionName, string> = new Map([
  ['issuer', 'the issuer URL of the OpenID Provider'],
  ['clientId', 'the client id that the OpenID Provider gave to this application'],
  ['publicUrl', 'the origin that browsers use, such as https://app.example.com'],
  ['sessionSecrets', 'a secret of at least 32 characters, such as the output of: openssl rand -base64 48'],
]);

/** Every option that is right by itself, with the defaults; what is wrong about the others is reported and left out. */
export function readSettings(options: UncheckedOptions, report: Report): Settings {
  for (const [option, meaning] of REQUIRED) {
    if (options[option] === undefined) report(option, `is required: ${meaning}`);
  }
  return parseLeniently(OPTIONS, options, report);
}

/**
 * The part of an input that a schema accepts; each member it refuses is reported. All members of the schema accept
 * to be absent, so that what is left always passes.
 */
export function parseLeniently<S extends z.ZodObject>(schema: S, input: object, report: Report): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const refused = new Set<PropertyKey | undefined>();
  for (const { path, message } of result.error.issues) {
    const [option] = path;
    refused.add(option);
    if (isOptionName(option)) report(option, message);
  }
  return schema.parse(Object.fromEntries(Object.entries(input).filter(([option]) => !refused.has(option))));
}

function isOptionName(key: PropertyKey | undefined): key is OptionName {
  return key !== undefined && Object.hasOwn(OPTION_SHAPE, key);
}
