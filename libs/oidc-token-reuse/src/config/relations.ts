/** Rules between options, and what is allowed but weaker than it could be. */
import { checkClaims } from './claims-request.js';
import { checkClient } from './client-authentication.js';
import type { Findings } from './findings.js';
import type { Settings } from './option-shape.js';
import type { PresetName, TokenKind } from './options.js';
import { PRESETS } from './presets.js';

/** What is in use, chosen or the preset's. */
interface InUse {
  readonly scope: string;
  readonly roleTokenKind: TokenKind;
}

/** Reports what does not go together. */
export function checkRelations(settings: Settings, { scope, roleTokenKind }: InUse, findings: Findings): void {
  checkClient(settings, findings);
  checkScope(scope, findings);
  checkResource(settings, findings);
  checkClaims(settings, findings);
  checkRoles(settings, roleTokenKind, findings);
  if (settings.exposeAccessToken && !settings.reuseTokens) {
    findings.problem(
      'exposeAccessToken',
      `needs ${findings.nameOf('reuseTokens')}: no access token is kept without it`,
    );
  }
}

/** Roles that no session could have would let nobody in. */
function checkRoles({ requiredRoles, reuseTokens }: Settings, kind: TokenKind, findings: Findings): void {
  if (requiredRoles.length === 0 || kind === 'id' || reuseTokens) return;
  const { nameOf, problem } = findings;
  problem(
    'roleTokenKind',
    `is ${kind}, and without ${nameOf('reuseTokens')} a session has no token for that; write id`,
  );
}

/** RFC 6749 section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/;

function checkScope(scope: string, findings: Findings): void {
  if (!SCOPE.test(scope)) findings.problem('scope', 'must be scopes with spaces between, such as: openid profile');
  if (!scope.split(' ').includes('openid'))
    findings.problem('scope', 'must hold openid, such as: openid profile email');
}

/** RFC 8707 section 2: an absolute URI without a fragment. */
function checkResource({ resource }: Settings, findings: Findings): void {
  if (resource === undefined || (URL.canParse(resource) && !resource.includes('#'))) return;
  findings.problem('resource', 'must be an absolute URI without a fragment');
}

/** Reports what weakens the defaults. */
export function warnOfWeakness(settings: Settings, preset: PresetName, findings: Findings): void {
  if (!settings.usePkce) findings.warn('usePkce', 'PKCE is off; turn it off only for a provider that refuses it');
  if (!settings.jwksCache) findings.warn('jwksCache', 'signing keys are fetched again for every token; for tests only');
  if (settings.clockTolerance > 60) {
    findings.warn('clockTolerance', `tokens are accepted up to ${settings.clockTolerance} seconds after they expire`);
  }
  // Reported only where the preset asks for it: the other providers issue a refresh token without.
  if (settings.reuseTokens && lacksOfflineAccess(settings, preset)) {
    findings.warn('scope', 'without offline_access the provider may issue no refresh token, and sessions end early');
  }
  if (settings.userInfoOnBehalfOf && settings.reusedToken === 'id_token') {
    findings.warn(
      'userInfoOnBehalfOf',
      `has no verified access token to exchange (${findings.nameOf('reusedToken')} is id_token): UserInfo answers 403`,
    );
  }
  if (settings.exposeAccessToken) {
    findings.warn('exposeAccessToken', 'the access token is given to JavaScript, where a script injection can read it');
  }
}

function lacksOfflineAccess({ scope }: Settings, preset: PresetName): boolean {
  const asksFor = (scopes: string) => scopes.split(' ').includes('offline_access');
  return scope !== undefined && asksFor(PRESETS[preset].scope) && !asksFor(scope);
}
