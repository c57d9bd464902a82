/** What differs between providers, each difference with its reason. */
import { PRESET_NAMES, type OnBehalfOfFlavour, type PresetName, type TokenKind } from './options.js';

export interface Preset {
  /** Hosts of issuers that choose this preset when none is named: `*` stands for any text. */
  readonly hosts: readonly string[];
  readonly scope: string;
  readonly authorizationParameters: Readonly<Record<string, string>>;
  /** Send `scope` with the refresh grant. */
  readonly scopeAtRefresh: boolean;
  /** Seconds during which the provider accepts a refresh token a second time. */
  readonly replayWindow: number;
  readonly onBehalfOfFlavour: OnBehalfOfFlavour;
  readonly roleTokenKind: TokenKind;
  readonly rolePath: string;
  /** The issuer holds `{tenantid}`, and each token names its tenant in `tid`. */
  readonly multiTenant: boolean;
}

const GENERIC: Preset = {
  hosts: [],
  scope: 'openid profile email offline_access',
  authorizationParameters: {},
  scopeAtRefresh: false,
  replayWindow: 0,
  onBehalfOfFlavour: 'token-exchange',
  roleTokenKind: 'id',
  rolePath: 'roles',
  multiTenant: false,
};

export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  generic: GENERIC,
  entra: {
    ...GENERIC,
    hosts: [
      'login.microsoftonline.com',
      'login.microsoftonline.us',
      'login.partner.microsoftonline.cn',
      'sts.windows.net',
    ],
    // Without `scope` the refresh grant fails with AADSTS90009.
    scopeAtRefresh: true,
    // Entra does not revoke a refresh token when it is used; a day is the shortest life it gives one.
    replayWindow: 86_400,
    onBehalfOfFlavour: 'entra',
    multiTenant: true,
  },
  keycloak: {
    ...GENERIC,
    // `offline_access` turns the single sign-on session into an offline one (Keycloak 26.1); a refresh token comes without it.
    scope: 'openid profile email',
    roleTokenKind: 'access',
    rolePath: 'realm_access.roles',
  },
  auth0: { ...GENERIC, hosts: ['*.auth0.com'] },
  okta: { ...GENERIC, hosts: ['*.okta.com', '*.oktapreview.com', '*.okta-emea.com'], rolePath: 'groups' },
  google: {
    ...GENERIC,
    hosts: ['accounts.google.com'],
    // Google has no `offline_access` scope: `access_type` asks for a refresh token.
    scope: 'openid profile email',
    authorizationParameters: { access_type: 'offline' },
  },
  cognito: {
    ...GENERIC,
    hosts: ['cognito-idp.*.amazonaws.com', 'cognito-idp.*.amazonaws.com.cn', '*.amazoncognito.com'],
    // Cognito refuses `offline_access` as an unknown scope and always issues a refresh token.
    scope: 'openid profile email',
    rolePath: 'cognito:groups',
  },
};

/** The preset for an issuer: by the host, or Keycloak by its `/realms/` path, else `generic`. */
export function presetFor(issuer: URL): PresetName {
  const byHost = PRESET_NAMES.find((name) => isHostOf(name, issuer));
  if (byHost !== undefined) return byHost;
  return /^(\/auth)?\/realms\/[^/]+\/?$/.test(issuer.pathname) ? 'keycloak' : 'generic';
}

/** The issuer is on one of the preset's own hosts. */
export function isHostOf(preset: PresetName, { hostname }: URL): boolean {
  return PRESETS[preset].hosts.some((pattern) => matches(hostname, pattern));
}

function matches(host: string, pattern: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return host === pattern;
  return host.startsWith(pattern.slice(0, star)) && host.endsWith(pattern.slice(star + 1));
}
