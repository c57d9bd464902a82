/** Puts the rooms together for one OpenID Provider: plain objects, each made once, in the order of the layers. */
import type { Cache } from 'cache-manager';
import type { Clock } from './clock.js';
import type { OidcOptions } from './config/options.js';
import type { Coordinator } from './coordination/coordinator.js';
import { PrincipalFactory } from './guard/principal.factory.js';
import type { PrincipalResolver } from './guard/principal.resolver.js';
import { CookieWriter } from './http/cookie-writer.js';
import { CodeRedemption } from './login/code-redemption.js';
import { LoginService } from './login/login.service.js';
import { OidcStrategy } from './login/oidc.strategy.js';
import { LogoutChannelsService } from './logout/logout-channels.service.js';
import { LogoutService } from './logout/logout.service.js';
import type { OidcEvents } from './observability/events.js';
import { DownstreamTokenCache } from './on-behalf-of/downstream-token.cache.js';
import { OnBehalfOfService } from './on-behalf-of/on-behalf-of.service.js';
import { RecentUserInfo } from './on-behalf-of/recent-userinfo.js';
import { UserInfoService } from './on-behalf-of/userinfo.service.js';
import { OidcHealth } from './provider/health.js';
import { OpenIdProvider } from './provider/openid-provider.js';
import { Outbox } from './refresh/outbox.js';
import { Redemption } from './refresh/redemption.js';
import { Renewal } from './refresh/renewal.js';
import { RefreshService } from './refresh/refresh.service.js';
import { SessionEnding } from './refresh/session-ending.js';
import { SessionService } from './refresh/session.service.js';
import { SharedKnowledge } from './refresh/shared-knowledge.js';
import { Successors } from './refresh/successors.js';
import { CookieCustody, purposeOf } from './session/cookie.custody.js';
import type { Custody } from './session/custody.js';
import { LoginMark } from './session/login-mark.js';
import { OpenedSessions } from './session/opened-sessions.js';
import { Sealer } from './session/sealer.js';
import { SessionIndex } from './session/session-index.js';
import { StoreCustody } from './session/store.custody.js';
import { Tombstones } from './session/tombstones.js';
import { TransactionCookies } from './session/transaction.cookies.js';
import { AccessTokenVerifier } from './verification/access-token.verifier.js';
import { IdTokenVerifier } from './verification/id-token.verifier.js';
import { LogoutTokenVerifier } from './verification/logout-token.verifier.js';
import { SignatureVerifier } from './verification/signature.verifier.js';

/** What comes from outside: the application's options and hooks, and what it may replace. */
export interface OidcParts {
  readonly options: OidcOptions;
  readonly clock: Clock;
  readonly events: OidcEvents;
  readonly coordinator: Coordinator;
  readonly cache: Cache | undefined;
  readonly resolver: PrincipalResolver | undefined;
}

/** Everything that serves one provider. */
export interface OidcComposition {
  readonly provider: OpenIdProvider;
  readonly coordinator: Coordinator;
  readonly health: OidcHealth;
  readonly refresh: RefreshService;
  readonly sessions: SessionService;
  readonly onBehalfOf: OnBehalfOfService;
  readonly userInfo: UserInfoService;
  readonly principals: PrincipalFactory;
  readonly logins: LoginService;
  readonly logouts: LogoutService;
  readonly logoutChannels: LogoutChannelsService;
  /** Lets go of what is remembered, and ends what runs in the background. */
  close(): void;
}

export function compose(parts: OidcParts): OidcComposition {
  const { options, clock, events, coordinator, resolver } = parts;
  const provider = new OpenIdProvider(parts);
  const signatures = new SignatureVerifier(provider);
  const accessTokens = new AccessTokenVerifier(provider, signatures, { clock, events });
  const idTokens = new IdTokenVerifier(provider, signatures, clock);
  const opened = new OpenedSessions(options, clock);
  const { refresh, sessions, tombstones, transactions, loginMark } = composeSessions(parts, {
    provider,
    idTokens,
    accessTokens,
    opened,
  });

  const onBehalfOf = new OnBehalfOfService({
    provider,
    cache: new DownstreamTokenCache(provider.cache, clock),
    clock,
    events,
  });
  const userInfo = new UserInfoService({ provider, onBehalfOf, signatures, clock, events });
  const recentUserInfo = new RecentUserInfo(userInfo, clock);
  const principals = new PrincipalFactory({ options, accessTokens, tombstones, userInfo: recentUserInfo, resolver });

  const strategy = new OidcStrategy({ options, redemption: new CodeRedemption({ provider, idTokens, clock }) });
  const logins = new LoginService({ provider, strategy, transactions, sessions, principals, loginMark, clock, events });
  const logouts = new LogoutService({ provider, sessions, onBehalfOf, events });
  const logoutTokens = new LogoutTokenVerifier(provider, signatures, clock);
  const marking = { logoutTokens, sessions, tombstones, coordinator };
  const logoutChannels = new LogoutChannelsService({ provider, ...marking, clock, events });
  return {
    provider,
    coordinator,
    health: new OidcHealth(provider, coordinator),
    refresh,
    sessions,
    onBehalfOf,
    userInfo,
    principals,
    logins,
    logouts,
    logoutChannels,
    close: () => {
      provider.close();
      accessTokens.close();
      opened.close();
    },
  };
}

interface SessionComposition {
  readonly refresh: RefreshService;
  readonly sessions: SessionService;
  readonly tombstones: Tombstones;
  readonly transactions: TransactionCookies;
  readonly loginMark: LoginMark;
}

interface SessionParts {
  readonly provider: OpenIdProvider;
  readonly idTokens: IdTokenVerifier;
  readonly accessTokens: AccessTokenVerifier;
  readonly opened: OpenedSessions;
}

/** Where sessions are kept, and how they are renewed. */
function composeSessions(
  parts: OidcParts,
  { provider, idTokens, accessTokens, opened }: SessionParts,
): SessionComposition {
  const { options, clock, events, coordinator } = parts;
  const cookies = new CookieWriter({ publicUrl: options.publicUrl, crossSite: false });
  const transactions = transactionCookies(parts);
  const loginMark = new LoginMark(cookies);
  const tombstones = new Tombstones(coordinator, options, clock);
  const custody = custodyOf(parts, { cookies, opened });

  const successors = new Successors(coordinator, options);
  const redemption = new Redemption({ provider, idTokens, clock, events });
  const outbox = new Outbox();
  const renewal = new Renewal({ provider, coordinator, successors, tombstones, redemption, outbox, events });
  const refresh = new RefreshService({ options, successors, tombstones, renewal, outbox, clock });
  const index = new SessionIndex(coordinator);
  const shared = new SharedKnowledge({ options, successors, tombstones });
  const ending = new SessionEnding({ options, custody, accessTokens, tombstones, index, outbox, events });
  const held = { custody, transactions, loginMark, index, ending, outbox };
  const sessions = new SessionService({ options, shared, ...held, refresh, clock, events });
  return { refresh, sessions, tombstones, transactions, loginMark };
}

function custodyOf(
  { options, coordinator, clock }: OidcParts,
  shared: { readonly cookies: CookieWriter; readonly opened: OpenedSessions },
): Custody {
  if (options.custody === 'store') return new StoreCustody({ ...shared, options, coordinator, clock });
  const sealer = new Sealer(options.sessionSecrets, purposeOf(options));
  return new CookieCustody({ ...shared, options, clock, sealer });
}

/** The provider's POST of response mode `form_post` is cross-site, so its cookie is too. */
function transactionCookies({ options, coordinator, clock }: OidcParts): TransactionCookies {
  const cookies = new CookieWriter({ publicUrl: options.publicUrl, crossSite: options.responseMode === 'form_post' });
  return new TransactionCookies({
    sealer: new Sealer(options.sessionSecrets, 'transaction'),
    cookies,
    coordinator,
    clock,
  });
}
