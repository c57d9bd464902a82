/** Makes the principal of a request from a verified bearer token or a live session. */
import type { OidcOptions } from '../config/options.js';
import { CoordinationUnavailableException, InvalidTokenException } from '../errors/exceptions.js';
import { Secret } from '../observability/secret.js';
import { Principal, type PrincipalParts } from '../session/principal.js';
import type { Session } from '../session/session.js';
import type { ProviderSession, Tombstones } from '../session/tombstones.js';
import type { RecentUserInfo } from '../on-behalf-of/recent-userinfo.js';
import type { AccessTokenVerifier, VerifiedAccessToken } from '../verification/access-token.verifier.js';
import type { PresentedToken } from '../verification/presented-token.js';
import { rolesAt } from '../verification/roles.js';
import { requireAnyRole } from './authorization.js';
import type { PrincipalResolver } from './principal.resolver.js';
import { SessionFacts } from './session-facts.js';

export interface PrincipalFactoryDependencies {
  readonly options: OidcOptions;
  readonly accessTokens: AccessTokenVerifier;
  readonly tombstones: Tombstones;
  readonly userInfo: RecentUserInfo;
  readonly resolver: PrincipalResolver | undefined;
}

/** At once where nothing has to be waited for: a promise costs more than everything that is checked of a known token. */
export type Awaitable<Result> = Result | Promise<Result>;

export class PrincipalFactory {
  private readonly facts: SessionFacts;

  constructor(private readonly dependencies: PrincipalFactoryDependencies) {
    this.facts = new SessionFacts(dependencies.options);
  }

  /** As `fromBearer`, for a token that was accepted before; undefined says that `fromBearer` has to decide. */
  fromKnownBearer(token: PresentedToken): Awaitable<Principal> | undefined {
    const verified = this.dependencies.accessTokens.known(token);
    return verified === undefined ? undefined : this.ofBearer(token, verified);
  }

  /**
   * What is refused at once is thrown at once.
   *
   * @throws InvalidTokenException, ProviderUnavailableException, ForbiddenException `role_required`, and what the application's resolver throws
   */
  fromBearer(token: PresentedToken): Promise<Principal> {
    const outcome = unlessRefused(this.dependencies.accessTokens.verify(token));
    return outcome.then((accepted) => this.ofBearer(token, unlessRefused(accepted).verified));
  }

  /** As `fromBearer`. The identity is that of the ID Token; the access token is verified too where it is one of this API. */
  fromSession(session: Session): Awaitable<Principal> {
    const { verifiable } = this.facts.of(session);
    if (verifiable === undefined) return this.ofSession(session, undefined);
    const known = this.dependencies.accessTokens.known(verifiable);
    return known === undefined ? this.verifySession(session, verifiable) : this.ofSession(session, known);
  }

  /** As `fromSession`, where nothing has to be waited for; undefined says that `fromSession` has to decide. */
  fromKnownSession(session: Session): Awaitable<Principal> | undefined {
    const { verifiable } = this.facts.of(session);
    if (verifiable === undefined) return this.ofSession(session, undefined);
    const known = this.dependencies.accessTokens.known(verifiable);
    return known?.subject === session.subject ? this.ofSession(session, known) : undefined;
  }

  private ofBearer(token: PresentedToken, verified: VerifiedAccessToken): Awaitable<Principal> {
    if (!hasSession(verified) || this.dependencies.tombstones.isKnownOpenFor(verified))
      return this.bearer(token, verified);
    return this.isSignedOut(verified).then((isSignedOut) => {
      if (!isSignedOut) return this.bearer(token, verified);
      this.dependencies.accessTokens.forget(token);
      throw new InvalidTokenException('the session of the access token was signed out');
    });
  }

  private bearer({ text }: PresentedToken, verified: VerifiedAccessToken): Awaitable<Principal> {
    const { issuer, subject, tenant, claims, expiresAt } = verified;
    const accessToken = this.dependencies.options.reusedToken === 'access_token' ? new Secret(text) : undefined;
    const roles = this.rolesOf(verified.roles, verified);
    return this.complete({ kind: 'bearer', issuer, subject, tenant, claims, roles, expiresAt, accessToken, verified });
  }

  /** A token that names its session at the provider ends with it. While that cannot be looked up, the token's own end has to do. */
  private async isSignedOut(session: ProviderSession): Promise<boolean> {
    try {
      return await this.dependencies.tombstones.hasArrivedFor(session);
    } catch (error) {
      if (error instanceof CoordinationUnavailableException) return false;
      throw error;
    }
  }

  private async verifySession(session: Session, token: PresentedToken): Promise<Principal> {
    const { verified } = unlessRefused(await this.dependencies.accessTokens.verify(token));
    return this.ofSession(session, verified);
  }

  private ofSession(session: Session, verified: VerifiedAccessToken | undefined): Awaitable<Principal> {
    const { issuer, subject, tenant, tokens } = session;
    if (verified !== undefined && verified.subject !== subject)
      throw new InvalidTokenException('the access token is about another subject');
    const { claims, roles: rolesOfIdToken } = this.facts.of(session);
    const { expiresAt, accessToken } = tokens;
    const roles = this.rolesOf(rolesOfIdToken, verified);
    return this.complete({
      kind: 'session',
      issuer,
      subject,
      tenant,
      claims,
      roles,
      expiresAt,
      accessToken,
      verified,
      session,
    });
  }

  private complete(parts: PrincipalParts): Awaitable<Principal> {
    return this.dependencies.options.roleTokenKind === 'userinfo' ? this.askForRoles(parts) : this.admit(parts);
  }

  private async askForRoles(parts: PrincipalParts): Promise<Principal> {
    const claims = await this.dependencies.userInfo.fetch(new Principal(parts));
    return this.admit({ ...parts, roles: rolesAt(claims, this.dependencies.options.rolePath) });
  }

  private admit(parts: PrincipalParts): Awaitable<Principal> {
    const { options, resolver } = this.dependencies;
    const principal = new Principal(parts);
    requireAnyRole(principal, options.requiredRoles);
    return resolver === undefined ? principal : resolved(principal, resolver);
  }

  /** None yet where UserInfo has to be asked. */
  private rolesOf(ofIdToken: readonly string[], verified: VerifiedAccessToken | undefined): readonly string[] {
    switch (this.dependencies.options.roleTokenKind) {
      case 'id':
        return ofIdToken;
      case 'access':
        return verified?.roles ?? [];
      case 'userinfo':
        return [];
    }
  }
}

function unlessRefused<Outcome>(outcome: Outcome | InvalidTokenException): Outcome {
  if (outcome instanceof InvalidTokenException) throw outcome;
  return outcome;
}

function hasSession(verified: VerifiedAccessToken): verified is VerifiedAccessToken & ProviderSession {
  return verified.providerSessionId !== undefined;
}

async function resolved(principal: Principal, resolver: PrincipalResolver): Promise<Principal> {
  principal.user = await resolver.resolve(principal);
  return principal;
}
