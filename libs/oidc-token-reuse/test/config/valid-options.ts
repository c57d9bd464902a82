/** The least that is accepted, as options and as an environment, for tests that change one thing. */
import { OidcConfigurationException, type ConfigurationProblem } from '../../src/errors/configuration.exception.js';
import type { OidcModuleOptions } from '../../src/config/options.js';

export const SECRET = 'correct-horse-battery-staple-0123456789';

export const OPTIONS: OidcModuleOptions = {
  issuer: 'https://id.example.com',
  clientId: 'client-1',
  publicUrl: 'https://app.example.com',
  sessionSecrets: [SECRET],
};

export const ENVIRONMENT: Readonly<Record<string, string>> = {
  OPENID_ISSUER: 'https://id.example.com',
  OPENID_CLIENT_ID: 'client-1',
  PUBLIC_URL: 'https://app.example.com',
  OPENID_SESSION_SECRET: SECRET,
};

/** The problems that an action reports, none when it succeeds; any other error is passed on. */
export function problemsOf(action: () => unknown): readonly ConfigurationProblem[] {
  try {
    action();
    return [];
  } catch (error) {
    if (error instanceof OidcConfigurationException) return error.problems;
    throw error;
  }
}
