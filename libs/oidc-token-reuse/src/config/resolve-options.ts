/** Options in, checked options out: the one gate between what an application configures and all other rooms. */
import { OidcConfigurationException, type ConfigurationProblem } from '../errors/configuration.exception.js';
import { acceptedAudiences } from './audience.js';
import { authMethodOf } from './client-authentication.js';
import { createFindings, type Findings, type NameOf } from './findings.js';
import { checkIssuer } from './issuer.js';
import { readSettings, type Settings, type UncheckedOptions } from './option-shape.js';
import type { OidcModuleOptions, OidcOptions, PresetName } from './options.js';
import { checkOrigin } from './origin.js';
import { PRESETS } from './presets.js';
import { checkRelations, warnOfWeakness } from './relations.js';

/**
 * Applies defaults and preset, and checks every option, the files that are named, and what goes together. Nothing is fetched: whether the
 * provider agrees shows at discovery. A `publicUrl` function is called and checked at first use.
 *
 * @throws OidcConfigurationException that lists all problems at once.
 */
export function resolveOptions(options: OidcModuleOptions): OidcOptions {
  const { problems, resolved } = checkOptions(options, (option) => option);
  if (resolved === undefined) throw new OidcConfigurationException(problems);
  return resolved;
}

interface CheckedOptions {
  readonly problems: readonly ConfigurationProblem[];
  readonly warnings: readonly string[];
  /** Undefined when there is a problem. */
  readonly resolved: OidcOptions | undefined;
}

/** The same rules for options and for the environment, which names settings its own way. */
export function checkOptions(options: UncheckedOptions, nameOf: NameOf): CheckedOptions {
  const findings = createFindings(nameOf);
  const settings = readSettings({ ...options }, findings.problem);
  const resolved = resolve(settings, findings);
  const { problems, warnings } = findings;
  return { problems, warnings, resolved: problems.length > 0 ? undefined : resolved };
}

function resolve(settings: Settings, findings: Findings): OidcOptions | undefined {
  const issuer = checkIssuer(settings, findings);
  const origin = checkOrigin(settings, issuer?.url, findings);
  const preset = issuer?.preset ?? 'generic';
  const byPreset = fromPreset(settings, preset);
  checkRelations(settings, byPreset, findings);
  warnOfWeakness(settings, preset, findings);

  const { clientId, sessionSecrets } = settings;
  if (issuer === undefined || clientId === undefined || sessionSecrets === undefined) return undefined;
  const { url: _, ...identity } = issuer;
  const { audience, ...rest } = settings;
  return {
    ...rest,
    ...identity,
    ...origin,
    ...byPreset,
    clientId,
    sessionSecrets,
    clientSecret: settings.clientSecret,
    clientSecretFile: settings.clientSecretFile,
    clientCert: settings.clientCert,
    clientAuthMethod: authMethodOf(settings),
    acceptedAudiences: acceptedAudiences({ clientId, settings, preset, scope: byPreset.scope }),
    loginAudience: audience[0],
    refreshAudience: settings.refreshAudience,
    resource: settings.resource,
    maxAge: settings.maxAge,
    acrValues: settings.acrValues,
    claims: settings.claims,
    usePar: settings.usePar,
    fetch: settings.fetch,
    warnings: [...new Set([...settings.warnings, ...findings.warnings])],
  };
}

/** What the preset decides where no option does. */
function fromPreset(settings: Settings, name: PresetName) {
  const preset = PRESETS[name];
  const scope = settings.scope ?? preset.scope;
  return {
    scope,
    refreshScope: preset.scopeAtRefresh ? scope : undefined,
    authorizationParameters: preset.authorizationParameters,
    replayWindow: settings.replayWindow ?? preset.replayWindow,
    onBehalfOfFlavour: settings.onBehalfOfFlavour ?? preset.onBehalfOfFlavour,
    roleTokenKind: settings.roleTokenKind ?? preset.roleTokenKind,
    rolePath: settings.rolePath ?? preset.rolePath,
  };
}
