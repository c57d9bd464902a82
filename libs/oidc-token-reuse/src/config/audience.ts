/** Whom a token may be for: every `aud` that is accepted. */
import type { Settings } from './option-shape.js';
import type { PresetName } from './options.js';
import { isGuid } from './tenants.js';

interface AudienceQuestion {
  readonly clientId: string;
  readonly settings: Pick<Settings, 'audience' | 'reusedToken'>;
  readonly preset: PresetName;
  readonly scope: string;
}

/** The client id, the configured audiences and, for Entra's access tokens, the APIs that the scope names. */
export function acceptedAudiences({ clientId, settings, preset, scope }: AudienceQuestion): readonly string[] {
  const derived = preset === 'entra' && settings.reusedToken === 'access_token' ? entraAudiences(scope) : [];
  return [...new Set([clientId, ...settings.audience, ...derived])];
}

/** `api://X` of each `api://X/permission`; also `X` where it is a client id, which access tokens of v2 carry bare. */
function entraAudiences(scope: string): readonly string[] {
  return scope.split(' ').flatMap((entry) => {
    const [, resource, name] = /^(api:\/\/(.+))\/[^/]*$/.exec(entry) ?? [];
    return [resource, name !== undefined && isGuid(name) ? name : undefined].filter((value) => value !== undefined);
  });
}
