/** How the text of each environment variable becomes the value of its option. */
import { z } from 'zod';
import { isPath } from './key-source.js';
import { OPTION_SHAPE, type UncheckedOptions } from './option-shape.js';

const text = z.string();

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 'yes', 'on'].map((word) => [word, true] as const),
  ...['false', '0', 'no', 'off'].map((word) => [word, false] as const),
]);

/** `true/false/1/0/yes/no/on/off` in any case; anything else is a fault, never false. */
export const booleanText = text.transform((value, context) => {
  const meaning = BOOLEANS.get(value.toLowerCase());
  if (meaning !== undefined) return meaning;
  context.addIssue('must be true or false (or 1, 0, yes, no, on, off)');
  return z.NEVER;
});

/** Digits only: no sign, no fraction, no unit, no expression. */
const integerText = text
  .regex(/^\d+$/, 'must be a whole number in digits only, without sign, fraction, unit or expression')
  .transform(Number);

const listText = text.transform((value) =>
  value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== ''),
);

/** One key written out, or paths with commas between. */
const keysText = text.transform((value) => (isPath(value) ? listText.parse(value) : [value]));

const jsonText = text.transform((value, context) => {
  try {
    return OPTION_SHAPE.claims.parse(JSON.parse(value));
  } catch {
    context.addIssue('must be a JSON object, such as {"id_token":{"email":{"essential":true}}}');
    return z.NEVER;
  }
});

/** Every variable that is an option; all may be absent, and rules beyond syntax are those of the options. */
export const VALUES = z
  .object({
    issuer: text,
    clientId: text,
    clientSecret: text,
    clientSecretFile: text,
    clientKeys: keysText,
    clientCert: text,
    clientAuthMethod: OPTION_SHAPE.clientAuthMethod,
    publicUrl: text,
    preset: OPTION_SHAPE.preset,
    tenants: listText,
    callbackUrl: text,
    responseMode: OPTION_SHAPE.responseMode.removeDefault(),
    scope: text,
    audience: listText,
    refreshAudience: text,
    resource: text,
    maxAge: integerText,
    acrValues: text,
    claims: jsonText,
    usePar: booleanText,
    usePkce: booleanText,
    sessionSecrets: listText,
    custody: OPTION_SHAPE.custody.removeDefault(),
    sessionAbsoluteLifetime: integerText,
    sessionIdleLifetime: integerText,
    reuseTokens: booleanText,
    reuseMaxSessionAge: integerText,
    reusedToken: OPTION_SHAPE.reusedToken.removeDefault(),
    exposeAccessToken: booleanText,
    successorGrace: integerText,
    replayWindow: integerText,
    clockTolerance: integerText,
    jwksCache: booleanText,
    jwksCacheTime: integerText,
    userInfoOnBehalfOf: booleanText,
    userInfoScope: text,
    onBehalfOfFlavour: OPTION_SHAPE.onBehalfOfFlavour,
    requiredRoles: listText,
    roleTokenKind: OPTION_SHAPE.roleTokenKind,
    rolePath: text,
    useEndSessionEndpoint: booleanText,
    postLogoutRedirectUri: text,
    maxLogoutUrlLength: integerText,
  })
  .partial() satisfies z.ZodType<UncheckedOptions>;
